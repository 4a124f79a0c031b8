import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LmdbEngine } from "../../../../src/storage/lmdb/lmdb-engine.js";
import { IndexUpkeep, indexBounds } from "../../../../src/storage/lmdb/records/index-upkeep.js";
import { verifyLmdbFolder } from "../../../../src/storage/lmdb/check/verify.js";
import { emptyHeader, type ShardHeader } from "../../../../src/storage/shard-header.js";
import {
  changeClaims,
  claim,
  claimAll,
  nowMs,
  put,
  remove,
  shard,
  write,
} from "../../../conformance/storage-operations.js";
import { itemCount, listing, walking } from "../stale-items.js";

describe.each([
  ["remembers what is stale", listing, 10],
  ["looks for what is stale", walking, 20],
] as const)("the change index in LMDB, where the engine %s", (_, bounds, staleMax) => {
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

  /** Sweeps until nothing is left to do; returns the number of sweeps. */
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
    const before = await itemCount(folder);
    if (staleMax === 20) await overwrite(5);
    else {
      await sweepAll();
      expect(await itemCount(folder)).toBe(before - 12);
    }
    await sweepAll();
    expect(await itemCount(folder)).toBeLessThanOrEqual(24 + staleMax);
    expect((await verifyLmdbFolder(folder)).problems).toEqual([]);
  });

  it("stays small however often entries are overwritten, and each sweep checks few of its items", async () => {
    for (let round = 0; round < 30; round++) {
      await overwrite(3);
      await overwrite(1, { shard: shard(1) });
      // At most 12 keys and 56 stale items in one shard, 12 and 32 in the other.
      expect(await sweepAll()).toBeLessThanOrEqual(18);
      expect(await itemCount(folder)).toBeLessThanOrEqual(2 * (12 + staleMax));
    }
    expect((await verifyLmdbFolder(folder)).problems).toEqual([]);
  });

  it("reads few bytes of entries in each sweep when values are large", async () => {
    const large = JSON.stringify("x".repeat(600_000));
    await overwrite(3, {}, large);
    // The first sweep empties the journal. A walk checks 36 items, of which 24 are stale, two at a time; remembered
    // items are removed seven at a time.
    expect([await sweepAll(), await itemCount(folder)]).toEqual([staleMax === 20 ? 19 : 5, 12]);
  });

  it("begins a new pass after a restart, and leaves items written since its beginning to the next pass", async () => {
    await overwrite(3);
    expect((await engine.sweep(nowMs, 100)).isMore).toBe(true);
    await overwrite(1);
    await sweepAll();
    expect(await itemCount(folder)).toBeLessThanOrEqual(12 + 2 * 12);
    await engine.close();
    engine = await LmdbEngine.open(folder, bounds);
    // A walk, which starts at twice the bound, ends with the items that existed when it began.
    await overwrite(2);
    await sweepAll();
    expect(await itemCount(folder)).toBeLessThanOrEqual(12 + 20);
    expect((await verifyLmdbFolder(folder)).problems).toEqual([]);
  });

  it("stays unchanged in a shard that is released or sealed, even during a pass", async () => {
    await overwrite(3);
    await overwrite(3, { shard: shard(1) });
    expect((await engine.sweep(nowMs, 100)).isMore).toBe(true);
    const sealed = claim(1, { shard: shard(1), sealedFor: "move-1" });
    await changeClaims(engine, { kind: "release", shard: shard(0), epoch: 1 }, sealed);
    const before = await itemCount(folder);
    await sweepAll();
    expect(await itemCount(folder)).toBe(before);
    await changeClaims(engine, claim(2), claim(1, { shard: shard(1) }));
    await sweepAll();
    expect(await itemCount(folder)).toBeLessThanOrEqual(24 + 2 * 20);
  });
});

describe("IndexUpkeep", () => {
  const owned = { ...emptyHeader, epoch: 1, sequence: 5000 };

  it("is due when there are more than twice as many stale items as the minimum, and as the keys", () => {
    const stale = new IndexUpkeep(indexBounds);
    const isDue = (header: Partial<ShardHeader>): boolean => stale.isDue(shard(0), { ...owned, ...header });
    expect([isDue({ staleCount: 2000 }), isDue({ staleCount: 2001 })]).toEqual([false, true]);
    const keyCount = 4000;
    expect([isDue({ keyCount, staleCount: 4000 }), isDue({ keyCount, staleCount: 4001 })]).toEqual([false, true]);
    expect(isDue({ releasedEpoch: 1, staleCount: 9000 })).toBe(false);
    expect(isDue({ sealedFor: "move-1", staleCount: 9000 })).toBe(false);
  });
});
