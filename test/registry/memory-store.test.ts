import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../src/registry/memory-store.js";
import { describeRegistryStore } from "../conformance/registry-store.js";

describeRegistryStore("MemoryStore", async () => {
  const store = new MemoryStore();
  return async () => store;
});

describe("MemoryStore with a fault", () => {
  const first = { version: 1, text: "first" };

  it("fails one load and answers the next", async () => {
    const store = new MemoryStore();
    store.injectFault("loadFails");
    expect(await store.compareAndSet(null, first)).toBe(true);
    await expect(store.load()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.load()).toEqual(first);
  });

  it("fails one write before it happened", async () => {
    const store = new MemoryStore();
    store.injectFault("writeFails");
    await expect(store.compareAndSet(null, first)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.load()).toBeNull();
    expect(await store.compareAndSet(null, first)).toBe(true);
  });

  it("writes and then does not confirm it", async () => {
    const store = new MemoryStore();
    store.injectFault("writeIsNotConfirmed");
    await expect(store.compareAndSet(null, first)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.load()).toEqual(first);
  });

  it("loses one race, and has its faults in the order they were injected", async () => {
    const store = new MemoryStore();
    store.injectFault("raceIsLost");
    store.injectFault("writeFails");
    expect(await store.compareAndSet(null, first)).toBe(false);
    await expect(store.compareAndSet(null, first)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.compareAndSet(null, first)).toBe(true);
  });
});
