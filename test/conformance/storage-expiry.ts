/** Conformance of storage engines: entries that expire, for readers, for writers, in the figures and in the sweep. */
import { describe, expect, it } from "vitest";
import type { OperationExpiry } from "../../src/core/operation.js";
import { expiryMsMax } from "../../src/core/limits.js";
import type { StorageEngine } from "../../src/storage/engine.js";
import {
  figures,
  find,
  get,
  noBudget,
  nowMs,
  page,
  put,
  read,
  remove,
  scan,
  shard,
  version,
  write,
} from "./storage-operations.js";

const inOneSecond: OperationExpiry = { kind: "ttl", seconds: 1 };

export function describeExpiry(engine: () => StorageEngine): void {
  describe("an entry that expires", () => {
    it.each<readonly [string, OperationExpiry]>([
      ["seconds", inOneSecond],
      ["a moment", { kind: "at", atMs: nowMs + 1000 }],
    ])("exists until its moment and is gone from then on (%s)", async (_, expiry) => {
      const [outcome] = await write(engine(), [put("a", "1", { expiry }), put("b", "1")], nowMs);
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
      // The clock jumped back.
      expect(await find(engine(), "a")).toBeNull();
    });

    it("stays when it is put again without an expiry, and expires anew with another", async () => {
      await write(engine(), [put("a", "1", { expiry: inOneSecond }), put("b", "1", { expiry: inOneSecond })], nowMs);
      await write(engine(), [put("a", "2"), put("b", "2", { expiry: { kind: "ttl", seconds: 5 } })], nowMs);
      expect((await engine().sweep(nowMs + 1000, 10)).expired).toBe(0);
      expect(await find(engine(), "a", nowMs + 1e9)).toMatchObject({ value: "2", expiresAtMs: null });
      expect(await find(engine(), "b", nowMs + 4999)).toMatchObject({ value: "2" });
      expect((await engine().sweep(nowMs + 5000, 10)).expired).toBe(1);
      expect(await find(engine(), "b", nowMs)).toBeNull();
    });

    it("counts as absent for every condition once it has expired, swept or not", async () => {
      const laterMs = nowMs + 1000;
      await write(engine(), [put("a", "1", { expiry: inOneSecond })], nowMs);
      const outcomes = await write(
        engine(),
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
      expect((await engine().sweep(laterMs, 10)).expired).toBe(0);
      expect(await find(engine(), "a", laterMs)).toMatchObject({ value: "3" });
    });

    it.each([nowMs, nowMs - 1, 0, -1, -8.64e15, -1e300])("is refused when its moment %d has passed", async (atMs) => {
      await write(engine(), [put("a", "1")], nowMs);
      const expiry = { kind: "at", atMs } as const;
      const [outcome, neighbour] = await write(engine(), [put("a", "2", { expiry }), put("b", "1")], nowMs);
      expect(outcome).toMatchObject({ kind: "refused", code: "EXPIRY_PASSED" });
      expect(neighbour).toMatchObject({ kind: "written", facts: { version: "2" } });
      expect(await find(engine(), "a")).toMatchObject({ value: "1", version: "1" });
    });

    it("may expire up to the end of the year 9999, and is refused beyond", async () => {
      const ttlOf = (atMs: number): OperationExpiry => ({ kind: "ttl", seconds: (atMs - nowMs) / 1000 });
      const at = (atMs: number): OperationExpiry => ({ kind: "at", atMs });
      const put9999 = (expiry: OperationExpiry) => write(engine(), [put("a", "1", { expiry })], nowMs);
      for (const expiry of [at(expiryMsMax), ttlOf(expiryMsMax)]) {
        expect(await put9999(expiry)).toMatchObject([{ kind: "written", facts: { expiresAtMs: expiryMsMax } }]);
      }
      for (const expiry of [at(expiryMsMax + 1), ttlOf(expiryMsMax + 1000), at(Infinity)]) {
        expect(await put9999(expiry)).toMatchObject([{ kind: "refused", code: "BAD_REQUEST" }]);
      }
      expect(await find(engine(), "a", expiryMsMax - 1)).toMatchObject({ version: "2" });
      expect(await find(engine(), "a", expiryMsMax)).toBeNull();
    });

    it("ends a page without hasMore when only expired entries follow", async () => {
      await write(
        engine(),
        [put("a", "1", { expiry: inOneSecond }), put("b", "1"), put("c", "1", { expiry: inOneSecond })],
        nowMs,
      );
      expect((await page(engine(), { limit: 2 }, { nowMs })).hasMore).toBe(true);
      const outcome = await page(engine(), { limit: 1 }, { nowMs: nowMs + 1000 });
      expect(outcome).toMatchObject({ entries: [{ key: "b" }], hasMore: false });
      const cut = await read(engine(), [scan({ limit: 1 }), get("a")], { ...noBudget, nowMs: nowMs + 1000 });
      expect(cut).toMatchObject([{ kind: "page" }, { kind: "notFound" }]);
    });
  });

  describe("a sweep", () => {
    it("removes expired entries, at most as many as requested, each as a change with a version", async () => {
      const expiring = Array.from({ length: 25 }, (_, index) =>
        put(`e${index}`, "1", { shard: shard(index % 3), expiry: { kind: "at", atMs: nowMs + index } }),
      );
      await write(engine(), [...expiring, put("stays", "1")], nowMs - 1);
      expect((await engine().sweep(nowMs - 1, 100)).expired).toBe(0);
      expect((await engine().sweep(nowMs + 19, 15)).expired).toBe(15);
      expect((await engine().sweep(nowMs + 19, 15)).expired).toBe(5);
      expect((await engine().sweep(nowMs + 19, 15)).expired).toBe(0);
      expect((await engine().sweep(nowMs + 1000, 100)).expired).toBe(5);
      expect((await engine().sweep(nowMs + 1000, 0)).expired).toBe(0);
      expect((await figures(engine(), nowMs)).get(shard(0))).toMatchObject({ keyCount: 1 });
      // Nine of the entries put into the shard have expired, and one stays.
      expect(await write(engine(), [put("next", "1")], nowMs)).toMatchObject([{ facts: { version: "20" } }]);
    });

    it("spares an entry that is written while it runs", async () => {
      await write(engine(), [put("a", "1", { expiry: inOneSecond }), put("b", "1", { expiry: inOneSecond })], nowMs);
      const laterMs = nowMs + 1000;
      const put2 = write(engine(), [put("a", "2")], laterMs);
      const [, { expired }] = await Promise.all([put2, engine().sweep(laterMs, 10)]);
      // Depends on which came first: a put over a swept entry, or a put over an expired one.
      expect([1, 2]).toContain(expired);
      expect(await find(engine(), "a", laterMs)).toMatchObject({ value: "2" });
      expect(await figures(engine(), laterMs)).toEqual(new Map([[shard(0), { keyCount: 1, sizeBytes: 2 }]]));
    });
  });

  describe("stats", () => {
    it("exclude expired entries, swept or not", async () => {
      const operations = [1, 2].map((number) =>
        put("a", "12345", { shard: shard(number), expiry: { kind: "ttl", seconds: number } }),
      );
      await write(engine(), [...operations, put("b", "1", { shard: shard(1) })], nowMs);
      const live = new Map<unknown, object>([
        [shard(1), { keyCount: 1, sizeBytes: 2 }],
        [shard(2), { keyCount: 1, sizeBytes: 6 }],
      ]);
      expect(await figures(engine(), nowMs + 1000)).toEqual(live);
      expect((await engine().sweep(nowMs + 1000, 10)).expired).toBe(1);
      expect(await figures(engine(), nowMs + 1000)).toEqual(live);
      expect((await figures(engine(), nowMs + 2000)).get(shard(2))).toEqual({ keyCount: 0, sizeBytes: 0 });
    });
  });
}
