/**
 * The refusals that callers get when the engine fails. The engine's own messages name folders and go to the log only.
 */
import { ShardgateError, type ErrorCode } from "../../core/error.js";
import { engineTimeoutMs } from "../../core/limits.js";
import type { RefusedOutcome } from "../../core/operation.js";

export function refused(code: ErrorCode, message: string): RefusedOutcome {
  return { kind: "refused", code, message };
}

/**
 * The refusal for a read, or for a failure before a write: nothing was written, whatever `error` is. The text does not
 * mention writes, because reads get it too.
 */
export function refusalBeforeWrite(error: unknown): RefusedOutcome {
  const code = error instanceof ShardgateError ? error.code : "STORAGE_FAILED";
  if (code === "OUTCOME_UNKNOWN")
    return refused("SHARD_UNAVAILABLE", "A reply of the storage engine was lost; try again.");
  return refused(code, readMessages.get(code) ?? "The storage engine failed.");
}

/** The refusal for a failed commit. Its outcome is unknown unless the engine reports a code. */
export function refusalOfCommit(error: unknown): RefusedOutcome {
  const code = error instanceof ShardgateError ? error.code : "OUTCOME_UNKNOWN";
  return refused(code, messages.get(code) ?? "The storage engine failed; nothing was written.");
}

/** The refusal for reads that took too long, and for writes that have not started. */
export const notInTime = refused(
  "SHARD_UNAVAILABLE",
  `The storage engine did not start this operation within ${engineTimeoutMs} ms.`,
);

const readMessages: ReadonlyMap<ErrorCode, string> = new Map([
  ["STORAGE_FULL", "The storage node has no disk space left."],
  ["SHARD_UNAVAILABLE", "The storage node cannot use its database now."],
]);

const messages: ReadonlyMap<ErrorCode, string> = new Map([
  ["STORAGE_FULL", "The storage node has no disk space left; nothing was written."],
  ["SHARD_UNAVAILABLE", "The storage node cannot use its database now; nothing was written."],
  ["OUTCOME_UNKNOWN", "The storage engine's reply to the commit was lost; the write may or may not have happened."],
]);
