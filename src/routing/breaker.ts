/**
 * The circuit breaker of one storage node, as pure decisions: after `breakerFailuresMax` failures in a row it opens and
 * requests are refused at once. Once `breakerOpenMs` have passed, the next request has the node probed on the side, so
 * that no request ever pays for the trial; a node seen alive makes it half open, and one batch then closes or reopens it.
 */
import { breakerFailuresMax, breakerOpenMs } from "../core/limits.js";

export type Breaker =
  | { readonly kind: "closed"; readonly failures: number }
  | { readonly kind: "open"; readonly probeAtMs: number }
  | { readonly kind: "halfOpen" };

/** Also what any success leads to. */
export const closedBreaker: Breaker = { kind: "closed", failures: 0 };

/** After a batch without a usable answer. `random` (0 to 1) keeps several gateways from probing in step. */
export function afterFailure(breaker: Breaker, nowMs: number, random: number): Breaker {
  // A batch that had been sent before it opened; the node's time is not prolonged for that.
  if (breaker.kind === "open") return breaker;
  const failures = breaker.kind === "closed" ? breaker.failures + 1 : breakerFailuresMax;
  return failures < breakerFailuresMax ? { kind: "closed", failures } : openBreaker(nowMs, random);
}

/** After any sign of life that is not the answer to a batch. */
export function afterSignOfLife(breaker: Breaker): Breaker {
  return breaker.kind === "open" ? { kind: "halfOpen" } : breaker;
}

/** Whether the storage node should be probed now. */
export function isProbeDue(breaker: Breaker, nowMs: number): boolean {
  return breaker.kind === "open" && nowMs >= breaker.probeAtMs;
}

/** Open, with the next probe a full `breakerOpenMs` away, or up to a quarter less. */
export function openBreaker(nowMs: number, random: number): Breaker {
  return { kind: "open", probeAtMs: nowMs + breakerOpenMs * (1 - random / 4) };
}
