/**
 * The events that routing reports to metrics and tests. They occur on the hot path, so an observer must only count, and
 * must never throw. Times are in milliseconds.
 */
import type { ErrorCode } from "../core/error.js";
import type { NodeFaultReason } from "./node-client/node-client.js";

/**
 * "closed": in use. "open": requests are refused at once. "halfOpen": a sign of life was seen, and one batch tests the
 * node.
 */
export type BreakerKind = "closed" | "open" | "halfOpen";

/**
 * Why operations were not sent to their storage node. "deadline" and "aborted": they were still waiting when their
 * caller's time ended. "takenOver": another storage node owns their shard by now.
 */
export type UnsentReason = "breakerOpen" | "overloaded" | "deadline" | "aborted" | "takenOver" | "closed";

/**
 * How the wait for a takeover ended. "answered": a storage node answered. "overloaded": it did not begin, because too
 * much waits already.
 */
export type WaitEnd = "answered" | "deadline" | "aborted" | "overloaded" | "closed";

export interface RoutingObserver {
  /** `waitMs`: how long the batch's oldest operation has waited. `bytes`: size of the values in the batch. */
  batchSent(event: {
    readonly node: string;
    readonly operations: number;
    readonly bytes: number;
    readonly waitMs: number;
  }): void;
  batchAnswered(event: { readonly node: string; readonly operations: number; readonly serviceMs: number }): void;
  batchFailed(event: { readonly node: string; readonly reason: NodeFaultReason }): void;
  /** Operations are about to be sent again. */
  retried(event: { readonly node: string; readonly operations: number }): void;
  breakerChanged(event: { readonly node: string; readonly state: BreakerKind }): void;
  /** Operations were refused or cancelled before they were sent. */
  unsent(event: { readonly node: string; readonly reason: UnsentReason; readonly operations: number }): void;
  /** Operations were finally answered to their caller with this code. */
  refused(event: { readonly code: ErrorCode; readonly operations: number }): void;
  /** Number of operations that wait now. */
  queueDepth(event: { readonly node: string; readonly operations: number }): void;
  /** Number of operations that wait now for their shards to be served, at whichever storage node. */
  waiting(event: { readonly operations: number }): void;
  /** The wait of operations for their shard has ended. */
  waitEnded(event: { readonly end: WaitEnd; readonly operations: number }): void;
}

export const silentObserver: RoutingObserver = {
  batchSent() {},
  batchAnswered() {},
  batchFailed() {},
  retried() {},
  breakerChanged() {},
  unsent() {},
  refused() {},
  queueDepth() {},
  waiting() {},
  waitEnded() {},
};
