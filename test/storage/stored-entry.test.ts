import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonEntry } from "../../src/core/entry.js";
import type { JsonText } from "../../src/core/text/json-text.js";
import { parseKey } from "../../src/core/key.js";
import type { ShardNumber } from "../../src/core/shard.js";
import { versionOf } from "../../src/core/version.js";
import { digestText, digestWith, emptyDigest } from "../../src/storage/checksum.js";
import { decodeEntry, decodeStoredEntry, encodeEntry } from "../../src/storage/stored-entry.js";
import { shard } from "../conformance/storage-operations.js";

const moment = fc.integer({ min: 0, max: 253_402_300_799_999 });
const entries: fc.Arbitrary<JsonEntry> = fc.record({
  key: fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom("a", "é", "🦊", "z", "0") }).map(parseKey),
  value: fc.string({ maxLength: 60, unit: "grapheme" }).map((text) => JSON.stringify(text) as JsonText),
  version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(versionOf),
  createdAtMs: moment,
  updatedAtMs: moment,
  expiresAtMs: fc.option(moment),
});
const shards: fc.Arbitrary<ShardNumber> = fc.nat(16_383).map(shard);

describe("the record of an entry", () => {
  it("decodes to the same entry, wherever in memory it is", () => {
    fc.assert(
      fc.property(shards, entries, fc.nat(9), (number, entry, offset) => {
        const { record, checksum, sizeBytes } = encodeEntry(number, entry);
        const elsewhere = Buffer.alloc(record.length + 32, 0xee).subarray(offset, offset + record.length);
        record.copy(elsewhere);
        expect(decodeEntry(number, entry.key, elsewhere)).toEqual(entry);
        expect(decodeStoredEntry(number, entry.key, elsewhere)).toEqual({ entry, checksum, sizeBytes });
      }),
    );
  });

  it("is damaged after any flipped bit, under another key, in another shard, and when it is truncated", () => {
    fc.assert(
      fc.property(shards, entries, fc.nat(), (number, entry, place) => {
        const { record } = encodeEntry(number, entry);
        const damaged = { code: "ENTRY_DAMAGED", message: expect.stringContaining(`shard ${number}`) };
        const expectDamage = (decode: () => JsonEntry) => expect(decode).toThrowError(expect.objectContaining(damaged));
        expectDamage(() => decodeEntry(number, entry.key, record.subarray(0, place % record.length)));
        const bit = place % (record.length * 8);
        const at = Math.floor(bit / 8);
        record.writeUInt8(record.readUInt8(at) ^ (1 << (bit % 8)), at);
        expectDamage(() => decodeEntry(number, entry.key, record));
        record.writeUInt8(record.readUInt8(at) ^ (1 << (bit % 8)), at);
        expect(decodeEntry(number, entry.key, record)).toEqual(entry);
        const other = shard((number + 1) % 16_384);
        expect(() => decodeEntry(other, entry.key, record)).toThrowError();
        expect(() => decodeEntry(number, parseKey(`${entry.key}x`), record)).toThrowError();
      }),
    );
  });

  it("has a different checksum for each key, version, time and value", () => {
    const facts = { version: versionOf(7), createdAtMs: 1, updatedAtMs: 2, expiresAtMs: null };
    const entry: JsonEntry = { key: parseKey("a"), value: "1" as JsonText, ...facts };
    const others: readonly Partial<JsonEntry>[] = [
      {},
      { key: parseKey("b") },
      { value: "2" as JsonText },
      { version: versionOf(8) },
      { createdAtMs: 2 },
      { updatedAtMs: 1 },
      { expiresAtMs: 3 },
    ];
    const checksums = others.map((other) => encodeEntry(shard(0), { ...entry, ...other }).checksum);
    expect(new Set(checksums).size).toBe(others.length);
  });
});

describe("a digest", () => {
  it("is the same in any order, and without entries that were added and removed", () => {
    const checksums = fc.array(fc.nat(0xffff_ffff), { maxLength: 20 });
    fc.assert(
      fc.property(checksums, checksums, (kept, gone) => {
        const sum = (digest: typeof emptyDigest, all: readonly number[], sign: 1 | -1) =>
          all.reduce((before, checksum) => digestWith(before, checksum, sign), digest);
        const expected = sum(emptyDigest, kept, 1);
        const other = sum(sum(emptyDigest, gone, 1), kept.toReversed(), 1);
        expect(sum(other, gone, -1)).toEqual(expected);
        expect(digestText(expected)).toMatch(/^[0-9a-f]{16}$/);
      }),
    );
  });

  it("differs when one checksum differs, and when two change by the same bits", () => {
    const of = (...checksums: readonly number[]) =>
      digestText(checksums.reduce((before, checksum) => digestWith(before, checksum, 1), emptyDigest));
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), fc.nat(30), (one, two, bit) => {
        fc.pre(one !== two && (one ^ (1 << bit)) >>> 0 !== two);
        const flip = (checksum: number) => (checksum ^ (1 << bit)) >>> 0;
        expect(of(flip(one), two)).not.toBe(of(one, two));
        expect(of(flip(one), flip(two))).not.toBe(of(one, two));
      }),
    );
  });
});
