/**
 * What an engine keeps of each shard beside its entries, read and written with every change of the shard: who may touch
 * it, its figures, and what its readers depend on. Immutable; a commit holds only over the header it was planned for.
 */
import assert from "node:assert/strict";
import type { ShardNumber } from "../core/shard.js";
import { digestText, digestWith, emptyDigest, type Digest } from "./checksum.js";
import type { ShardClaim, ShardStats } from "./engine.js";
import type { StoredEntry } from "./stored-entry.js";

/** What decides whether an operation may run, and by which time. */
export interface ShardFence {
  readonly epoch: number;
  readonly releasedEpoch: number;
  readonly lineage: number;
  readonly sealedFor: string | null;
  /**
   * The largest `expiresAtMs` that was judged as passed while its entry stayed; 0: none. Entries up to it stay expired
   * when the clock jumps back.
   */
  readonly expiryMarkMs: number;
}

export interface ShardHeader extends ShardFence {
  /** The last sequence number given away; a new epoch raises it to its floor. */
  readonly sequence: number;
  /** Stored entries, with those that have expired and are not yet swept; bytes of their keys and values. */
  readonly keyCount: number;
  readonly sizeBytes: number;
  /** Stored entries that expire at some time. */
  readonly expiringCount: number;
  readonly tombstoneCount: number;
  /** The newest change that the feed no longer has; readers who have not come so far have a gap. */
  readonly horizon: number;
  /**
   * Items of the index of changes with a version that their key no longer has, where the engine leaves their removal to
   * the sweep; 0 in an engine that removes them at once.
   */
  readonly staleCount: number;
  /** Over all stored entries. */
  readonly digest: Digest;
}

export const emptyHeader: ShardHeader = {
  epoch: 0,
  releasedEpoch: 0,
  lineage: 0,
  sealedFor: null,
  expiryMarkMs: 0,
  sequence: 0,
  keyCount: 0,
  sizeBytes: 0,
  expiringCount: 0,
  tombstoneCount: 0,
  horizon: 0,
  staleCount: 0,
  digest: emptyDigest,
};

export type MutableHeader = { -readonly [Name in keyof ShardHeader]: ShardHeader[Name] };

/** Counts an entry that comes, or with -1 one that goes. */
export function countEntry(header: MutableHeader, { entry, sizeBytes, checksum }: StoredEntry, sign: 1 | -1): void {
  header.keyCount += sign;
  header.sizeBytes += sign * sizeBytes;
  if (entry.expiresAtMs !== null) header.expiringCount += sign;
  header.digest = digestWith(header.digest, checksum, sign);
  const isRight = header.keyCount >= 0 && header.expiringCount >= 0 && header.sizeBytes >= 0;
  assert(isRight, "A shard's figures fell below zero.");
}

/** The moment by which the shard's entries are judged: a clock that jumps back does not take it below the mark. */
export function judgingMs(fence: ShardFence, nowMs: number): number {
  return Math.max(nowMs, fence.expiryMarkMs);
}

export function claimOf(shard: ShardNumber, { epoch, releasedEpoch, lineage, sealedFor }: ShardHeader): ShardClaim {
  return { shard, epoch, releasedEpoch, lineage, sealedFor };
}

/** Figures without what has expired: `expired` holds the size of each such entry. */
export function statsOf(header: ShardHeader, expired: Iterable<number>): ShardStats {
  let { keyCount, sizeBytes } = header;
  for (const bytes of expired) {
    keyCount--;
    sizeBytes -= bytes;
  }
  const { tombstoneCount, sequence, digest } = header;
  return { keyCount, sizeBytes, tombstoneCount, sequence, digest: digestText(digest) };
}
