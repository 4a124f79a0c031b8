import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChangeIndex } from "../../../../src/storage/lmdb/records/change-index.js";
import { listsOf } from "../../../../src/storage/lmdb/records/change-list.js";
import { openDatabases } from "../../../../src/storage/lmdb/records/open-databases.js";
import { tombstoneAgeMsMax } from "../../../../src/core/limits.js";
import { LmdbEngine } from "../../../../src/storage/lmdb/lmdb-engine.js";
import { formatKey } from "../../../../src/storage/lmdb/records/record-format.js";
import { encodeNumber, versionKey } from "../../../../src/storage/lmdb/records/record.js";
import { verifyLmdbFolder, type FolderReport, verifyProblemsMax } from "../../../../src/storage/lmdb/check/verify.js";
import type { Databases } from "../../../../src/storage/lmdb/records/databases.js";
import {
  find,
  get,
  keys,
  noBudget,
  nowMs,
  put,
  read,
  remove,
  scan,
  shard,
  write,
} from "../../../conformance/storage-operations.js";
import { damageHeader } from "../damaged-header.js";
import { filledFolder } from "../filled-folder.js";

let parent: string;
beforeAll(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "verify-"));
});
afterAll(() => rm(parent, { recursive: true, force: true }));

/** Writes a list of shard 1 to the change index in which one key has all of `versions`. */
function listRecord(...versions: readonly number[]): Buffer {
  const [list] = listsOf(
    shard(1),
    versions.map((version) => ({ version, key: key("key1") })),
  );
  return list?.record ?? expect.fail();
}

describe("verifyLmdbFolder", () => {
  it("finds no problems in an intact folder, and counts its content", async () => {
    const { problems, problemCount, ...counts } = await verifyLmdbFolder(await filledFolder(parent));
    expect(problems).toEqual([]);
    expect(problemCount).toBe(0);
    expect(counts).toMatchObject({ entries: 58, tombstones: 2, shards: 25, bytes: expect.any(Number) });
  });

  it("refuses a folder without data, and changes nothing in it", async () => {
    const folder = await mkdtemp(path.join(parent, "data-"));
    await expect(verifyLmdbFolder(folder)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });

  it.each<readonly [string, (databases: Databases) => Promise<unknown>, string]>([
    [
      "an entry that is missing",
      ({ entries }) => entries.remove([shard(1), key("key1")]),
      "has 2 stale items, and its record says 1",
    ],
    ["an index without a version", ({ journal }) => journal.clearAsync(), "does not have its version"],
    [
      "an index with a version that was never given",
      ({ changes }) => changes.put(versionKey(shard(1), 1000), listRecord(1000)),
      "Version 1000 is above its last one",
    ],
    [
      "items of the index in another order",
      (databases) =>
        databases.changes.childTransaction(() => {
          new ChangeIndex(databases).fold(1e6);
          databases.changes.put(versionKey(shard(1), 1000), listRecord(1, 1000));
        }),
      "is not in its place",
    ],
    [
      "a damaged record of the journal",
      ({ journal }) => journal.put(encodeNumber(9), Buffer.from("key1")),
      "journal of changes fails its checksum",
    ],
    [
      "a damaged list of the index",
      ({ changes }) => changes.put(versionKey(shard(1), 30), Buffer.from("key1")),
      "index of changes, up to version 30, fails its checksum",
    ],
    [
      "an order of expiry without an entry",
      ({ expiring }) => expiring.clearAsync(),
      "The order of expiry does not have it",
    ],
    ["tombstones that are missing", ({ tombstones }) => tombstones.clearAsync(), "A tombstone of it is missing"],
    ["keys without tombstones", ({ buried }) => buried.clearAsync(), "cannot be found by its key"],
    ["headers that are missing", ({ shards }) => shards.clearAsync(), "and its record says 0"],
    [
      "a document under another name",
      ({ documents }) => documents.put(Buffer.from("documenu"), Buffer.from("{}")),
      "is not one of this program",
    ],
    [
      "a damaged document",
      ({ documents }) => documents.put(Buffer.from("document"), Buffer.from("{}")),
      "identity is damaged",
    ],
  ])("finds %s", async (_, damage, what) => {
    const folder = await filledFolder(parent);
    const databases = await openDatabases(folder);
    await damage(databases);
    await databases.root.close();
    expect(whatOf(await verifyLmdbFolder(folder))).toContain(what);
  });

  it("lists the first problems and only counts the others", async () => {
    const folder = await filledFolder(parent, 1200);
    const databases = await openDatabases(folder);
    await databases.journal.clearAsync();
    await databases.root.close();
    const { problems, problemCount, entries } = await verifyLmdbFolder(folder);
    expect(problems).toHaveLength(verifyProblemsMax);
    // In two shards the counts of stale items are wrong too.
    expect(problemCount).toBe(entries + 2);
  });

  it("refuses a folder of another format", async () => {
    const folder = await filledFolder(parent);
    const databases = await openDatabases(folder);
    await databases.documents.put(formatKey, Buffer.from("99"));
    await databases.root.close();
    const message = expect.stringContaining("has another format");
    await expect(verifyLmdbFolder(folder)).rejects.toMatchObject({ code: "STORAGE_FAILED", message });
  });

  it("finds a damaged tombstone, which the engine refuses to readers of the change feed and which no sweep removes", async () => {
    const folder = await filledFolder(parent);
    const databases = await openDatabases(folder);
    const [item] = [...databases.tombstones.getRange()];
    const record = Buffer.from(item?.value ?? []);
    record.writeUInt8(record.readUInt8(10) ^ 1, 10);
    await databases.tombstones.put(item?.key ?? Buffer.from([]), record);
    await databases.root.close();
    expect(whatOf(await verifyLmdbFolder(folder))).toContain('tombstone of key "key3" in shard 0 fails its checksum');
    const engine = await LmdbEngine.open(folder);
    const request = { shard: shard(0), epoch: null, cursor: null, limit: 1000, bytesMax: 1e6 };
    expect(await engine.changes(request)).toMatchObject({ kind: "refused", code: "ENTRY_DAMAGED" });
    const { tombstonesDropped } = await engine.sweep(nowMs + 2 * tombstoneAgeMsMax, 100);
    expect(tombstonesDropped).toBe(1);
    expect((await engine.stats(nowMs)).get(shard(0))?.tombstoneCount).toBeGreaterThan(0);
    // A put of the key replaces the tombstone.
    expect(await write(engine, [put("key3", "1")], nowMs)).toMatchObject([{ kind: "written" }]);
    await engine.close();
  });

  it("names shard and key of an entry with a changed value, and the engine refuses only that entry", async () => {
    const folder = await filledFolder(parent);
    const databases = await openDatabases(folder);
    const record = Buffer.from(databases.entries.get([shard(1), key("key10")]) ?? []);
    record.writeUInt8(record.readUInt8(record.length - 3) ^ 1, record.length - 3);
    await databases.entries.put([shard(1), key("key10")], record);
    await databases.root.close();
    expect((await verifyLmdbFolder(folder)).problems).toContainEqual(
      expect.objectContaining({ shard: 1, key: "key10", what: expect.stringContaining("fails its checksum") }),
    );

    const engine = await LmdbEngine.open(folder);
    const one = { shard: shard(1) };
    const refusal = { kind: "refused", code: "ENTRY_DAMAGED", message: expect.stringContaining('"key10" in shard 1') };
    expect(await read(engine, [get("key10", 1), get("key13", 1), scan(one)], noBudget)).toMatchObject([
      refusal,
      { kind: "found" },
      refusal,
    ]);
    const writes = [put("key10", "1", one), remove("key10", one), put("key13", "1", one)];
    expect(await write(engine, writes, nowMs)).toMatchObject([refusal, refusal, { kind: "written" }]);
    const request = { shard: shard(1), epoch: null, cursor: null, limit: 1000, bytesMax: 1e6 };
    expect(await engine.changes(request)).toMatchObject(refusal);
    // The damaged entry expires with the others but stays stored, because nothing in it can be trusted.
    expect((await engine.sweep(nowMs + 60_000, 100)).expired).toBe(11);
    expect((await engine.sweep(nowMs + 60_000, 100)).expired).toBe(0);
    expect(await find(engine, "key13", nowMs, 1)).toMatchObject({ value: "1" });
    expect(await keys(engine, { ...one, after: "key10" })).toContain("key13");
    await engine.close();
  });

  it("names a shard with a changed header, and the engine refuses only that shard", async () => {
    const folder = await filledFolder(parent);
    await damageHeader(folder, shard(1));
    expect(whatOf(await verifyLmdbFolder(folder))).toContain("shard 1, with its claim and counts, fails its checksum");
    const engine = await LmdbEngine.open(folder);
    const outcomes = await read(engine, [get("key1", 1), get("key2", 2)], noBudget);
    expect(outcomes).toMatchObject([{ kind: "refused", code: "ENTRY_DAMAGED" }, { kind: "found" }]);
    const [refused] = await write(engine, [put("a", "1", { shard: shard(1) })], nowMs);
    expect(refused).toMatchObject({ code: "ENTRY_DAMAGED" });
    await engine.close();
  });
});

function key(text: string) {
  return get(text).key;
}

function whatOf({ problems }: FolderReport): string {
  return problems.map(({ what }) => what).join("\n");
}
