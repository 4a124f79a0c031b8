import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseKey } from "../../../src/core/key.js";
import { changeListBytesMax } from "../../../src/core/limits.js";
import { decodeList, encodeList, encodeLists, type ChangeItem } from "../../../src/storage/lmdb/change-list.js";
import { shard } from "../../conformance/storage-operations.js";

function item(version: number, key = `key${version}`): ChangeItem {
  return { version, key: parseKey(key) };
}

/** Ascending versions with gaps, far up too, and keys of any script and length. */
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

describe("a list of the index of changes", () => {
  it("gives back what was written, in lists of bounded size that do not overlap", () => {
    fc.assert(
      fc.property(anyItems, (items) => {
        const lists = encodeLists(shard(7), items).toSorted((one, other) => one.ceiling - other.ceiling);
        const decoded = lists.map(({ ceiling, record }) => decodeList(shard(7), ceiling, record));
        expect(decoded.flat()).toEqual(items);
        for (const [index, { ceiling, record }] of lists.entries()) {
          expect(decoded[index]?.at(-1)?.version).toBe(ceiling);
          if (decoded[index]?.length !== 1) expect(record.length).toBeLessThanOrEqual(changeListBytesMax);
        }
      }),
    );
  });

  it("holds many items of one commit in one record", () => {
    expect(
      encodeLists(
        shard(0),
        Array.from({ length: 100 }, (_, index) => item(index + 1)),
      ),
    ).toHaveLength(1);
  });

  it("keeps its ceiling when the newest item is gone", () => {
    expect(decodeList(shard(0), 9, encodeList(shard(0), 9, [item(3), item(8)]))).toEqual([item(3), item(8)]);
  });

  it("is refused where any bit is another, also under another shard or ceiling", () => {
    const record = encodeList(shard(1), 12, [item(10), item(12)]);
    const damaged = expect.objectContaining({ code: "ENTRY_DAMAGED", message: expect.stringMatching(/shard 1.*12/) });
    for (let bit = 0; bit < 8 * record.length; bit++) {
      const flipped = Buffer.from(record);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => decodeList(shard(1), 12, flipped)).toThrow(damaged);
    }
    expect(() => decodeList(shard(2), 12, record)).toThrow("shard 2");
    for (const ceiling of [11, 13, 12 + 2 ** 32]) expect(() => decodeList(shard(1), ceiling, record)).toThrow();
    expect(() => decodeList(shard(1), 12, record.subarray(0, 3))).toThrow(damaged);
  });
});
