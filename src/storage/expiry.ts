/** When an entry expires, and whether it has expired: the same rules for every engine. */
import type { JsonEntry } from "../core/entry.js";
import { expiryMsMax } from "../core/limits.js";
import type { OperationExpiry, RefusedOutcome } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import { judgingMs, type ShardFence } from "./shard-header.js";

/** Whether the entry has expired at `atMs`. It is gone at `expiresAtMs` itself already. */
export function isExpired(entry: JsonEntry, atMs: number): boolean {
  return entry.expiresAtMs !== null && entry.expiresAtMs <= atMs;
}

/**
 * The moment that `expiry` names, in milliseconds; null for never. Otherwise the refusal: EXPIRY_PASSED; BAD_REQUEST
 * beyond the year 9999; SHARD_UNAVAILABLE when the moment lies ahead of the node's clock but not after the shard's
 * expiry mark, until the next sweep lowers the mark.
 */
export function expiryMoment(
  expiry: OperationExpiry | null,
  shard: ShardNumber,
  fence: ShardFence,
  nowMs: number,
): number | RefusedOutcome | null {
  if (expiry === null) return null;
  const moment = expiry.kind === "ttl" ? nowMs + expiry.seconds * 1000 : expiry.atMs;
  if (!(moment <= expiryMsMax)) return refused("BAD_REQUEST", "An expiry must be before the year 10000.");
  if (moment <= nowMs) {
    const late = `The expiry ${momentText(moment)} has passed: it is ${momentText(nowMs)} at the storage node.`;
    return refused("EXPIRY_PASSED", late);
  }
  if (moment > judgingMs(fence, nowMs)) return moment;
  const message = `Shard ${shard} has expired entries up to ${momentText(fence.expiryMarkMs)}, but its storage node's clock jumped back to ${momentText(nowMs)}. Nothing was written; try again.`;
  return refused("SHARD_UNAVAILABLE", message);
}

function refused(code: RefusedOutcome["code"], message: string): RefusedOutcome {
  return { kind: "refused", code, message };
}

function momentText(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? `${atMs} ms` : date.toISOString();
}
