/**
 * The circuit breaker of one storage node, as pure decisions: after `breakerFailuresMax` failures in a row it opens and
 * requests are refused at once. Once `breakerOpenMs` have passed, the next request has the node probed on the side, so
 * that no request ever pays for the trial; a node seen alive makes it half open, and one batch then closes or reopens it.
 */
import { breakerOpenMs } from "../../core/limits.js";

/** Failed attempts in a row after which a storage node's breaker opens. */
export const breakerFailuresMax = 3;

export type Breaker =
  | { readonly kind: "closed"; readonly failures: number }
  | { readonly kind: "open"; readonly probeAtMs: number }
  | { readonly kind: "halfOpen"; readonly sinceMs: number };

/** Initial state, and the state after a success. */
export const closedBreaker: Breaker = { kind: "closed", failures: 0 };

export interface BatchFailure {
  /** When the batch was sent. */
  readonly sentMs: number;
  readonly nowMs: number;
  /** From 0 to 1; keeps several gateways from probing in step. */
  readonly random: number;
  /** The storage node said itself that it takes nothing more: no further failures are waited for. */
  readonly isFinal: boolean;
}

/** After a batch without a usable answer. */
export function afterFailure(breaker: Breaker, { sentMs, nowMs, random, isFinal }: BatchFailure): Breaker {
  // The batch had been sent before the breaker opened, or before the sign of life: it says nothing new.
  if (breaker.kind === "open" || (breaker.kind === "halfOpen" && sentMs < breaker.sinceMs)) return breaker;
  const failures = breaker.kind === "closed" && !isFinal ? breaker.failures + 1 : breakerFailuresMax;
  return failures < breakerFailuresMax ? { kind: "closed", failures } : openBreaker(nowMs, random);
}

/** After any sign of life that is not the answer to a batch. */
export function afterSignOfLife(breaker: Breaker, nowMs: number): Breaker {
  return breaker.kind === "open" ? { kind: "halfOpen", sinceMs: nowMs } : breaker;
}

/** Whether the storage node should be probed now. */
export function isProbeDue(breaker: Breaker, nowMs: number): boolean {
  return breaker.kind === "open" && nowMs >= breaker.probeAtMs;
}

/** Open, with the next probe a full `breakerOpenMs` away, or up to a quarter less. */
export function openBreaker(nowMs: number, random: number): Breaker {
  return { kind: "open", probeAtMs: nowMs + breakerOpenMs * (1 - random / 4) };
}
