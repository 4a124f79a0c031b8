import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseKey, type Key } from "../../src/core/key.js";
import { fnv1a32, parseShard, shardOfKey } from "../../src/core/shard.js";

/** The definition, byte by byte with big integers: slow but obviously correct. */
function referenceHash(text: string): number {
  let hash = 2166136261n;
  for (const byte of new TextEncoder().encode(text)) hash = ((hash ^ BigInt(byte)) * 16777619n) & 0xffffffffn;
  return Number(hash);
}

describe("fnv1a32", () => {
  // The first five are published with the algorithm: http://www.isthe.com/chongo/src/fnv/test_fnv.c
  it.each([
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["b", 0xe70c2de5],
    ["foobar", 0xbf9cf968],
    ["chongo was here!\n", 0xd49930d5],
    ["user123", 122042374],
    ["grüße", referenceHash("grüße")],
    ["ключ", referenceHash("ключ")],
    ["鍵", referenceHash("鍵")],
    ["a😀b", referenceHash("a😀b")],
    ["k".repeat(1024), referenceHash("k".repeat(1024))],
  ])("hashes %j", (text, hash) => {
    expect(fnv1a32(text)).toBe(hash);
  });

  it("returns the multi-byte vectors as numbers", () => {
    expect(fnv1a32("grüße")).toBe(168736344);
    expect(fnv1a32("k".repeat(1024))).toBe(750850501);
  });

  it("equals the definition for every string", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => fnv1a32(text) === referenceHash(text)));
  });
});

describe("shardOfKey", () => {
  it("puts user123 into shard 2 of 4", () => {
    expect(shardOfKey(parseKey("user123"), 4)).toBe(2);
  });

  it("spreads keys evenly", () => {
    const counts = Array.from({ length: 64 }, () => 0);
    for (let index = 0; index < 64_000; index++) {
      const shard = shardOfKey(`user:${index}` as Key, 64);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1200);
  });
});

describe("parseShard", () => {
  it("accepts numbers and decimal strings within the count", () => {
    expect(parseShard(0, 4)).toBe(0);
    expect(parseShard("3", 4)).toBe(3);
    expect(parseShard("4095")).toBe(4095);
  });

  it.each([4, -1, 1.5, "4", "-1", "01", "1e1", "", " 1", null, undefined, Number.NaN])(
    "refuses %j of 4 and names the valid numbers",
    (value) => {
      expect(() => parseShard(value, 4)).toThrowError(
        expect.objectContaining({ code: "SHARD_NOT_FOUND", message: expect.stringContaining("numbered 0 to 3") }),
      );
    },
  );
});
