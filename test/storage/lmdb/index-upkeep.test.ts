import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { sectionsOf } from "../../../src/storage/lmdb/change-journal.js";
import { itemsOfList, unpackItems } from "../../../src/storage/lmdb/change-list.js";
import { openDatabasesReadOnly } from "../../../src/storage/lmdb/databases.js";
import { LmdbEngine } from "../../../src/storage/lmdb/engine.js";
import { numberOfKey, shardOfKeyBytes } from "../../../src/storage/lmdb/record.js";
import { IndexUpkeep, indexBounds, type IndexBounds } from "../../../src/storage/lmdb/index-upkeep.js";
import { verifyLmdbFolder } from "../../../src/storage/lmdb/verify.js";
import { emptyHeader, type ShardHeader } from "../../../src/storage/shard-header.js";
import {
  changeClaims,
  claim,
  claimAll,
  nowMs,
  put,
  remove,
  shard,
  write,
} from "../../conformance/storage-operations.js";

/** Remembers all, or nothing, so that everything must be found by walks. */
const listing: IndexBounds = {
  journalMin: 1000,
  journalBytesMax: 200,
  staleMin: 10,
  perKeyMax: 0.5,
  listedMax: 1000,
  itemsMax: 7,
  bytesMax: 1e6,
};
const walking: IndexBounds = { ...listing, listedMax: 0 };

describe.each([
  ["remembers what is stale", listing, 10],
  ["looks for what is stale", walking, 20],
] as const)("the index of changes in LMDB, where the engine %s", (_, bounds, staleMax) => {
  let folder: string;
  let engine: LmdbEngine;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "stale-items-"));
    engine = await LmdbEngine.open(folder, bounds);
    await claimAll(engine);
  });
  afterEach(async () => {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  });

  const names = Array.from({ length: 12 }, (_, index) => `key${index}`);
  async function overwrite(rounds: number, rest: Parameters<typeof put>[2] = {}, value = "1"): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await write(
        engine,
        names.map((name) => put(name, value, rest)),
        nowMs,
      );
    }
  }

  async function itemCount(): Promise<number> {
    const databases = await openDatabasesReadOnly(folder);
    const lists = [...databases.changes.getRange()].map(({ key, value }) =>
      itemsOfList(shardOfKeyBytes(key), numberOfKey(key), value),
    );
    const journal = [...databases.journal.getRange()].flatMap(({ key, value }) => sectionsOf(key, value));
    await databases.root.close();
    return [...lists, ...journal].flatMap(unpackItems).length;
  }

  /** How many sweeps there were, of which the last had nothing more to do. */
  async function sweepAll(): Promise<number> {
    for (let sweeps = 1; ; sweeps++) if (!(await engine.sweep(nowMs, 100)).isMore) return sweeps;
  }

  it("keeps the items of overwritten and deleted versions until there are too many", async () => {
    await overwrite(1);
    await overwrite(1, { shard: shard(1) });
    await write(
      engine,
      names.slice(0, 10).map((name) => remove(name)),
      nowMs,
    );
    await write(engine, [put("key10", "2"), put("key11", "2")], nowMs);
    const before = await itemCount();
    if (staleMax === 20) await overwrite(5);
    else {
      await sweepAll();
      expect(await itemCount()).toBe(before - 12);
    }
    await sweepAll();
    expect(await itemCount()).toBeLessThanOrEqual(24 + staleMax);
    expect((await verifyLmdbFolder(folder)).problems).toEqual([]);
  });

  it("stays small however often entries are overwritten, and each sweep looks at few of its items", async () => {
    for (let round = 0; round < 30; round++) {
      await overwrite(3);
      await overwrite(1, { shard: shard(1) });
      // At most 12 keys and 56 stale items in one shard, 12 and 32 in the other.
      expect(await sweepAll()).toBeLessThanOrEqual(18);
      expect(await itemCount()).toBeLessThanOrEqual(2 * (12 + staleMax));
    }
    expect((await verifyLmdbFolder(folder)).problems).toEqual([]);
  });

  it("reads few bytes of entries in each sweep where values are large", async () => {
    const large = JSON.stringify("x".repeat(600_000));
    await overwrite(3, {}, large);
    // The first sweep empties the journal. A walk looks at 36 items, of which 24 are stale, two at a time; what is remembered is removed seven at a time.
    expect([await sweepAll(), await itemCount()]).toEqual([staleMax === 20 ? 19 : 5, 12]);
  });

  it("begins anew after a restart, and leaves what was written since it began to the next pass", async () => {
    await overwrite(3);
    expect((await engine.sweep(nowMs, 100)).isMore).toBe(true);
    await overwrite(1);
    await sweepAll();
    expect(await itemCount()).toBeLessThanOrEqual(12 + 2 * 12);
    await engine.close();
    engine = await LmdbEngine.open(folder, bounds);
    // A walk, at twice the bound: it ends with what was there when it began.
    await overwrite(2);
    await sweepAll();
    expect(await itemCount()).toBeLessThanOrEqual(12 + 20);
    expect((await verifyLmdbFolder(folder)).problems).toEqual([]);
  });

  it("stays as it is in a shard that is released or sealed, also in the middle of a pass", async () => {
    await overwrite(3);
    await overwrite(3, { shard: shard(1) });
    expect((await engine.sweep(nowMs, 100)).isMore).toBe(true);
    const sealed = claim(1, { shard: shard(1), sealedFor: "move-1" });
    await changeClaims(engine, { kind: "release", shard: shard(0), epoch: 1 }, sealed);
    const before = await itemCount();
    await sweepAll();
    expect(await itemCount()).toBe(before);
    await changeClaims(engine, claim(2), claim(1, { shard: shard(1) }));
    await sweepAll();
    expect(await itemCount()).toBeLessThanOrEqual(24 + 2 * 20);
  });

  it("is whole after kill -9 in the middle of a pass", async () => {
    const script = path.join(import.meta.dirname, "overwriter.mjs");
    const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = once(child, "exit");
    let steps = 0;
    for await (const _ of createInterface({ input: child.stdout })) {
      steps++;
      if (steps === 25) child.kill("SIGKILL");
    }
    expect((await ended)[1]).toBe("SIGKILL");
    expect(steps).toBeGreaterThanOrEqual(25);
    expect(await verifyLmdbFolder(folder)).toMatchObject({ problems: [], entries: 20 });
    await engine.close();
    engine = await LmdbEngine.open(folder, bounds);
    await sweepAll();
    expect(await itemCount()).toBeLessThanOrEqual(20 + 2 * 20);
  });
});

describe("IndexUpkeep", () => {
  const owned = { ...emptyHeader, epoch: 1, sequence: 5000 };

  it("is due where stale items are more than twice the least number, and than the keys", () => {
    const stale = new IndexUpkeep(indexBounds);
    const isDue = (header: Partial<ShardHeader>): boolean => stale.isDue(shard(0), { ...owned, ...header });
    expect([isDue({ staleCount: 2000 }), isDue({ staleCount: 2001 })]).toEqual([false, true]);
    const keyCount = 4000;
    expect([isDue({ keyCount, staleCount: 4000 }), isDue({ keyCount, staleCount: 4001 })]).toEqual([false, true]);
    expect(isDue({ releasedEpoch: 1, staleCount: 9000 })).toBe(false);
    expect(isDue({ sealedFor: "move-1", staleCount: 9000 })).toBe(false);
  });
});
