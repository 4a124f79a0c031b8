/**
 * What may be tried again, as pure decisions. A read may always be; a write only when it was provably not executed. The
 * pause before it is drawn at random from zero to a bound that doubles (full jitter), so that callers who failed together
 * do not come back together.
 */
import type { Key } from "../core/key.js";
import type { Operation, Outcome } from "../core/operation.js";
import { isWrite } from "./refusal.js";

/** Most attempts at one read, the first included. */
export const attemptsMax = 3;

/** First pause before a retry; it doubles with each attempt and is drawn at random from zero to itself (full jitter). */
export const retryPauseMs = 25;

/** Longest pause before a retry. */
export const retryPauseMsMax = 400;

/**
 * "done": the outcome stands. "retry": after a pause, as a further attempt. "refresh": with a fresh cluster map, once.
 * "resend": at once and uncounted, because the storage node's answer had no room for it.
 */
export type Step = "done" | "retry" | "refresh" | "resend";

export interface RetryStage {
  /** 1 for the first. */
  readonly attempt: number;
  /** Whether the cluster map was refreshed for these operations already. */
  readonly isRefreshed: boolean;
}

export const firstStage: RetryStage = { attempt: 1, isRefreshed: false };

/**
 * What to do with each outcome. Writes of one key keep their order: one is not tried again when a later one of its key
 * has been executed, or may have been.
 */
export function stepsAfter(
  operations: readonly Operation[],
  outcomes: readonly Outcome[],
  stage: RetryStage,
): readonly Step[] {
  const steps = outcomes.map((outcome) => stepAfter(outcome, stage));
  const doneKeys = new Set<Key>();
  for (let index = operations.length - 1; index >= 0; index--) {
    const operation = operations[index];
    if (operation === undefined || !isWrite(operation)) continue;
    if (steps[index] === "done") doneKeys.add(operation.key);
    else if (doneKeys.has(operation.key)) steps[index] = "done";
  }
  return steps;
}

/** The stage of those operations that are tried again after `steps`. */
export function stageAfter(steps: readonly Step[], stage: RetryStage): RetryStage {
  return {
    attempt: stage.attempt + (steps.includes("retry") ? 1 : 0),
    isRefreshed: stage.isRefreshed || steps.includes("refresh"),
  };
}

/** Pause before the attempt after number `attempt`, milliseconds. `random`: from 0 to 1. */
export function pauseAfter(attempt: number, random: number): number {
  return random * Math.min(retryPauseMsMax, retryPauseMs * 2 ** (attempt - 1));
}

function stepAfter(outcome: Outcome, stage: RetryStage): Step {
  if (outcome.kind !== "refused") return "done";
  switch (outcome.code) {
    // Both say that the operation was not executed; a write that may have been has OUTCOME_UNKNOWN.
    case "SHARD_UNAVAILABLE":
    case "DRAINING":
      return stage.attempt < attemptsMax ? "retry" : "done";
    case "STALE_EPOCH":
    case "SHARD_NOT_HOSTED":
      return stage.isRefreshed ? "done" : "refresh";
    case "BATCH_ANSWER_FULL":
      return "resend";
    default:
      return "done";
  }
}
