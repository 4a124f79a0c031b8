/** When a stored entry expires, whether it has, how large it is, and figures of those that live: the same for every engine. */
import type { Entry } from "../core/entry.js";
import { utf8Bytes } from "../core/key.js";
import { momentMsMax } from "../core/limits.js";
import type { Expiry } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import type { ShardStats } from "./engine.js";

/**
 * The moment that `expiry` means, from 1970 to `momentMsMax`; null for never. A moment that has passed is allowed: the
 * entry is written, takes its version, and is gone at once.
 */
export function expiresAtMs(expiry: Expiry | null, nowMs: number): number | null {
  if (expiry === null) return null;
  const moment = expiry.kind === "ttl" ? nowMs + expiry.seconds * 1000 : expiry.atMs;
  return Math.min(Math.max(moment, 0), momentMsMax);
}

/** Whether readers still see the entry. It is gone from its very moment on. */
export function isLive(entry: Entry, nowMs: number): boolean {
  return entry.expiresAtMs === null || entry.expiresAtMs > nowMs;
}

/** Bytes of the key and the value, as the shards' figures count them. */
export function sizeOf({ key, value }: Entry): number {
  return utf8Bytes(key) + utf8Bytes(value);
}

/** Figures without what has expired: `stored` of each shard with it, `expired` the shard and size of each such entry. */
export function liveStats(
  stored: Iterable<readonly [ShardNumber, ShardStats]>,
  expired: Iterable<readonly [ShardNumber, number]>,
): ReadonlyMap<ShardNumber, ShardStats> {
  const gone = new Map<ShardNumber, ShardStats>();
  for (const [shard, bytes] of expired) {
    const { keyCount, sizeBytes } = gone.get(shard) ?? nothing;
    gone.set(shard, { keyCount: keyCount + 1, sizeBytes: sizeBytes + bytes });
  }
  const live = new Map<ShardNumber, ShardStats>();
  for (const [shard, { keyCount, sizeBytes }] of stored) {
    const less = gone.get(shard) ?? nothing;
    live.set(shard, { keyCount: keyCount - less.keyCount, sizeBytes: sizeBytes - less.sizeBytes });
  }
  return live;
}

const nothing: ShardStats = { keyCount: 0, sizeBytes: 0 };
