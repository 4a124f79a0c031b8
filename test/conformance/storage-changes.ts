/** Conformance of storage engines: the change feed, its tombstones, its gaps, and the digest of a shard. */
import { describe, expect, it } from "vitest";
import { tombstoneAgeMsMax } from "../../src/core/limits.js";
import type { Change, ChangesCursor, ChangesOutcome, ChangesRequest, StorageEngine } from "../../src/storage/engine.js";
import { changeClaims, claim, fill, nowMs, put, remove, shard, write } from "./storage-operations.js";

type Page = Extract<ChangesOutcome, { readonly kind: "changes" }>;

export function describeChanges(engine: () => StorageEngine): void {
  const feed = (cursor: ChangesCursor | null, rest: Partial<ChangesRequest> = {}): Promise<ChangesOutcome> =>
    engine().changes({ shard: shard(0), epoch: null, cursor, limit: 1000, bytesMax: 1e6, ...rest });
  const pageOf = async (cursor: ChangesCursor | null, rest: Partial<ChangesRequest> = {}): Promise<Page> => {
    const outcome = await feed(cursor, rest);
    if (outcome.kind !== "changes") throw new Error(`The feed answered ${JSON.stringify(outcome)}.`);
    return outcome;
  };

  describe("the change feed", () => {
    it("returns the newest state of each key that changed, in order of version", async () => {
      await write(engine(), [put("a", "1"), put("b", "1"), put("c", "1"), put("a", "2"), remove("b")], nowMs);
      const { changes, cursor, hasMore } = await pageOf(null);
      expect(changes.map(textOf)).toEqual(["3 put c 1", "4 put a 2", "5 deleted b"]);
      expect(changes[2]).toEqual({ kind: "deleted", key: "b", version: "5", atMs: nowMs });
      expect({ cursor, hasMore }).toEqual({ cursor: { lineage: 0, after: 5, since: 5 }, hasMore: false });
      await write(engine(), [put("b", "2"), put("d", "1", { shard: shard(1) })], nowMs);
      expect((await pageOf(cursor)).changes.map(textOf)).toEqual(["6 put b 2"]);
      expect((await pageOf(null)).changes.map(textOf)).toEqual(["3 put c 1", "4 put a 2", "6 put b 2"]);
    });

    it("is read in pages bounded by number and bytes, and continues exactly where a page ended", async () => {
      await fill(engine(), ["a", "b", "c", "d"]);
      await write(engine(), [remove("b")], nowMs);
      const seen: string[] = [];
      let cursor: ChangesCursor | null = null;
      for (let hasMore = true; hasMore;) {
        const page: Page = await pageOf(cursor, { limit: 2 });
        expect(page.changes.length).toBeLessThanOrEqual(2);
        seen.push(...page.changes.map(textOf));
        ({ cursor, hasMore } = page);
      }
      expect(seen.map((text) => text.split(" ")[0])).toEqual(["1", "3", "4", "5"]);
      const short = await pageOf(null, { bytesMax: 1 });
      expect([short.changes.length, short.hasMore]).toEqual([1, true]);
      const last = await pageOf(cursor);
      expect([last.changes, last.hasMore, last.cursor]).toEqual([[], false, cursor]);
    });

    it("contains an expiry once the sweep has recorded it, with a version of its own", async () => {
      await write(engine(), [put("a", "1", { expiry: { kind: "ttl", seconds: 1 } })], nowMs);
      expect((await pageOf(null)).changes.map(textOf)).toEqual(["1 put a 1"]);
      await engine().sweep(nowMs + 1000, 10);
      expect((await pageOf(null)).changes).toEqual([{ kind: "expired", key: "a", version: "2", atMs: nowMs + 1000 }]);
      expect((await engine().stats(nowMs)).get(shard(0))).toMatchObject({
        keyCount: 0,
        tombstoneCount: 1,
        sequence: 2,
      });
    });

    it("has one item per key: a put replaces the tombstone", async () => {
      await write(engine(), [put("a", "1"), remove("a")], nowMs);
      await write(engine(), [put("a", "2")], nowMs);
      expect((await pageOf(null)).changes.map(textOf)).toEqual(["3 put a 2"]);
      expect((await engine().stats(nowMs)).get(shard(0))).toMatchObject({ tombstoneCount: 0 });
      await write(engine(), [remove("a"), put("a", "3"), remove("a")], nowMs);
      expect((await pageOf(null)).changes.map(textOf)).toEqual(["6 deleted a"]);
    });

    it("has a gap for readers that have not read the newest dropped tombstone, and for no others", async () => {
      await write(engine(), [put("a", "1"), put("b", "1")], nowMs);
      const early = (await pageOf(null)).cursor;
      await write(engine(), [remove("a")], nowMs);
      const behind = (await pageOf(early)).cursor;
      const laterMs = nowMs + tombstoneAgeMsMax;
      expect((await engine().sweep(laterMs - 1, 10)).tombstonesDropped).toBe(0);
      expect((await engine().sweep(laterMs, 10)).tombstonesDropped).toBe(1);
      expect(await feed(early)).toEqual({ kind: "gap" });
      expect(await pageOf(behind)).toMatchObject({ changes: [], hasMore: false });
      expect((await pageOf(null)).changes.map(textOf)).toEqual(["2 put b 1"]);
      // The first page of a reader that began after the drop, read to its middle.
      await write(engine(), [put("c", "1")], nowMs);
      const half = await pageOf(null, { limit: 1 });
      expect((await pageOf(half.cursor)).changes.map(textOf)).toEqual(["4 put c 1"]);
    });

    it("loses at most as many tombstones as a sweep may drop", async () => {
      const all = ["a", "b", "c"];
      await fill(engine(), all);
      await write(
        engine(),
        all.map((key) => remove(key)),
        nowMs,
      );
      const laterMs = nowMs + tombstoneAgeMsMax;
      expect(await engine().sweep(laterMs, 2)).toEqual({ expired: 0, tombstonesDropped: 2, isMore: true });
      expect((await pageOf(null)).changes.map(textOf)).toEqual(["6 deleted c"]);
      expect(await engine().sweep(laterMs, 2)).toEqual({ expired: 0, tombstonesDropped: 1, isMore: false });
      expect(await engine().sweep(laterMs, 2)).toEqual({ expired: 0, tombstonesDropped: 0, isMore: false });
    });

    it("is exact from every cursor while sweeps remove overwritten items", async () => {
      const all = ["a", "b", "c", "d", "e"];
      for (const round of [1, 2, 3]) {
        await write(
          engine(),
          all.slice(0, 2 + round).map((key) => put(key, String(round))),
          nowMs,
        );
      }
      await write(engine(), [remove("a")], nowMs);
      await write(engine(), [put("f", "1")], nowMs);
      const newest = ["9 put b 3", "10 put c 3", "11 put d 3", "12 put e 3", "13 deleted a", "14 put f 1"];
      for (let sweeps = 0; sweeps < 12; sweeps++) {
        for (let after = 0; after <= 14; after++) {
          const { changes, hasMore } = await pageOf({ lineage: 0, after, since: 14 }, { limit: 4 });
          const left = newest.filter((text) => Number(text.split(" ")[0]) > after);
          expect([changes.map(textOf), hasMore]).toEqual([left.slice(0, 4), left.length > 4]);
        }
        await engine().sweep(nowMs, 10);
      }
    });

    it("has a gap once the lineage is raised", async () => {
      await fill(engine(), ["a"]);
      const { cursor } = await pageOf(null);
      await changeClaims(engine(), claim(1, { lineage: 1 }));
      expect(await feed(cursor)).toEqual({ kind: "gap" });
      expect((await pageOf(null)).cursor).toMatchObject({ lineage: 1 });
    });

    it("has a gap after another store owned the shard, and none when it stayed with its store", async () => {
      await fill(engine(), ["a"]);
      const { cursor } = await pageOf(null);
      await changeClaims(engine(), claim(2));
      expect((await pageOf(cursor)).changes).toEqual([]);
      await changeClaims(engine(), { kind: "release", shard: shard(0), epoch: 2 }, claim(4));
      expect(await feed(cursor)).toEqual({ kind: "gap" });
      const anew = await pageOf(null);
      expect(anew.changes.map(textOf)).toEqual(['1 put a "value of a"']);
      expect((await pageOf(anew.cursor)).changes).toEqual([]);
      await write(engine(), [put("b", "1")], nowMs);
      expect((await pageOf(anew.cursor)).changes).toHaveLength(1);
    });
  });

  describe("a sweep", () => {
    it("changes only shards that are owned and not sealed", async () => {
      const expiry = { kind: "ttl", seconds: 1 } as const;
      for (const number of [0, 1, 2]) await write(engine(), [put("a", "1", { shard: shard(number), expiry })], nowMs);
      const sealed = claim(1, { shard: shard(1), sealedFor: "move-1" });
      await changeClaims(engine(), { kind: "release", shard: shard(0), epoch: 1 }, sealed);
      expect((await engine().sweep(nowMs + 1000, 10)).expired).toBe(1);
      await changeClaims(engine(), claim(2), claim(1, { shard: shard(1) }));
      expect((await engine().sweep(nowMs + 1000, 10)).expired).toBe(2);
    });

    it("lets entries expire by the clock again once all entries below the mark are removed", async () => {
      const expiry = { kind: "ttl", seconds: 5 } as const;
      await write(engine(), [put("a", "1", { expiry })], nowMs);
      // Judged by a clock that was ahead, and then jumped back.
      await write(engine(), [remove("a")], nowMs + 5000);
      const short = put("b", "1", { expiry: { kind: "ttl", seconds: 1 } });
      expect(await write(engine(), [short], nowMs)).toMatchObject([{ kind: "refused", code: "SHARD_UNAVAILABLE" }]);
      expect((await engine().sweep(nowMs, 10)).expired).toBe(1);
      expect(await write(engine(), [short], nowMs)).toMatchObject([{ kind: "written" }]);
      expect((await engine().stats(nowMs)).get(shard(0))?.keyCount).toBe(1);
    });
  });

  describe("a digest", () => {
    const digest = async (number = 0): Promise<string | undefined> =>
      (await engine().stats(nowMs)).get(shard(number))?.digest;

    it("depends on the contents, not on their history or order", async () => {
      const empty = await digest();
      await write(engine(), [put("a", "1"), put("b", "2")], nowMs);
      const both = await digest();
      expect(both).not.toBe(empty);
      await write(engine(), [put("c", "3")], nowMs);
      const three = await digest();
      await write(engine(), [remove("c")], nowMs);
      expect(await digest()).toBe(both);
      await write(engine(), [remove("b"), remove("a")], nowMs);
      expect(await digest()).toBe(empty);
      expect(new Set([empty, both, three]).size).toBe(3);
    });

    it("differs for another value, version, time or shard", async () => {
      const seen: unknown[] = [];
      for (const [value, atMs] of [
        ["1", nowMs],
        ["1", nowMs],
        ["2", nowMs],
        ["2", nowMs + 1],
      ] as const) {
        await write(engine(), [put("a", value)], atMs);
        seen.push(await digest());
      }
      await write(engine(), [put("a", "1", { shard: shard(1) })], nowMs);
      seen.push(await digest(1));
      expect(new Set(seen).size).toBe(5);
    });
  });
}

function textOf(change: Change): string {
  if (change.kind !== "put") return `${change.version} ${change.kind} ${change.key}`;
  const { key, value, version } = change.entry;
  return `${version} put ${key} ${value}`;
}
