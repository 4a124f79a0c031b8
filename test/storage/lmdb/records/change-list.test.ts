import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseKey } from "../../../../src/core/key.js";
import { encodeJournalRecord, sectionsOf } from "../../../../src/storage/lmdb/records/change-journal.js";
import {
  itemsOfList,
  listsOf,
  unpackItems,
  type ChangeItem,
  changeListBytesMax,
} from "../../../../src/storage/lmdb/records/change-list.js";
import { encodeNumber } from "../../../../src/storage/lmdb/records/record.js";
import { shard } from "../../../conformance/storage-operations.js";

function item(version: number, key = `key${version}`): ChangeItem {
  return { version, key: parseKey(key) };
}

/** Ascending versions with gaps, including large ones, and keys of any script and length. */
const anyItems = fc
  .tuple(
    fc.integer({ min: 0, max: 2 ** 52 }),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 40_000 }), fc.string({ unit: "grapheme", maxLength: 120 })), {
      minLength: 1,
      maxLength: 60,
    }),
  )
  .map(([start, steps]) => {
    let version = start;
    return steps.map(([step, text]) => item((version += step), `k${text.replaceAll(/[\p{Cc}\p{Cs}]/gu, "")}`));
  });

function flipped(record: Buffer): readonly Buffer[] {
  return Array.from({ length: 8 * record.length }, (_, bit) => {
    const other = Buffer.from(record);
    other.writeUInt8(other.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return other;
  });
}

describe("lists of the change index", () => {
  it("contain the items that were written, in order, and are of bounded size", () => {
    fc.assert(
      fc.property(anyItems, (items) => {
        const lists = listsOf(shard(7), items);
        const read = lists.map(({ lastVersion, record }) => unpackItems(itemsOfList(shard(7), lastVersion, record)));
        expect(read.flat()).toEqual(items);
        expect(lists.map(({ lastVersion }) => lastVersion)).toEqual(read.map((list) => list.at(-1)?.version));
        for (const { record } of lists) expect(record.length).toBeLessThanOrEqual(changeListBytesMax);
      }),
    );
  });

  it("contain many items in one record as long as their versions are near", () => {
    const near = Array.from({ length: 100 }, (_, index) => item(index + 1));
    expect(listsOf(shard(0), near)).toHaveLength(1);
    expect(listsOf(shard(0), [item(1), item(65_536), item(65_537)])).toHaveLength(2);
    expect(listsOf(shard(0), [])).toEqual([]);
  });

  it("are refused when any bit has changed, and under another shard or version", () => {
    const [list] = listsOf(shard(1), [item(10), item(12)]);
    const { record } = list ?? expect.fail();
    const damaged = expect.objectContaining({ code: "ENTRY_DAMAGED", message: expect.stringMatching(/shard 1.*12/) });
    for (const other of flipped(record)) expect(() => itemsOfList(shard(1), 12, other)).toThrow(damaged);
    expect(() => itemsOfList(shard(2), 12, record)).toThrow("shard 2");
    for (const version of [11, 13, 12 + 2 ** 32]) expect(() => itemsOfList(shard(1), version, record)).toThrow();
    expect(() => itemsOfList(shard(1), 12, record.subarray(0, 3))).toThrow(damaged);
  });
});

describe("records of the change journal", () => {
  const id = encodeNumber(7);

  it("contain the items that were written, ordered by shard and version", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 65_535 }), anyItems), { maxLength: 5 }), (shards) => {
        const items = [...new Map(shards)].flatMap(([number, list]) =>
          list.map((one) => ({ shard: shard(number), ...one })),
        );
        const read = sectionsOf(id, encodeJournalRecord(id, items.toReversed())).flatMap((section) =>
          unpackItems(section).map((one) => ({ shard: section.shard, ...one })),
        );
        expect(read).toEqual(items.toSorted((one, other) => one.shard - other.shard || one.version - other.version));
      }),
    );
  });

  it("are refused when any bit has changed, even in their number", () => {
    const record = encodeJournalRecord(id, [{ shard: shard(1), ...item(3) }]);
    const damaged = expect.objectContaining({ code: "ENTRY_DAMAGED" });
    for (const other of [...flipped(record), record.subarray(0, 2)])
      expect(() => sectionsOf(id, other)).toThrow(damaged);
    for (const other of [...flipped(id), id.subarray(0, 7)]) expect(() => sectionsOf(other, record)).toThrow(damaged);
  });
});
