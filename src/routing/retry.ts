/**
 * Decides what may be retried, as pure functions. A read always may; a write only when it was provably not executed.
 * The pause before a retry is random, from zero to a bound that doubles (full jitter), so that callers who failed
 * together do not return together.
 */
import type { Key } from "../core/key.js";
import type { Operation, Outcome } from "../core/operation.js";
import { isWrite } from "./refusal.js";

/** Most attempts of one read, the first included. */
export const attemptsMax = 3;

/**
 * Upper bound of the pause before the first retry. It doubles with each attempt; the pause is random from zero to the
 * bound (full jitter).
 */
export const retryPauseMs = 25;

/** Longest pause before a retry. */
export const retryPauseMsMax = 400;

/**
 * "done": the outcome is final. "retry": after a pause, as a further attempt. "refresh": with a fresh cluster map,
 * once. "resend": at once and not counted as an attempt, because the storage node's answer had no room for it. "wait":
 * when the shard is served again, by this or another storage node.
 */
export type Step = "done" | "retry" | "refresh" | "resend" | "wait";

export interface RetryStage {
  /** 1 for the first. */
  readonly attempt: number;
  /** Whether the cluster map has already been refreshed for these operations. */
  readonly isRefreshed: boolean;
  /** The operations waited, and find out whether their shard is served again: they do not wait once more by themselves. */
  readonly isTrial?: boolean;
}

export const firstStage: RetryStage = { attempt: 1, isRefreshed: false };

/** The stage of operations that have waited. */
export const trialStage: RetryStage = { attempt: 1, isRefreshed: false, isTrial: true };

/**
 * What to do with each operation. Writes of one key keep their order: a write is not retried when a later write of its
 * key has been, or may have been, executed. `mayWait`: another storage node may serve the shards soon.
 */
export function stepsAfter(
  operations: readonly Operation[],
  outcomes: readonly Outcome[],
  stage: RetryStage,
  mayWait = false,
): readonly Step[] {
  const steps = outcomes.map((outcome) => (mayWait ? stepOfShared(outcome, stage) : stepAfter(outcome, stage)));
  const doneKeys = new Set<Key>();
  for (let index = operations.length - 1; index >= 0; index--) {
    const operation = operations[index];
    if (operation === undefined || !isWrite(operation)) continue;
    if (steps[index] === "done") doneKeys.add(operation.key);
    else if (doneKeys.has(operation.key)) steps[index] = "done";
  }
  return steps;
}

/** The stage of the operations that are retried after `steps`. */
export function stageAfter(steps: readonly Step[], stage: RetryStage): RetryStage {
  return {
    ...stage,
    attempt: stage.attempt + (steps.includes("retry") ? 1 : 0),
    isRefreshed: stage.isRefreshed || steps.includes("refresh"),
  };
}

/** The pause after attempt number `attempt`, in milliseconds. `random`: from 0 to 1. */
export function pauseAfter(attempt: number, random: number): number {
  return random * Math.min(retryPauseMsMax, retryPauseMs * 2 ** (attempt - 1));
}

/** What to do with an operation on a shard that another storage node may take over. */
function stepOfShared(outcome: Outcome, stage: RetryStage): Step {
  if (outcome.kind !== "refused") return "done";
  switch (outcome.code) {
    // All of them mean "not here" or "not now", and that the operation was not executed.
    case "SHARD_UNAVAILABLE":
    case "DRAINING":
    case "NODE_CONFLICT":
    case "CLUSTER_MISMATCH":
      return "wait";
    case "STALE_EPOCH":
    case "SHARD_NOT_HOSTED":
      return stage.isRefreshed ? "wait" : "refresh";
    default:
      return stepAfter(outcome, stage);
  }
}

function stepAfter(outcome: Outcome, stage: RetryStage): Step {
  if (outcome.kind !== "refused") return "done";
  switch (outcome.code) {
    // Both mean that the operation was not executed; a write that may have been executed has OUTCOME_UNKNOWN.
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
