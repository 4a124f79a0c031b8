/** Conformance of storage engines: the order, bounds, cursors and budget of scans. */
import { describe, expect, it } from "vitest";
import { pageEntryBytes } from "../../src/core/answer-bytes.js";
import type { JsonEntry } from "../../src/core/entry.js";
import type { StorageEngine } from "../../src/storage/engine.js";
import {
  fill,
  get,
  keys,
  keysOf,
  noBudget,
  nowMs,
  page,
  put,
  read,
  remove,
  scan,
  shard,
  write,
} from "./storage-operations.js";

/** In bytewise order, which is not that of JavaScript's `<`: U+FF5E sorts before the surrogates of the fox. */
const mixed = ["A", "B", "a", "a!", "a/b", "aa", "ab", "b", "é", "ﬀ", "\uffee", "\u{10000}", "🦊", "🦊a", "\u{10ffff}"];

export function describeScans(engine: () => StorageEngine): void {
  describe("a scan", () => {
    it("lists a shard bytewise, even beyond U+FFFF, in both directions", async () => {
      await fill(engine(), mixed.toReversed());
      const bytewise = mixed.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await keys(engine())).toEqual(bytewise);
      expect(await keys(engine(), { isReverse: true })).toEqual(bytewise.toReversed());
      expect(mixed).toEqual(bytewise);
    });

    it("lists complete entries of its own shard only", async () => {
      await fill(engine(), ["b"], 255);
      await fill(engine(), ["a", "c"], 256);
      await fill(engine(), ["b"], 257);
      const { entries, hasMore } = await page(engine(), { shard: shard(256) });
      expect(hasMore).toBe(false);
      const facts = { createdAtMs: nowMs, updatedAtMs: nowMs, expiresAtMs: null };
      expect(entries).toEqual([
        { key: "a", value: '"value of a"', version: "1", ...facts },
        { key: "c", value: '"value of c"', version: "2", ...facts },
      ]);
      expect(await keys(engine(), { shard: shard(255), isReverse: true })).toEqual(["b"]);
      expect(await keys(engine(), { shard: shard(4095) })).toEqual([]);
    });

    it.each<readonly [string, readonly string[]]>([
      ["", mixed],
      ["a", ["a", "a!", "a/b", "aa", "ab"]],
      ["a/", ["a/b"]],
      ["🦊", ["🦊", "🦊a"]],
      ["\u{10ffff}", ["\u{10ffff}"]],
      ["ab", ["ab"]],
      ["abc", []],
      ["~", []],
      ["\ud83e", []],
    ])("lists the keys that start with %j", async (prefix, expected) => {
      await fill(engine(), mixed);
      expect(await keys(engine(), { prefix })).toEqual(expected);
      expect(await keys(engine(), { prefix, isReverse: true })).toEqual(expected.toReversed());
    });

    it("reads a lone surrogate in a bound as U+FFFD, as every encoder does", async () => {
      await fill(engine(), ["a", "\ufffd", "\ufffdx", "🦊"]);
      expect(await keys(engine(), { prefix: "\ud83e" })).toEqual(["\ufffd", "\ufffdx"]);
      expect(await keys(engine(), { after: "\udd8a" })).toEqual(["\ufffdx", "🦊"]);
      expect(await keys(engine(), { before: "\ud83e" })).toEqual(["a"]);
    });

    it.each<readonly [string | null, string | null, readonly string[]]>([
      ["a", null, mixed.slice(3)],
      ["a", "b", ["a!", "a/b", "aa", "ab"]],
      ["a ", "aaa", ["a!", "a/b", "aa"]],
      ["", null, mixed],
      [null, "", []],
      ["b", "a", []],
      ["a", "a", []],
      ["aa", "ab", []],
      [null, "A", []],
      ["\u{10ffff}", null, []],
      ["\ufffd", "\u{1ffff}", ["\u{10000}", "🦊", "🦊a"]],
    ])("lists the keys strictly between %j and %j, existing or not", async (after, before, expected) => {
      await fill(engine(), mixed);
      expect(await keys(engine(), { after, before })).toEqual(expected);
      expect(await keys(engine(), { after, before, isReverse: true })).toEqual(expected.toReversed());
    });

    it("accepts bounds that are longer than any key", async () => {
      await fill(engine(), mixed);
      expect(await keys(engine(), { prefix: "a".repeat(5000) })).toEqual([]);
      expect(await keys(engine(), { after: "a".repeat(3000), before: "a".repeat(5000) })).toEqual([]);
      const between = { after: "A".repeat(3000), before: "b".repeat(5000) };
      expect(await keys(engine(), between)).toEqual(["B", "a", "a!", "a/b", "aa", "ab", "b"]);
      expect(await keys(engine(), { ...between, isReverse: true, limit: 2 })).toEqual(["b", "ab"]);
    });

    it("combines prefix and bounds, whichever is narrower", async () => {
      await fill(engine(), mixed);
      expect(await keys(engine(), { prefix: "a", after: "a!", before: "ab" })).toEqual(["a/b", "aa"]);
      expect(await keys(engine(), { prefix: "a", after: "A", before: "🦊" })).toEqual(["a", "a!", "a/b", "aa", "ab"]);
      expect(await keys(engine(), { prefix: "a", after: "b" })).toEqual([]);
      expect(await keys(engine(), { prefix: "b", before: "a" })).toEqual([]);
    });

    it("sorts the longest keys correctly, even as cursors", async () => {
      const long = ["k".repeat(1023), "k".repeat(1024), `${"k".repeat(1023)}l`];
      await fill(engine(), long);
      expect(await keys(engine())).toEqual(long);
      expect(await keys(engine(), { after: "k".repeat(1024) })).toEqual([long[2]]);
      expect(await keys(engine(), { after: "k".repeat(1025) })).toEqual([long[2]]);
      expect(await keys(engine(), { before: "k".repeat(1025) })).toEqual(long.slice(0, 2));
      expect(await keys(engine(), { prefix: "k".repeat(1024) })).toEqual([long[1]]);
    });
  });

  describe("a page", () => {
    it.each([false, true])("has hasMore exactly when another key follows (isReverse: %j)", async (isReverse) => {
      await fill(engine(), ["a", "b", "c"]);
      const more = async (limit: number) => (await page(engine(), { limit, isReverse })).hasMore;
      expect(await more(2)).toBe(true);
      expect(await more(3)).toBe(false);
      expect(await more(4)).toBe(false);
      expect((await page(engine(), { limit: 1, prefix: "b" })).hasMore).toBe(false);
      expect((await page(engine(), { limit: 1, before: "b", after: "" })).hasMore).toBe(false);
    });

    it("continues after a cursor whose key was deleted, and returns every key once while others are written and deleted", async () => {
      await fill(engine(), ["a", "b", "c", "d", "e"]);
      expect(await keys(engine(), { limit: 2 })).toEqual(["a", "b"]);
      await write(engine(), [remove("b"), put("aa", "1"), put("bb", "1")], nowMs);
      expect(await keys(engine(), { limit: 2, after: "b" })).toEqual(["bb", "c"]);
      expect(await keys(engine(), { limit: 3, before: "b", isReverse: true })).toEqual(["aa", "a"]);
    });

    it.each([false, true])("ends where the budget does, with hasMore (isReverse: %j)", async (isReverse) => {
      const value = JSON.stringify("x".repeat(98));
      await write(
        engine(),
        ["a", "b", "c"].map((key) => put(key, value)),
        nowMs,
      );
      const answered = async (answerBytesMax: number) => {
        const { entries, hasMore } = await page(engine(), { isReverse }, { answerBytesMax });
        return [entries.length, hasMore];
      };
      expect(await answered(0)).toEqual([1, true]);
      const size = pageEntryBytes({ key: "a", value } as JsonEntry);
      expect(await answered(size)).toEqual([1, true]);
      expect(await answered(size + 1)).toEqual([2, true]);
      expect(await answered(2 * size)).toEqual([2, true]);
      expect(await answered(2 * size + 1)).toEqual([3, false]);
    });
  });

  it("a page ends once its values have the requested bytes, and never before the first entry", async () => {
    const value = JSON.stringify("x".repeat(98));
    await write(
      engine(),
      ["a", "b", "c"].map((key) => put(key, value)),
      nowMs,
    );
    for (const [bytesMax, keys, hasMore] of [
      [1, ["a"], true],
      [100, ["a"], true],
      [101, ["a", "b"], true],
      [201, ["a", "b", "c"], false],
    ] as const) {
      const [page] = await read(engine(), [scan({ bytesMax })], noBudget);
      expect(page && keysOf(page)).toEqual(keys);
      expect(page).toMatchObject({ kind: "page", hasMore });
    }
  });

  it("operations after a full answer are refused, but never the first value", async () => {
    await write(engine(), [put("a", JSON.stringify("x".repeat(98))), put("b", "1")], nowMs);
    const operations = [get("none"), get("a"), get("b"), scan(), get("none")];
    const [none, first, ...rest] = await read(engine(), operations, { nowMs, answerBytesMax: 100 });
    expect([none?.kind, first?.kind]).toEqual(["notFound", "found"]);
    for (const outcome of rest) expect(outcome).toMatchObject({ kind: "refused", code: "BATCH_ANSWER_FULL" });
    const roomy = await read(engine(), operations, { nowMs, answerBytesMax: 101 });
    expect(roomy.map(({ kind }) => kind)).toEqual(["notFound", "found", "found", "refused", "refused"]);
    const scans = await read(engine(), [scan(), scan()], { nowMs, answerBytesMax: 100 });
    expect(scans).toMatchObject([{ kind: "page", hasMore: true }, { kind: "refused" }]);
    const all = await read(engine(), [scan(), scan(), get("a")], noBudget);
    expect(all.map(keysOf)).toEqual([["a", "b"], ["a", "b"], []]);
  });
}
