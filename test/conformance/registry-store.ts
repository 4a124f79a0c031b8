/** The common contract of every registry store. The test of each implementation calls this once. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clusterMapFromText, clusterMapToText } from "../../src/registry/text/cluster-map-text.js";
import { assignmentHistoryMax } from "../../src/core/limits.js";
import { parseShard } from "../../src/core/shard.js";
import { recordOfChanges } from "../../src/registry/assignment-log.js";
import type { RegistryStore, StoreMark } from "../../src/registry/registry-store.js";
import { largestMap } from "../registry/map-samples.js";

/**
 * `fresh` creates an empty store and resolves to a function that opens a handle on it: a new one each time, if a store
 * allows several.
 */
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

    it("contains nothing before the first write", async () => {
      const store = await open();
      expect(await store.load()).toBeNull();
      expect(await store.mark()).toBeNull();
      expect(await store.beat(1)).toBeNull();
      expect(await store.log()).toEqual([]);
    });

    it("marks what is stored with its version and beat", async () => {
      const [one, other] = [await open(), await open()];
      await one.compareAndSet(null, { version: 3, text: "first" }, null);
      expect(await other.mark()).toEqual({ version: 3, beat: 0 });
      await one.beat(3);
      expect(await other.mark()).toEqual({ version: 3, beat: 1 });
      await other.compareAndSet({ version: 3, beat: 1 }, { version: 4, text: "second" }, null);
      expect(await one.mark()).toEqual({ version: 4, beat: 1 });
    });

    it("goes back to an older document when that is written, with the log as it was then", async () => {
      const [one, other] = [await open(), await open()];
      for (const version of [6, 7, 8]) {
        const expected = version === 6 ? null : at(version - 1);
        await one.compareAndSet(expected, { version, text: `text ${version}` }, record(version));
      }
      expect(await other.compareAndSet(at(8), { version: 7, text: "back" }, null)).toBe(true);
      expect(await one.load()).toEqual({ version: 7, text: "back", beat: 0 });
      expect(await one.log()).toEqual([record(6)]);
    });

    it("returns the document that was written, through every handle", async () => {
      const [one, other] = [await open(), await open()];
      const document = { version: 1, text: '{"a":"line\\nbreak, ünïcødé, 🦊"}\n\nsecond line' };
      expect(await one.compareAndSet(null, document, null)).toBe(true);
      expect(await one.load()).toEqual({ ...document, beat: 0 });
      expect(await other.load()).toEqual({ ...document, beat: 0 });
      expect(await (await open()).load()).toEqual({ ...document, beat: 0 });
    });

    it("preserves an empty text", async () => {
      const store = await open();
      await store.compareAndSet(null, { version: 1, text: "" }, null);
      expect(await store.load()).toEqual({ version: 1, text: "", beat: 0 });
    });

    it("replaces the document only at the expected version", async () => {
      const [one, other] = [await open(), await open()];
      expect(await one.compareAndSet(at(1), { version: 2, text: "too early" }, null)).toBe(false);
      expect(await one.load()).toBeNull();
      expect(await one.compareAndSet(null, { version: 1, text: "first" }, null)).toBe(true);
      expect(await other.compareAndSet(null, { version: 1, text: "also first" }, null)).toBe(false);
      expect(await other.compareAndSet(at(2), { version: 3, text: "ahead" }, null)).toBe(false);
      expect(await other.compareAndSet(at(1), { version: 2, text: "second" }, null)).toBe(true);
      expect(await one.compareAndSet(at(1), { version: 2, text: "behind" }, null)).toBe(false);
      expect(await one.load()).toEqual({ version: 2, text: "second", beat: 0 });
    });

    it("raises the beat only at the expected version", async () => {
      const [one, other] = [await open(), await open()];
      expect(await one.beat(1)).toBeNull();
      await one.compareAndSet(null, { version: 1, text: "first" }, null);
      expect(await one.beat(1)).toBe(1);
      expect(await other.beat(1)).toBe(2);
      expect(await other.beat(2)).toBeNull();
      expect(await one.load()).toEqual({ version: 1, text: "first", beat: 2 });
    });

    it("replaces the document only at the expected beat, which a replacement keeps", async () => {
      const store = await open();
      await store.compareAndSet(null, { version: 1, text: "first" }, null);
      await store.beat(1);
      expect(await store.compareAndSet(at(1), { version: 2, text: "second" }, "lost")).toBe(false);
      expect(await store.compareAndSet({ version: 1, beat: 1 }, { version: 2, text: "second" }, null)).toBe(true);
      expect(await store.load()).toEqual({ version: 2, text: "second", beat: 1 });
      expect(await store.log()).toEqual([]);
    });

    it("has the log of all successful writes, oldest first, and nothing of the others", async () => {
      const [one, other] = [await open(), await open()];
      expect(await one.log()).toEqual([]);
      await one.compareAndSet(null, { version: 1, text: "first" }, record(1));
      await other.compareAndSet(null, { version: 1, text: "also first" }, record(9));
      await other.compareAndSet(at(1), { version: 2, text: "second" }, null);
      await other.compareAndSet(at(2), { version: 3, text: "third" }, record(2));
      expect(await one.log()).toEqual([record(1), record(2)]);
      expect(await other.log()).toEqual([record(1), record(2)]);
    });

    it("keeps the newest changes of a long log", async () => {
      const store = await open();
      await store.compareAndSet(null, { version: 1, text: "" }, recordOfEach(0));
      const rounds = 3 * assignmentHistoryMax;
      for (let version = 1; version <= rounds; version++) {
        await store.compareAndSet(at(version), { version: version + 1, text: "" }, recordOfEach(version));
      }
      const log = await store.log();
      expect(log.slice(-assignmentHistoryMax)).toEqual(
        Array.from({ length: assignmentHistoryMax }, (_, index) =>
          recordOfEach(rounds - assignmentHistoryMax + 1 + index),
        ),
      );
    });

    it("lets exactly one of many creators succeed", async () => {
      const stores = await Promise.all(Array.from({ length: 8 }, open));
      const wins = await Promise.all(
        stores.map((store, index) => store.compareAndSet(null, { version: 1, text: `creator ${index}` }, null)),
      );
      expect(wins.filter(Boolean)).toHaveLength(1);
      expect(await stores[0]?.load()).toEqual({ version: 1, text: `creator ${wins.indexOf(true)}`, beat: 0 });
    });

    it("loses no increment when 50 writers race through two handles", async () => {
      const stores = [await open(), await open()];
      await stores[0]?.compareAndSet(null, { version: 1, text: "0" }, null);
      await Promise.all(
        Array.from({ length: 50 }, async (_, writer) => {
          const store = stores[writer % 2];
          if (store !== undefined) await increment(store);
        }),
      );
      for (const store of stores) expect(await store.load()).toEqual({ version: 51, text: "50", beat: 0 });
    });

    it("notifies every watcher of changes by another handle and by its own", async () => {
      const [one, other] = [await open(), await open()];
      const onChange = vi.fn<() => void>();
      const onChangeToo = vi.fn<() => void>();
      one.watch(onChange);
      one.watch(onChangeToo);
      await other.compareAndSet(null, { version: 1, text: "by another" }, null);
      await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
      await vi.waitFor(() => expect(onChangeToo).toHaveBeenCalled());
      onChange.mockClear();
      await one.compareAndSet(at(1), { version: 2, text: "its own" }, null);
      await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
    });

    it("notifies a watcher no more once it unsubscribed, but still the others", async () => {
      const store = await open();
      const stopped = vi.fn<() => void>();
      const still = vi.fn<() => void>();
      const stop = store.watch(stopped);
      store.watch(still);
      stop();
      stop();
      await store.compareAndSet(null, { version: 1, text: "unseen" }, null);
      await vi.waitFor(() => expect(still).toHaveBeenCalled());
      expect(stopped).not.toHaveBeenCalled();
    });

    it("stores the largest cluster map", async () => {
      const store = await open();
      const map = largestMap();
      await store.compareAndSet(null, { version: map.version, text: clusterMapToText(map) }, null);
      const next = { ...map, version: map.version + 1 };
      const document = { version: next.version, text: clusterMapToText(next) };
      expect(await store.compareAndSet(at(map.version), document, null)).toBe(true);
      const stored = await store.load();
      expect(stored?.version).toBe(next.version);
      expect(clusterMapFromText(stored?.text ?? "")).toEqual(next);
    });
  });
}

function at(version: number): StoreMark {
  return { version, beat: 0 };
}

function record(epoch: number): string {
  const change = { shard: parseShard(0), epoch, node: "a", atMs: 1000, cause: "operator" } as const;
  return recordOfChanges([change]) ?? "";
}

/** A change of each of a large number of shards. */
function recordOfEach(epoch: number): string {
  const change = { epoch: epoch + 1, node: "a", atMs: 1000, cause: "automatic" } as const;
  return recordOfChanges(Array.from({ length: 2_000 }, (_, shard) => ({ ...change, shard: parseShard(shard) }))) ?? "";
}

/** Increments as a writer of the registry does: reads, changes, writes, and repeats when another writer was faster. */
async function increment(store: RegistryStore): Promise<void> {
  for (;;) {
    const stored = await store.load();
    if (stored === null) throw new Error("The document is gone.");
    const next = { version: stored.version + 1, text: String(Number(stored.text) + 1) };
    if (await store.compareAndSet(stored, next, null)) return;
  }
}
