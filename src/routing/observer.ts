/**
 * What routing tells whoever counts: the gateway's metrics, and tests. Calls happen on the hot path, so an observer adds
 * up and returns; it never throws. Times are milliseconds.
 */
import type { ErrorCode } from "../core/error.js";
import type { NodeFaultReason } from "./node-client/node-client.js";

/** "closed": in use; "open": refused at once; "halfOpen": seen alive again, one batch tries it. */
export type BreakerKind = "closed" | "open" | "halfOpen";

/** Why operations were not sent to their storage node; at the deadline or an abort they had waited for it in vain. */
export type UnsentReason = "breakerOpen" | "overloaded" | "deadline" | "aborted" | "closed";

export interface RoutingObserver {
  /** `waitMs`: how long the batch's oldest operation had gathered. `bytes`: of the values it carries. */
  batchSent(event: {
    readonly node: string;
    readonly operations: number;
    readonly bytes: number;
    readonly waitMs: number;
  }): void;
  batchAnswered(event: { readonly node: string; readonly operations: number; readonly serviceMs: number }): void;
  batchFailed(event: { readonly node: string; readonly reason: NodeFaultReason }): void;
  /** Operations that are about to be sent again. */
  retried(event: { readonly node: string; readonly operations: number }): void;
  breakerChanged(event: { readonly node: string; readonly state: BreakerKind }): void;
  /** Operations that were refused, or given up, before they left. */
  unsent(event: { readonly node: string; readonly reason: UnsentReason; readonly operations: number }): void;
  /** Operations whose last word to their caller is this code. */
  refused(event: { readonly code: ErrorCode; readonly operations: number }): void;
  /** Operations waiting now. */
  queueDepth(event: { readonly node: string; readonly operations: number }): void;
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
};
