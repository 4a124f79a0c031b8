/**
 * Which shards a sweep looks at. Among many shards a look at every header takes tens of milliseconds and mostly finds
 * nothing. So a shard that was looked at rests until something in it is old enough. What this process writes is looked at
 * in its next sweep, what others that share the folder write at the next look at all shards.
 */
import { tombstoneAgeMsMax, tombstonesMax } from "../../core/limits.js";
import type { ShardNumber } from "../../core/shard.js";
import type { ShardHeader } from "../shard-header.js";
import { isSwept } from "../sweep-plan.js";
import type { ShardRecords } from "./records/shard-records.js";
import type { IndexUpkeep } from "./records/index-upkeep.js";

/**
 * How often a sweep looks at every shard, and so finds what other processes have written. It costs some 20 ms for 16,384
 * shards, and readers do not depend on it: an expired entry is gone for them at its moment.
 */
export const sweepScanMs = 10_000;

type Records = Pick<ShardRecords, "headers" | "headersOf" | "earliestExpiryMs" | "oldestTombstones">;

/** A shard in which something is to be done at some time. */
interface Rest {
  /** Before this moment there is nothing to do; -Infinity: there is. */
  readonly untilMs: number;
  /** Of the shard when this was found out. Every put and delete raises it, so until then the moment holds. */
  readonly sequence: number;
}

export class SweepSchedule {
  readonly #records: Records;
  readonly #upkeep: Pick<IndexUpkeep, "isDue">;
  readonly #rests = new Map<ShardNumber, Rest>();
  /** Shards to look at in the next sweep. */
  readonly #written = new Set<ShardNumber>();
  /** When all shards were looked at; null: never. */
  #scannedAtMs: number | null = null;

  constructor(records: Records, upkeep: Pick<IndexUpkeep, "isDue">) {
    this.#records = records;
    this.#upkeep = upkeep;
  }

  /** To be called once a change of the shards is committed, never before. */
  written(shards: Iterable<ShardNumber>): void {
    for (const shard of shards) this.#written.add(shard);
  }

  /** Shards in which a sweep has something to do, as of the current snapshot. */
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

  /** Also after a clock jumped back. */
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
