import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseKey } from "../../../src/core/key.js";
import { ChangeIndex } from "../../../src/storage/lmdb/change-index.js";
import type { ChangeItem } from "../../../src/storage/lmdb/change-list.js";
import { openDatabases, type Databases } from "../../../src/storage/lmdb/databases.js";
import { versionKey } from "../../../src/storage/lmdb/record.js";
import { shard } from "../../conformance/storage-operations.js";

let folder: string;
let databases: Databases;
let index: ChangeIndex;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "change-index-"));
  databases = await openDatabases(folder);
  index = new ChangeIndex(databases.changes);
});
afterAll(async () => {
  await databases.root.close();
  await rm(folder, { recursive: true, force: true });
});

function item(version: number): ChangeItem {
  return { version, key: parseKey(`key${version}`) };
}

function items(from: number, to: number): readonly ChangeItem[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => item(from + offset));
}

function change<T>(transaction: () => T): Promise<T> {
  return databases.changes.childTransaction(transaction);
}

function versionsAfter(number: number, after: number): readonly number[] {
  return [...index.itemsAfter(shard(number), after)].map(({ version }) => version);
}

describe("ChangeIndex", () => {
  it("is, after any commits and removals, what a set of versions would be", async () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ remove: fc.uniqueArray(fc.integer({ min: 1, max: 600 }), { maxLength: 300 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        await change(() => databases.changes.clearSync());
        const model = new Set<number>();
        let newest = 0;
        for (const next of steps) {
          await change(() => {
            if ("add" in next) {
              // A neighbour's items are never seen.
              for (const number of [3, 4, 5])
                index.add(shard(number), items(newest + 1, newest + next.add).toReversed());
              for (const { version } of items(newest + 1, newest + next.add)) model.add(version);
              newest += next.add;
            } else {
              const versions = next.remove.toSorted((one, other) => one - other);
              const expected = versions.filter((version) => model.delete(version)).length;
              expect(index.remove(shard(4), versions)).toBe(expected);
            }
          });
          const all = [...model].toSorted((one, other) => one - other);
          for (const after of [0, Math.floor(newest / 3), newest]) {
            expect(versionsAfter(4, after)).toEqual(all.filter((version) => version > after));
          }
          expect(versionsAfter(5, 0)).toHaveLength(newest);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("finds items far apart, and removes them alone", async () => {
    await change(() => {
      databases.changes.clearSync();
      for (const { version, key } of items(1, 3_000)) index.add(shard(1), [{ version, key }]);
    });
    expect(await change(() => index.remove(shard(1), [1, 2, 1_500, 2_999, 9_000]))).toBe(4);
    expect(versionsAfter(1, 0)).toHaveLength(2_996);
    expect([index.has(shard(1), item(1_500)), index.has(shard(1), item(1_501))]).toEqual([false, true]);
    expect(index.has(shard(1), { ...item(1_501), key: parseKey("other") })).toBe(false);
    expect(index.has(shard(1), item(3_001))).toBe(false);
  });

  it("refuses readers of a damaged list, and leaves it as it is", async () => {
    await change(() => {
      databases.changes.clearSync();
      for (const from of [1, 11, 21]) index.add(shard(2), items(from, from + 9));
    });
    const id = versionKey(shard(2), 20);
    const damaged = Buffer.from(databases.changes.get(id) ?? []);
    damaged.writeUInt8(damaged.readUInt8(9) ^ 1, 9);
    await databases.changes.put(id, damaged);
    expect(versionsAfter(2, 20)).toHaveLength(10);
    expect(() => versionsAfter(2, 0)).toThrow(expect.objectContaining({ code: "ENTRY_DAMAGED" }));
    expect([...index.wholeItemsAfter(shard(2), 0)]).toHaveLength(20);
    expect(await change(() => index.remove(shard(2), [5, 15, 25]))).toBe(2);
    expect(Buffer.compare(databases.changes.get(id) ?? Buffer.alloc(0), damaged)).toBe(0);
  });
});
