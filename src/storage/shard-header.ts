/**
 * The record of each shard beside its entries, read and written with every change of the shard: its claim, its figures,
 * and the state of its change feed. It is immutable; a commit is valid only if the header is still the one it was
 * planned with.
 */
import assert from "node:assert/strict";
import type { ShardNumber } from "../core/shard.js";
import { digestText, digestWith, emptyDigest, type Digest } from "./checksum.js";
import type { ShardClaim, ShardStats } from "./engine.js";
import type { StoredEntry } from "./stored-entry.js";

/** The part of the header that decides whether an operation may run, and what has expired. */
export interface ShardFence {
  readonly epoch: number;
  readonly releasedEpoch: number;
  readonly lineage: number;
  readonly sealedFor: string | null;
  /**
   * The highest `expiresAtMs` that was treated as passed while its entry was still stored; 0 if none. Entries that
   * expire up to it stay expired when the clock jumps back.
   */
  readonly expiryMarkMs: number;
}

export interface ShardHeader extends ShardFence {
  /** The last sequence number given to a change. A new epoch raises it to the epoch's floor. */
  readonly sequence: number;
  /** Stored entries, including expired ones that are not swept yet, and the bytes of their keys and values. */
  readonly keyCount: number;
  readonly sizeBytes: number;
  /** Number of stored entries with an expiry. */
  readonly expiringCount: number;
  readonly tombstoneCount: number;
  /** The version of the newest change that was dropped from the feed. Readers at an older position have a gap. */
  readonly horizon: number;
  /**
   * Number of stale items in the change index, in an engine that leaves their removal to the sweep; 0 in an engine that
   * removes them at once.
   */
  readonly staleCount: number;
  /** Digest over all stored entries. */
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

/** Adds an entry to the header's figures (`sign` 1) or removes it (`sign` -1). */
export function countEntry(header: MutableHeader, { entry, sizeBytes, checksum }: StoredEntry, sign: 1 | -1): void {
  header.keyCount += sign;
  header.sizeBytes += sign * sizeBytes;
  if (entry.expiresAtMs !== null) header.expiringCount += sign;
  header.digest = digestWith(header.digest, checksum, sign);
  const isRight = header.keyCount >= 0 && header.expiringCount >= 0 && header.sizeBytes >= 0;
  assert(isRight, "A shard's figures fell below zero.");
}

/** The time against which the shard's entries expire: never below the mark, even when the clock jumps back. */
export function judgingMs(fence: ShardFence, nowMs: number): number {
  return Math.max(nowMs, fence.expiryMarkMs);
}

export function claimOf(shard: ShardNumber, { epoch, releasedEpoch, lineage, sealedFor }: ShardHeader): ShardClaim {
  return { shard, epoch, releasedEpoch, lineage, sealedFor };
}

/** The shard's figures without expired entries, whose sizes are in `expired`. */
export function statsOf(header: ShardHeader, expired: Iterable<number>): ShardStats {
  let { keyCount, sizeBytes } = header;
  for (const bytes of expired) {
    keyCount--;
    sizeBytes -= bytes;
  }
  const { tombstoneCount, sequence, digest } = header;
  return { keyCount, sizeBytes, tombstoneCount, sequence, digest: digestText(digest) };
}
