/** When an entry expires, and whether it has: the same for every engine. */
import type { JsonEntry } from "../core/entry.js";
import { expiryMsMax } from "../core/limits.js";
import type { OperationExpiry, RefusedOutcome } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import { judgingMs, type ShardFence } from "./shard-header.js";

/** Whether the entry is gone for readers at `atMs`: from its very moment on. */
export function isExpired(entry: JsonEntry, atMs: number): boolean {
  return entry.expiresAtMs !== null && entry.expiresAtMs <= atMs;
}

/**
 * The moment that `expiry` means, null for never, or why it is refused: EXPIRY_PASSED, BAD_REQUEST beyond the year 9999,
 * SHARD_UNAVAILABLE while the node's clock is behind a moment that the shard has judged as passed; the next sweep ends that.
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
