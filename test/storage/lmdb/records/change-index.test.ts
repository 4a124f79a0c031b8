import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseKey } from "../../../../src/core/key.js";
import { ChangeIndex } from "../../../../src/storage/lmdb/records/change-index.js";
import type { JournalItem } from "../../../../src/storage/lmdb/records/change-journal.js";
import type { Bytes, Databases } from "../../../../src/storage/lmdb/records/databases.js";
import { openDatabases } from "../../../../src/storage/lmdb/records/open-databases.js";
import { encodeNumber, versionKey } from "../../../../src/storage/lmdb/records/record.js";
import { shard } from "../../../conformance/storage-operations.js";

let folder: string;
let databases: Databases;
let index: ChangeIndex;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "change-index-"));
  databases = await openDatabases(folder);
  index = new ChangeIndex(databases);
});
beforeEach(clear);
afterAll(async () => {
  await databases.root.close();
  await rm(folder, { recursive: true, force: true });
});

function clear(): Promise<void> {
  return change(() => {
    databases.changes.clearSync();
    databases.journal.clearSync();
  });
}

/** In shard 4 by default. */
function item(version: number, number = 4): JournalItem {
  return { shard: shard(number), version, key: parseKey(`key${version}`) };
}

function items(from: number, to: number, number = 4): readonly JournalItem[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => item(from + offset, number));
}

function change<T>(transaction: () => T): Promise<T> {
  return databases.changes.childTransaction(transaction);
}

function versionsAfter(after: number, number = 4): readonly number[] {
  return [...index.itemsAfter(shard(number), after)].map(({ version }) => version);
}

async function damage(database: Bytes, id: Uint8Array): Promise<void> {
  const record = Buffer.from(database.get(id) ?? []);
  record.writeUInt8(record.readUInt8(9) ^ 1, 9);
  await database.put(id, record);
}

/** The expected content of the index: versions in the journal, commit by commit, and versions in lists. */
class Model {
  readonly journal: number[][] = [];
  listed = new Set<number>();
  newest = 0;

  append(count: number): readonly JournalItem[] {
    const added = items(this.newest + 1, this.newest + count);
    this.journal.push(added.map(({ version }) => version));
    this.newest += count;
    return added;
  }

  fold(commits: number): void {
    for (const version of this.journal.splice(0, commits).flat()) this.listed.add(version);
  }

  get all(): readonly number[] {
    return [...this.listed, ...this.journal.flat()].toSorted((one, other) => one - other);
  }
}

describe("ChangeIndex", () => {
  it("has the same items as a simple model after any commits, moves and removals", async () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 150 }) }),
      fc.record({ fold: fc.constantFrom(1, Infinity) }),
      fc.record({ remove: fc.uniqueArray(fc.integer({ min: 1, max: 600 }), { maxLength: 300 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        await clear();
        const model = new Model();
        for (const next of steps) {
          await change(() => {
            if ("append" in next) {
              const added = model.append(next.append);
              // Items of other shards are never returned, and the order within a commit does not matter.
              const others = [3, 5].flatMap((number) => added.map(({ version }) => item(version, number)));
              index.append([...others, ...added.toReversed()]);
            } else if ("fold" in next) {
              // A bound of one byte takes the first record.
              expect(index.fold(next.fold) > 0).toBe(model.journal.length > 0);
              model.fold(next.fold);
            } else {
              const versions = next.remove.toSorted((one, other) => one - other);
              const expected = versions.filter((version) => model.listed.delete(version)).length;
              expect(index.remove(shard(4), versions)).toBe(expected);
            }
          });
          for (const after of [0, Math.floor(model.newest / 3), model.newest]) {
            expect(versionsAfter(after)).toEqual(model.all.filter((version) => version > after));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("moves nothing from an empty journal", async () => {
    expect(await change(() => index.fold(10))).toBe(0);
  });

  it("finds items far apart, and removes only those", async () => {
    await change(() => {
      for (let version = 1; version <= 3_000; version++) index.insert(shard(1), item(version));
    });
    expect(await change(() => index.remove(shard(1), [1, 2, 1_500, 2_999, 9_000]))).toBe(4);
    expect(versionsAfter(0, 1)).toHaveLength(2_996);
    expect([1_500, 1_501, 3_001].map((version) => index.isListed(shard(1), item(version)))).toEqual([
      false,
      true,
      false,
    ]);
    expect(index.isListed(shard(1), { ...item(1_501), key: parseKey("other") })).toBe(false);
  });

  it("refuses readers of a damaged list, and leaves it unchanged", async () => {
    await change(() => {
      for (const from of [1, 11, 21]) {
        index.append(items(from, from + 9));
        index.fold(Infinity);
      }
    });
    await damage(databases.changes, versionKey(shard(4), 20));
    expect(versionsAfter(20)).toHaveLength(10);
    expect(() => versionsAfter(0)).toThrow(expect.objectContaining({ code: "ENTRY_DAMAGED" }));
    expect([...index.listedAfter(shard(4), 0)]).toHaveLength(20);
    expect(await change(() => index.remove(shard(4), [5, 15, 25]))).toBe(2);
    expect(() => versionsAfter(0)).toThrow("index of changes, up to version 20");
  });

  it("refuses readers while a record of the journal is damaged, and moves the other records", async () => {
    for (const from of [1, 11, 21]) await change(() => index.append(items(from, from + 9)));
    const [, second] = [...databases.journal.getKeys()];
    await damage(databases.journal, second ?? expect.fail());
    expect(await change(() => index.fold(Infinity))).toBeGreaterThan(0);
    expect([...databases.journal.getKeys()]).toEqual([second]);
    expect([...index.listedAfter(shard(4), 0)]).toHaveLength(20);
    for (const number of [4, 5]) {
      // Refused at once, even if the lists have enough items for a page: those of the third record would be read before
      // the second's.
      const found = index.itemsAfter(shard(number), 0)[Symbol.iterator]();
      expect(() => found.next()).toThrow("journal of changes fails its checksum");
    }
    await change(() => index.append(items(31, 31)));
    await change(() => index.fold(Infinity));
    expect([...index.listedAfter(shard(4), 0)]).toHaveLength(21);
  });

  it.each([2 ** 60, NaN, -5, 3.5])("loses nothing after a journal record whose number became %d", async (number) => {
    for (const version of [1, 2, 3]) await change(() => index.append([item(version)]));
    const last = [...databases.journal.getKeys()].at(-1) ?? expect.fail();
    const record = databases.journal.get(last) ?? expect.fail();
    await change(() => {
      databases.journal.remove(last);
      databases.journal.put(encodeNumber(number), record);
    });
    for (const version of [4, 5, 6]) await change(() => index.append([item(version)]));
    const found = index.itemsAfter(shard(4), 0)[Symbol.iterator]();
    expect(() => Array.from({ length: 3 }, () => found.next())).toThrow("journal of changes fails its checksum");
    await change(() => index.fold(Infinity));
    expect([...index.listedAfter(shard(4), 0)].map(({ version }) => version)).toEqual([1, 2, 4, 5, 6]);
    expect(databases.journal.get(encodeNumber(number))).toEqual(record);
  });
});
