/** Conformance of storage engines: entries that expire, for readers, for writers, in the figures and in the sweep. */
import { describe, expect, it } from "vitest";
import type { Expiry } from "../../src/core/operation.js";
import type { StorageEngine } from "../../src/storage/engine.js";
import { find, get, noBudget, nowMs, page, put, remove, scan, shard, version } from "./storage-operations.js";

const inOneSecond: Expiry = { kind: "ttl", seconds: 1 };

export function describeExpiry(engine: () => StorageEngine): void {
  describe("an entry that expires", () => {
    it.each<readonly [string, Expiry]>([
      ["seconds", inOneSecond],
      ["a moment", { kind: "at", atMs: nowMs + 1000 }],
    ])("is there until its moment and gone from it on (%s)", async (_, expiry) => {
      const [outcome] = await engine().write([put("a", "1", { expiry }), put("b", "1")], nowMs);
      expect(outcome).toMatchObject({ isNew: true, facts: { expiresAtMs: nowMs + 1000 } });
      for (const [atMs, expected] of [
        [nowMs + 999, ["a", "b"]],
        [nowMs + 1000, ["b"]],
        [nowMs + 1001, ["b"]],
      ] as const) {
        expect((await find(engine(), "a", atMs)) !== null).toBe(expected.length === 2);
        for (const isReverse of [false, true]) {
          const outcome = await page(engine(), { isReverse }, { nowMs: atMs });
          expect(outcome.entries.map(({ key }) => key).toSorted()).toEqual(expected);
        }
      }
      expect((await find(engine(), "a"))?.expiresAtMs).toBe(nowMs + 1000);
    });

    it("lives on when it is put again without an expiry, and expires anew with another", async () => {
      await engine().write([put("a", "1", { expiry: inOneSecond }), put("b", "1", { expiry: inOneSecond })], nowMs);
      await engine().write([put("a", "2"), put("b", "2", { expiry: { kind: "ttl", seconds: 5 } })], nowMs);
      expect(await engine().sweep(nowMs + 1000, 10)).toBe(0);
      expect(await find(engine(), "a", nowMs + 1e9)).toMatchObject({ value: "2", expiresAtMs: null });
      expect(await find(engine(), "b", nowMs + 4999)).toMatchObject({ value: "2" });
      expect(await engine().sweep(nowMs + 5000, 10)).toBe(1);
      expect(await find(engine(), "b", nowMs)).toBeNull();
    });

    it("counts as absent for every condition once it has expired, swept or not", async () => {
      const laterMs = nowMs + 1000;
      await engine().write([put("a", "1", { expiry: inOneSecond })], nowMs);
      const outcomes = await engine().write(
        [
          remove("a"),
          remove("a", { condition: { kind: "ifPresent" } }),
          put("a", "2", { condition: { kind: "ifVersion", version: version("1") } }),
          put("a", "3", { condition: { kind: "ifAbsent" } }),
        ],
        laterMs,
      );
      expect(outcomes).toMatchObject([
        { kind: "notFound" },
        { kind: "conflict", current: null },
        { kind: "conflict", current: null },
        { kind: "written", isNew: true, facts: { version: "2", createdAtMs: laterMs } },
      ]);
      expect(await engine().sweep(laterMs, 10)).toBe(0);
      expect(await find(engine(), "a", laterMs)).toMatchObject({ value: "3" });
    });

    it.each([nowMs, nowMs - 1, 0, -1, -8.64e15])(
      "is written and at once gone when its moment %d has passed",
      async (atMs) => {
        await engine().write([put("a", "1")], nowMs);
        const [outcome] = await engine().write([put("a", "2", { expiry: { kind: "at", atMs } })], nowMs);
        expect(outcome).toMatchObject({ kind: "written", isNew: false, facts: { version: "2" } });
        expect(await find(engine(), "a")).toBeNull();
        expect((await engine().stats(nowMs)).get(shard(0))).toEqual({ keyCount: 0, sizeBytes: 0 });
        expect(await engine().sweep(nowMs, 10)).toBe(1);
        expect(await engine().write([put("a", "3")], nowMs)).toMatchObject([{ isNew: true, facts: { version: "3" } }]);
      },
    );

    it("expires at the last moment there is when its time lies beyond", async () => {
      const forever: Expiry = { kind: "ttl", seconds: Number.MAX_SAFE_INTEGER };
      const [outcome] = await engine().write([put("a", "1", { expiry: forever })], nowMs);
      expect(outcome).toMatchObject({ facts: { expiresAtMs: 8.64e15 } });
      expect((await find(engine(), "a", 8.64e15 - 1))?.expiresAtMs).toBe(8.64e15);
      expect(await find(engine(), "a", 8.64e15)).toBeNull();
    });

    it("ends a page without hasMore when only expired entries follow", async () => {
      await engine().write(
        [put("a", "1", { expiry: inOneSecond }), put("b", "1"), put("c", "1", { expiry: inOneSecond })],
        nowMs,
      );
      const outcome = await page(engine(), { limit: 1 }, { nowMs: nowMs + 1000 });
      expect(outcome).toMatchObject({ entries: [{ key: "b" }], hasMore: false });
      expect((await page(engine(), { limit: 2 }, { nowMs })).hasMore).toBe(true);
      const cut = await engine().read([scan({ limit: 1 }), get("a")], { ...noBudget, nowMs: nowMs + 1000 });
      expect(cut).toMatchObject([{ kind: "page" }, { kind: "notFound" }]);
    });
  });

  describe("a sweep", () => {
    it("removes what has expired, at most as many as asked, and takes no versions", async () => {
      const expiring = Array.from({ length: 25 }, (_, index) =>
        put(`e${index}`, "1", { shard: shard(index % 3), expiry: { kind: "at", atMs: nowMs + index } }),
      );
      await engine().write([...expiring, put("stays", "1")], nowMs);
      expect(await engine().sweep(nowMs - 1, 100)).toBe(0);
      expect(await engine().sweep(nowMs + 19, 15)).toBe(15);
      expect(await engine().sweep(nowMs + 19, 15)).toBe(5);
      expect(await engine().sweep(nowMs + 19, 15)).toBe(0);
      expect(await engine().sweep(nowMs + 1000, 100)).toBe(5);
      expect(await engine().sweep(nowMs + 1000, 0)).toBe(0);
      expect((await engine().stats(nowMs)).get(shard(0))?.keyCount).toBe(1);
      expect(await engine().write([put("next", "1")], nowMs)).toMatchObject([{ facts: { version: "11" } }]);
    });

    it("spares an entry that is written while it runs", async () => {
      await engine().write([put("a", "1", { expiry: inOneSecond }), put("b", "1", { expiry: inOneSecond })], nowMs);
      const laterMs = nowMs + 1000;
      const [, removed] = await Promise.all([engine().write([put("a", "2")], laterMs), engine().sweep(laterMs, 10)]);
      expect(removed).toBe(1);
      expect(await find(engine(), "a", laterMs)).toMatchObject({ value: "2" });
      expect(await engine().stats(laterMs)).toEqual(new Map([[shard(0), { keyCount: 1, sizeBytes: 2 }]]));
    });
  });

  describe("stats", () => {
    it("leave out what has expired, swept or not", async () => {
      const operations = [1, 2].map((number) =>
        put("a", "12345", { shard: shard(number), expiry: { kind: "ttl", seconds: number } }),
      );
      await engine().write([...operations, put("b", "1", { shard: shard(1) })], nowMs);
      const live = new Map([
        [shard(1), { keyCount: 1, sizeBytes: 2 }],
        [shard(2), { keyCount: 1, sizeBytes: 6 }],
      ]);
      expect(await engine().stats(nowMs + 1000)).toEqual(live);
      expect(await engine().sweep(nowMs + 1000, 10)).toBe(1);
      expect(await engine().stats(nowMs + 1000)).toEqual(live);
      expect((await engine().stats(nowMs + 2000)).get(shard(2))).toEqual({ keyCount: 0, sizeBytes: 0 });
    });
  });
}
