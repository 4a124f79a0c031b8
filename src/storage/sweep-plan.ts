/**
 * Decides what a sweep does: which expired entries become tombstones, each with a version of its own; which tombstones
 * are dropped; and when a shard's expiry mark may be lowered. It considers only shards that the store owns and that are
 * not sealed.
 */
import { tombstoneAgeMsMax, tombstonesMax } from "../core/limits.js";
import type { ShardNumber } from "../core/shard.js";
import { versionOf } from "../core/version.js";
import type { Tombstone } from "./change-feed.js";
import { isOwned } from "./claim.js";
import type { Swept } from "./engine.js";
import { judgingMs, type ShardHeader } from "./shard-header.js";
import { KeyDraft, ShardDraft, type DroppedTombstone, type EntryChange, type StoragePlan } from "./storage-plan.js";
import type { StoredEntry } from "./stored-entry.js";

/** One snapshot of an engine. */
export interface SweepSource {
  headers(): Iterable<readonly [ShardNumber, ShardHeader]>;
  /** At most `limit` entries that have expired at `atMs`, the earliest first. */
  expired(shard: ShardNumber, atMs: number, limit: number): ExpiredEntries;
  /** At most `limit` tombstones, the oldest first; stops before a damaged one. */
  oldestTombstones(shard: ShardNumber, limit: number): readonly Tombstone[];
}

export interface ExpiredEntries {
  /** The expired entries, except damaged ones, which stay. */
  readonly entries: readonly StoredEntry[];
  /** Whether `entries` has all expired entries. */
  readonly isAll: boolean;
}

export interface SweepPlan extends StoragePlan, Swept {}

export interface SweepLimits {
  /** Most entries that expire, and most tombstones that are dropped. */
  readonly entriesMax: number;
  readonly tombstonesMax: number;
}

export function planSweep(source: SweepSource, nowMs: number, limits: SweepLimits): SweepPlan {
  const changes: EntryChange[] = [];
  const dropped: DroppedTombstone[] = [];
  const shards: ShardDraft[] = [];
  for (const [number, header] of source.headers()) {
    if (!isSwept(header)) continue;
    const shard = new ShardDraft(number, header);
    changes.push(...expire(source, shard, nowMs, limits.entriesMax - changes.length));
    dropped.push(...drop(source, shard, nowMs, { ...limits, entriesMax: limits.entriesMax - dropped.length }));
    if (shard.header !== header) shards.push(shard);
  }
  const headers = shards.map((shard) => shard.headerChange());
  const isMore = changes.length >= limits.entriesMax || dropped.length >= limits.entriesMax;
  return { changes, dropped, headers, expired: changes.length, tombstonesDropped: dropped.length, isMore };
}

/** What the sweep reports once the plan is carried out. */
export function sweptOf({ expired, tombstonesDropped, isMore }: SweepPlan): Swept {
  return { expired, tombstonesDropped, isMore };
}

/** Whether sweeps change the shard. A released or sealed shard belongs to another store, or soon will. */
export function isSwept(header: ShardHeader): boolean {
  return isOwned(header) && header.sealedFor === null;
}

export function sweepLimits(entriesMax: number): SweepLimits {
  return { entriesMax, tombstonesMax };
}

function expire(source: SweepSource, shard: ShardDraft, nowMs: number, limit: number): readonly EntryChange[] {
  if (shard.before.expiringCount === 0 || limit <= 0) {
    if (shard.before.expiringCount === 0) lowerMark(shard, nowMs);
    return [];
  }
  const { entries, isAll } = source.expired(shard.number, judgingMs(shard.before, nowMs), limit);
  const changes: EntryChange[] = [];
  for (const before of entries) {
    const sequence = shard.nextSequence();
    if (sequence === null) return changes;
    const { key } = before.entry;
    const draft = new KeyDraft(shard, { key, before, buried: null });
    draft.bury({ kind: "expired", key, version: versionOf(sequence), atMs: nowMs });
    changes.push(draft.change());
  }
  if (isAll) lowerMark(shard, nowMs);
  return changes;
}

/**
 * Everything that expired up to the mark has been removed. A mark ahead of the clock would only refuse new entries that
 * expire before it.
 */
function lowerMark(shard: ShardDraft, nowMs: number): void {
  if (shard.header.expiryMarkMs > nowMs) shard.changed().expiryMarkMs = 0;
}

function drop(
  source: SweepSource,
  shard: ShardDraft,
  nowMs: number,
  { entriesMax, tombstonesMax }: SweepLimits,
): readonly DroppedTombstone[] {
  if (shard.before.tombstoneCount === 0 || entriesMax <= 0) return [];
  let { tombstoneCount, horizon } = shard.header;
  const dropped: DroppedTombstone[] = [];
  // The oldest tombstone alone usually shows that none is due.
  for (const limit of [1, entriesMax]) {
    for (const tombstone of source.oldestTombstones(shard.number, limit).slice(dropped.length)) {
      if (tombstoneCount <= tombstonesMax && tombstone.atMs > nowMs - tombstoneAgeMsMax) break;
      dropped.push({ shard: shard.number, tombstone });
      tombstoneCount--;
      horizon = Math.max(horizon, Number(tombstone.version));
    }
    if (dropped.length === 0) return [];
  }
  const header = shard.changed();
  header.tombstoneCount = tombstoneCount;
  header.horizon = horizon;
  return dropped;
}
