/**
 * What registry stores on servers have in common beyond `describeRegistryStore`: their log is compacted on the server, and
 * their watchers hear of changes of other processes. The test of each calls this once.
 */
import { describe, expect, it, vi } from "vitest";
import { assignmentHistoryMax } from "../../src/core/limits.js";
import { parseShard } from "../../src/core/shard.js";
import { changesInRecord, recordOfChanges } from "../../src/registry/assignment-log.js";
import type { RegistryStore } from "../../src/registry/registry-store.js";

/** A record of one change. */
export function logRecord(shard: number, epoch: number): string {
  return recordOfChanges([{ shard: parseShard(shard), epoch, node: "a", atMs: 1, cause: "operator" }]) ?? "";
}

/** `fresh` names a place without a registry; `open` opens a store at a place, as another process does. */
export function describeServerStore(name: string, fresh: () => string, open: (place: string) => RegistryStore): void {
  describe(`${name}, as a registry store on servers`, () => {
    it("drops the log's records of what an older copy of the map has replaced", async () => {
      const store = open(fresh());
      await store.compareAndSet(null, { version: 7, text: "" }, logRecord(0, 7));
      await store.compareAndSet({ version: 7, beat: 0 }, { version: 8, text: "" }, logRecord(0, 8));
      await store.compareAndSet({ version: 8, beat: 0 }, { version: 9, text: "" }, logRecord(0, 9));
      await store.compareAndSet({ version: 9, beat: 0 }, { version: 8, text: "back" }, null);
      expect(await store.log()).toEqual([logRecord(0, 7)]);
    });

    it("compacts a long log to the newest changes of each shard", async () => {
      const store = open(fresh());
      await store.compareAndSet(null, { version: 1, text: "" }, recordOfMany(1));
      const versions = 3 * assignmentHistoryMax;
      for (let version = 1; version < versions; version++) {
        await store.compareAndSet({ version, beat: 0 }, { version: version + 1, text: "" }, recordOfMany(version + 1));
      }
      const log = await store.log();
      expect(log.length).toBeLessThan(versions);
      const epochs = log
        .flatMap(changesInRecord)
        .filter(({ shard }) => shard === 0)
        .map(({ epoch }) => epoch);
      expect(epochs.slice(-assignmentHistoryMax)).toEqual(
        Array.from({ length: assignmentHistoryMax }, (_, index) => versions - assignmentHistoryMax + 1 + index),
      );
    });

    it("calls its watchers for the changes of others, and not after each beat", async () => {
      const place = fresh();
      const [one, other] = [open(place), open(place)];
      await one.compareAndSet(null, { version: 1, text: "" }, null);
      const onChange = vi.fn<() => void>();
      other.watch(onChange);
      await vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());
      for (let beat = 1; beat <= 5; beat++) expect(await one.beat(1)).toBe(beat);
      await one.compareAndSet({ version: 1, beat: 5 }, { version: 2, text: "" }, null);
      await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2));
    });
  });
}

function recordOfMany(epoch: number): string {
  const change = { epoch, node: "a", atMs: 1, cause: "automatic" } as const;
  return recordOfChanges(Array.from({ length: 2_000 }, (_, shard) => ({ ...change, shard: parseShard(shard) }))) ?? "";
}
