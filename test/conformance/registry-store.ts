/** What every registry store must do, whatever keeps the document. Each implementation's test calls this once. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clusterMapFromText, clusterMapToText } from "../../src/registry/cluster-map-text.js";
import type { RegistryStore } from "../../src/registry/registry-store.js";
import { fullHistoryMap } from "../registry/map-samples.js";

/** `fresh` makes an empty document and resolves to what opens a handle on it: each time another, where that means something. */
export function describeRegistryStore(name: string, fresh: () => Promise<() => Promise<RegistryStore>>): void {
  describe(`${name}, as a registry store`, () => {
    const opened: RegistryStore[] = [];
    let open: () => Promise<RegistryStore>;

    beforeEach(async () => {
      const openHandle = await fresh();
      open = async () => {
        const store = await openHandle();
        opened.push(store);
        return store;
      };
    });
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });

    it("holds nothing before the first write", async () => {
      const store = await open();
      expect(await store.load()).toBeNull();
    });

    it("gives back the document it was given, through every handle", async () => {
      const [one, other] = [await open(), await open()];
      const document = { version: 1, text: '{"a":"line\\nbreak, ünïcødé, 🦊"}\n\nsecond line' };
      expect(await one.compareAndSet(null, document)).toBe(true);
      expect(await one.load()).toEqual(document);
      expect(await other.load()).toEqual(document);
      expect(await (await open()).load()).toEqual(document);
    });

    it("keeps an empty text", async () => {
      const store = await open();
      await store.compareAndSet(null, { version: 1, text: "" });
      expect(await store.load()).toEqual({ version: 1, text: "" });
    });

    it("replaces the document only at the version expected", async () => {
      const [one, other] = [await open(), await open()];
      expect(await one.compareAndSet(1, { version: 2, text: "too early" })).toBe(false);
      expect(await one.load()).toBeNull();
      expect(await one.compareAndSet(null, { version: 1, text: "first" })).toBe(true);
      expect(await other.compareAndSet(null, { version: 1, text: "also first" })).toBe(false);
      expect(await other.compareAndSet(2, { version: 3, text: "ahead" })).toBe(false);
      expect(await other.compareAndSet(1, { version: 2, text: "second" })).toBe(true);
      expect(await one.compareAndSet(1, { version: 2, text: "behind" })).toBe(false);
      expect(await one.load()).toEqual({ version: 2, text: "second" });
    });

    it("lets exactly one of many creators win", async () => {
      const stores = await Promise.all(Array.from({ length: 8 }, open));
      const wins = await Promise.all(
        stores.map((store, index) => store.compareAndSet(null, { version: 1, text: `creator ${index}` })),
      );
      expect(wins.filter(Boolean)).toHaveLength(1);
      expect(await stores[0]?.load()).toEqual({ version: 1, text: `creator ${wins.indexOf(true)}` });
    });

    it("loses no increment when 50 writers race through two handles", async () => {
      const stores = [await open(), await open()];
      await stores[0]?.compareAndSet(null, { version: 1, text: "0" });
      await Promise.all(
        Array.from({ length: 50 }, async (_, writer) => {
          const store = stores[writer % 2];
          if (store !== undefined) await increment(store);
        }),
      );
      for (const store of stores) expect(await store.load()).toEqual({ version: 51, text: "50" });
    });

    it("tells every watcher of a change by another handle and of its own", async () => {
      const [one, other] = [await open(), await open()];
      const onChange = vi.fn<() => void>();
      const onChangeToo = vi.fn<() => void>();
      one.watch(onChange);
      one.watch(onChangeToo);
      await other.compareAndSet(null, { version: 1, text: "by another" });
      await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
      await vi.waitFor(() => expect(onChangeToo).toHaveBeenCalled());
      onChange.mockClear();
      await one.compareAndSet(1, { version: 2, text: "its own" });
      await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
    });

    it("tells a watcher nothing more once it unsubscribed, and the others still", async () => {
      const store = await open();
      const stopped = vi.fn<() => void>();
      const still = vi.fn<() => void>();
      const stop = store.watch(stopped);
      store.watch(still);
      stop();
      stop();
      await store.compareAndSet(null, { version: 1, text: "unseen" });
      await vi.waitFor(() => expect(still).toHaveBeenCalled());
      expect(stopped).not.toHaveBeenCalled();
    });

    it("keeps the largest cluster map, with its whole history", async () => {
      const store = await open();
      const map = fullHistoryMap(4096);
      await store.compareAndSet(null, { version: map.version, text: clusterMapToText(map) });
      expect(
        await store.compareAndSet(map.version, { version: 9, text: clusterMapToText({ ...map, version: 9 }) }),
      ).toBe(true);
      const document = await store.load();
      expect(document?.version).toBe(9);
      expect(clusterMapFromText(document?.text ?? "")).toEqual({ ...map, version: 9 });
    });
  });
}

/** As a writer of the registry does it: read, change, try, and again when another was faster. */
async function increment(store: RegistryStore): Promise<void> {
  for (;;) {
    const document = await store.load();
    if (document === null) throw new Error("The document is gone.");
    const { version, text } = document;
    if (await store.compareAndSet(version, { version: version + 1, text: String(Number(text) + 1) })) return;
  }
}
