/**
 * Decides which shards a sweep checks. With many shards, reading every header takes tens of milliseconds and usually
 * finds nothing, so a checked shard is skipped until something in it is old enough. Writes of this process are checked
 * in its next sweep; those of other processes that share the folder at the next check of all shards.
 */
import { tombstoneAgeMsMax, tombstonesMax } from "../../core/limits.js";
import type { ShardNumber } from "../../core/shard.js";
import type { ShardHeader } from "../shard-header.js";
import { isSwept } from "../sweep-plan.js";
import type { ShardRecords } from "./records/shard-records.js";
import type { IndexUpkeep } from "./records/index-upkeep.js";

/**
 * Interval at which a sweep checks every shard, and so finds writes of other processes. A check costs about 20 ms for
 * 16,384 shards, and readers do not depend on it: an expired entry is gone for them at the moment of its expiry.
 */
export const sweepScanMs = 10_000;

type Records = Pick<ShardRecords, "headers" | "headersOf" | "earliestExpiryMs" | "oldestTombstones">;

/** A shard in which nothing is due before a known moment. */
interface Rest {
  /** Nothing is due before this moment; -Infinity when something is due now. */
  readonly untilMs: number;
  /** The shard's sequence when this was determined. Every put and delete raises it, and so invalidates the moment. */
  readonly sequence: number;
}

export class SweepSchedule {
  readonly #records: Records;
  readonly #upkeep: Pick<IndexUpkeep, "isDue">;
  readonly #rests = new Map<ShardNumber, Rest>();
  /** Shards to check in the next sweep. */
  readonly #written = new Set<ShardNumber>();
  /** When all shards were last checked; null if never. */
  #scannedAtMs: number | null = null;

  constructor(records: Records, upkeep: Pick<IndexUpkeep, "isDue">) {
    this.#records = records;
    this.#upkeep = upkeep;
  }

  /** Call once a change of the shards is committed, never earlier. */
  written(shards: Iterable<ShardNumber>): void {
    for (const shard of shards) this.#written.add(shard);
  }

  /** Shards in which a sweep has something to do, in the current snapshot. */
  due(nowMs: number): readonly ShardNumber[] {
    const due: ShardNumber[] = [];
    for (const [shard, header] of this.#looked(nowMs)) {
      const untilMs = this.#restUntilMs(shard, header, nowMs);
      if (untilMs === Infinity) this.#rests.delete(shard);
      else this.#rests.set(shard, { untilMs, sequence: header.sequence });
      if (untilMs <= nowMs) due.push(shard);
    }
    return due;
  }

  #looked(nowMs: number): ReadonlyMap<ShardNumber, ShardHeader> {
    const headers = this.#isScanDue(nowMs) ? this.#scanned(nowMs) : this.#records.headersOf(this.#awaited(nowMs));
    this.#written.clear();
    return headers;
  }

  /** Whether a check of all shards is due, also after the clock has jumped back. */
  #isScanDue(nowMs: number): boolean {
    return this.#scannedAtMs === null || Math.abs(nowMs - this.#scannedAtMs) >= sweepScanMs;
  }

  #scanned(nowMs: number): ReadonlyMap<ShardNumber, ShardHeader> {
    const { whole } = this.#records.headers();
    this.#scannedAtMs = nowMs;
    return whole;
  }

  #awaited(nowMs: number): ReadonlySet<ShardNumber> {
    const shards = new Set(this.#written);
    for (const [shard, { untilMs }] of this.#rests) if (untilMs <= nowMs) shards.add(shard);
    return shards;
  }

  #restUntilMs(shard: ShardNumber, header: ShardHeader, nowMs: number): number {
    if (!isSwept(header)) return Infinity;
    const isDue =
      this.#upkeep.isDue(shard, header) || header.expiryMarkMs > nowMs || header.tombstoneCount > tombstonesMax;
    if (isDue) return -Infinity;
    const rest = this.#rests.get(shard);
    if (rest !== undefined && rest.sequence === header.sequence && rest.untilMs > nowMs) return rest.untilMs;
    const expiryMs = header.expiringCount > 0 ? this.#records.earliestExpiryMs(shard) : Infinity;
    const [oldest] = header.tombstoneCount > 0 ? this.#records.oldestTombstones(shard, 1) : [];
    return Math.min(expiryMs, oldest === undefined ? Infinity : oldest.atMs + tombstoneAgeMsMax);
  }
}
