import { describe, expect, it } from "vitest";
import { parseShard } from "../../../src/core/shard.js";
import { recordOfChanges } from "../../../src/registry/assignment-log.js";
import { MemoryStore } from "../../../src/registry/stores/memory-store.js";
import { describeRegistryStore } from "../../conformance/registry-store.js";

describeRegistryStore("MemoryStore", async () => {
  const store = new MemoryStore();
  return async () => store;
});

describe("MemoryStore with a fault", () => {
  const first = { version: 1, text: "first" };

  it("fails one load and answers the next", async () => {
    const store = new MemoryStore();
    store.injectFault("loadFails");
    expect(await store.compareAndSet(null, first, null)).toBe(true);
    await expect(store.load()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.load()).toEqual({ ...first, beat: 0 });
  });

  it("fails one write before it happened", async () => {
    const store = new MemoryStore();
    store.injectFault("writeFails");
    await expect(store.compareAndSet(null, first, null)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.load()).toBeNull();
    expect(await store.compareAndSet(null, first, null)).toBe(true);
  });

  it("writes and then does not confirm it", async () => {
    const store = new MemoryStore();
    store.injectFault("writeIsNotConfirmed");
    await expect(store.compareAndSet(null, first, null)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.load()).toEqual({ ...first, beat: 0 });
  });

  it("loses one race, and has its faults in the order they were injected", async () => {
    const store = new MemoryStore();
    store.injectFault("raceIsLost");
    store.injectFault("writeFails");
    expect(await store.compareAndSet(null, first, null)).toBe(false);
    await expect(store.compareAndSet(null, first, null)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.compareAndSet(null, first, null)).toBe(true);
  });

  it("fails to read the log once", async () => {
    const store = new MemoryStore();
    store.injectFault("logFails");
    await expect(store.log()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.log()).toEqual([]);
  });

  it("fails a beat before it happened, raises one without confirming it, and loses one", async () => {
    const store = new MemoryStore();
    await store.compareAndSet(null, first, null);
    store.injectFault("beatFails");
    await expect(store.beat(1)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.load()).toMatchObject({ beat: 0 });
    store.injectFault("beatIsNotConfirmed");
    await expect(store.beat(1)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await store.load()).toMatchObject({ beat: 1 });
    store.injectFault("beatIsLost");
    expect(await store.beat(1)).toBeNull();
    expect(await store.beat(1)).toBe(2);
  });

  it("compacts a log of many records", async () => {
    const store = new MemoryStore();
    await store.compareAndSet(null, first, null);
    for (let version = 1; version <= 1100; version++) {
      const change = { shard: parseShard(0), epoch: version, node: "a", atMs: 1000, cause: "operator" } as const;
      const next = { version: version + 1, text: "" };
      await store.compareAndSet({ version, beat: 0 }, next, recordOfChanges([change]));
    }
    const log = await store.log();
    expect(log.length).toBeLessThan(1000);
    expect(log.at(-1)).toContain("[1100]");
  });
});
