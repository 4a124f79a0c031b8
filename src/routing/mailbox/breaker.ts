/**
 * The circuit breaker of one storage node, as pure decisions. After `breakerFailuresMax` failures in a row it opens,
 * and requests are refused at once. Once `breakerOpenMs` have passed, the next request triggers a probe in the
 * background, so that no request is used as the trial. A sign of life makes the breaker half open; the next batch then
 * closes or reopens it.
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
  /** When the batch was sent, on the clock of `nowMs`. */
  readonly sentMs: number;
  readonly nowMs: number;
  /** A random number from 0 to 1, so that several gateways do not probe at the same time. */
  readonly random: number;
  /** The storage node itself has said that it accepts no more requests: the breaker opens at the first failure. */
  readonly isFinal: boolean;
}

/** The state after a batch without a usable answer. */
export function afterFailure(breaker: Breaker, { sentMs, nowMs, random, isFinal }: BatchFailure): Breaker {
  // The batch was sent before the breaker opened, or before the sign of life: its failure is old news.
  if (breaker.kind === "open" || (breaker.kind === "halfOpen" && sentMs < breaker.sinceMs)) return breaker;
  const failures = breaker.kind === "closed" && !isFinal ? breaker.failures + 1 : breakerFailuresMax;
  return failures < breakerFailuresMax ? { kind: "closed", failures } : openBreaker(nowMs, random);
}

/** The state after a sign of life other than the answer to a batch. */
export function afterSignOfLife(breaker: Breaker, nowMs: number): Breaker {
  return breaker.kind === "open" ? { kind: "halfOpen", sinceMs: nowMs } : breaker;
}

/** Whether the storage node should be probed now. */
export function isProbeDue(breaker: Breaker, nowMs: number): boolean {
  return breaker.kind === "open" && nowMs >= breaker.probeAtMs;
}

/** An open breaker whose next probe is due after `breakerOpenMs`, or up to a quarter earlier. */
export function openBreaker(nowMs: number, random: number): Breaker {
  return { kind: "open", probeAtMs: nowMs + breakerOpenMs * (1 - random / 4) };
}
