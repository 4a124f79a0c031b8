import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { tombstoneAgeMsMax, tombstonesMax } from "../../../src/core/limits.js";
import { parseKey } from "../../../src/core/key.js";
import type { ShardNumber } from "../../../src/core/shard.js";
import { versionOf } from "../../../src/core/version.js";
import { LmdbEngine } from "../../../src/storage/lmdb/lmdb-engine.js";
import { indexBounds, IndexUpkeep } from "../../../src/storage/lmdb/records/index-upkeep.js";
import { SweepSchedule, sweepScanMs } from "../../../src/storage/lmdb/sweep-schedule.js";
import { emptyHeader, type ShardHeader } from "../../../src/storage/shard-header.js";
import { changeClaims, claim, claimAll, find, nowMs, put, shard, write } from "../../conformance/storage-operations.js"; // prettier-ignore

/** Records of shards as the schedule reads them; it notes which ones are read. */
class NotedRecords {
  readonly whole = new Map<ShardNumber, ShardHeader>();
  readonly looked: ShardNumber[] = [];
  earliestMs = Infinity;
  expiriesRead = 0;
  oldestAtMs: number | null = null;

  set(number: number, header: Partial<ShardHeader> = {}): void {
    this.whole.set(shard(number), { ...emptyHeader, epoch: 1, ...header });
  }

  headers() {
    this.looked.push(...this.whole.keys());
    return { whole: this.whole, damaged: [] };
  }

  headersOf(shards: Iterable<ShardNumber>) {
    const asked = [...shards];
    this.looked.push(...asked);
    return new Map([...this.whole].filter(([number]) => asked.includes(number)));
  }

  earliestExpiryMs(): number {
    this.expiriesRead++;
    return this.earliestMs;
  }

  oldestTombstones() {
    if (this.oldestAtMs === null) return [];
    return [{ kind: "deleted", key: parseKey("a"), version: versionOf(1), atMs: this.oldestAtMs } as const];
  }

  /** The shards that were checked since the last call. */
  lookedAt(): readonly ShardNumber[] {
    return this.looked.splice(0);
  }
}

describe("SweepSchedule", () => {
  let records: NotedRecords;
  let schedule: SweepSchedule;
  beforeEach(() => {
    records = new NotedRecords();
    for (const number of [0, 1, 2]) records.set(number);
    schedule = new SweepSchedule(records, new IndexUpkeep(indexBounds));
  });

  it("checks all shards at first, and then none while nothing is due", () => {
    expect([schedule.due(nowMs), records.lookedAt()]).toEqual([[], [0, 1, 2]]);
    expect([schedule.due(nowMs + sweepScanMs - 1), records.lookedAt()]).toEqual([[], []]);
  });

  it.each([sweepScanMs, -sweepScanMs])("checks all shards again when the clock has moved by %i ms", (byMs) => {
    schedule.due(nowMs);
    records.lookedAt();
    records.set(1, { tombstoneCount: tombstonesMax + 1 });
    expect([schedule.due(nowMs + byMs), records.lookedAt()]).toEqual([[1], [0, 1, 2]]);
  });

  it("checks a written shard once", () => {
    schedule.due(nowMs);
    records.lookedAt();
    schedule.written([shard(2)]);
    expect([schedule.due(nowMs), records.lookedAt()]).toEqual([[], [2]]);
    expect([schedule.due(nowMs), records.lookedAt()]).toEqual([[], []]);
  });

  it("skips a shard until its first entry expires", () => {
    records.set(1, { expiringCount: 1 });
    records.earliestMs = nowMs + 5;
    expect(schedule.due(nowMs)).toEqual([]);
    records.lookedAt();
    expect([schedule.due(nowMs + 4), records.lookedAt()]).toEqual([[], []]);
    expect([schedule.due(nowMs + 5), records.lookedAt()]).toEqual([[1], [1]]);
  });

  it("rereads the order of expiry only when a shard's sequence has grown", () => {
    records.set(1, { expiringCount: 1, sequence: 7 });
    records.earliestMs = nowMs + 3 * sweepScanMs;
    expect([schedule.due(nowMs), schedule.due(nowMs + sweepScanMs), records.expiriesRead]).toEqual([[], [], 1]);
    records.set(1, { expiringCount: 2, sequence: 8 });
    records.earliestMs = nowMs + sweepScanMs;
    schedule.written([shard(1)]);
    expect([schedule.due(nowMs + sweepScanMs), records.expiriesRead]).toEqual([[1], 2]);
  });

  it("skips a shard until its oldest tombstone is too old", () => {
    records.set(1, { tombstoneCount: 1 });
    records.oldestAtMs = nowMs - tombstoneAgeMsMax + 5;
    expect([schedule.due(nowMs), schedule.due(nowMs + 4), schedule.due(nowMs + 5)]).toEqual([[], [], [1]]);
  });

  it("does not wait for a damaged tombstone", () => {
    records.set(1, { tombstoneCount: 1 });
    expect([schedule.due(nowMs), schedule.due(nowMs + 1)]).toEqual([[], []]);
  });

  it("returns a shard again and again until nothing is due in it", () => {
    records.set(1, { expiryMarkMs: nowMs + 5 });
    records.set(2, { staleCount: 2 * indexBounds.staleMin + 1 });
    expect([schedule.due(nowMs), schedule.due(nowMs)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    records.set(1);
    records.set(2);
    expect(schedule.due(nowMs)).toEqual([]);
  });

  it.each([{ epoch: 0 }, { releasedEpoch: 1 }, { sealedFor: "move-1" }])(
    "skips a shard that is %o until it is written",
    (header) => {
      records.set(1, { ...header, tombstoneCount: tombstonesMax + 1 });
      expect(schedule.due(nowMs)).toEqual([]);
      records.set(1, { tombstoneCount: tombstonesMax + 1 });
      schedule.written([shard(1)]);
      expect(schedule.due(nowMs)).toEqual([1]);
    },
  );
});

describe("the sweeps of an LmdbEngine", () => {
  let folder: string;
  let engine: LmdbEngine;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweeps-"));
    engine = await LmdbEngine.open(folder);
    await claimAll(engine);
    expect((await engine.sweep(nowMs, 100)).expired).toBe(0);
  });
  afterEach(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });

  const expiring = (seconds: number) => put("a", "1", { expiry: { kind: "ttl", seconds } });
  const expiredAt = async (atMs: number) => (await engine.sweep(atMs, 100)).expired;

  it("expire entries at their moment, in shards written since or checked before", async () => {
    await write(engine, [expiring(1), put("b", "1", { expiry: { kind: "ttl", seconds: 3 } })], nowMs);
    expect([await expiredAt(nowMs + 999), await expiredAt(nowMs + 1000)]).toEqual([0, 1]);
    expect([await expiredAt(nowMs + 2999), await expiredAt(nowMs + 3000)]).toEqual([0, 1]);
  });

  it("process a shard at once after it was claimed again", async () => {
    await write(engine, [expiring(1)], nowMs);
    await changeClaims(engine, { kind: "release", shard: shard(0), epoch: 1 });
    expect(await expiredAt(nowMs + 1000)).toBe(0);
    await changeClaims(engine, claim(2));
    expect(await expiredAt(nowMs + 1000)).toBe(1);
  });

  it("process at once the entries that a reader has seen as expired with a clock that was ahead", async () => {
    await write(engine, [expiring(1)], nowMs);
    expect(await expiredAt(nowMs)).toBe(0);
    expect(await find(engine, "a", nowMs + 1000)).toBeNull();
    expect(await expiredAt(nowMs)).toBe(1);
    // The sweep also lowers the mark, which would refuse an expiry before it.
    const expiry = { kind: "at", atMs: nowMs + 500 } as const;
    expect(await write(engine, [put("c", "1", { expiry })], nowMs)).toMatchObject([{ kind: "written" }]);
  });

  it("find writes of another process at the next check of all shards", async () => {
    const other = await LmdbEngine.open(folder);
    onTestFinished(() => other.close());
    await write(other, [expiring(1)], nowMs);
    expect(await expiredAt(nowMs + sweepScanMs)).toBe(1);
  });
});
