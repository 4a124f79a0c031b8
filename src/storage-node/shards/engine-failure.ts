/** What callers read when the engine fails a call. Its own messages name folders, and are for the log. */
import { ShardgateError, type ErrorCode } from "../../core/error.js";
import { engineTimeoutMs } from "../../core/limits.js";
import type { RefusedOutcome } from "../../core/operation.js";

export function refused(code: ErrorCode, message: string): RefusedOutcome {
  return { kind: "refused", code, message };
}

/** For reads, and for what comes before a write: nothing was written, whatever `error` is. Reads do not speak of that. */
export function refusalBeforeWrite(error: unknown): RefusedOutcome {
  const code = error instanceof ShardgateError ? error.code : "STORAGE_FAILED";
  if (code === "OUTCOME_UNKNOWN")
    return refused("SHARD_UNAVAILABLE", "A reply of the storage engine was lost; try again.");
  return refused(
    code,
    code === "STORAGE_FULL" ? "The storage node has no disk space left." : "The storage engine failed.",
  );
}

/** For a commit. What the engine did not say is unknown, and so is a failure that it does not name. */
export function refusalOfCommit(error: unknown): RefusedOutcome {
  const code = error instanceof ShardgateError ? error.code : "OUTCOME_UNKNOWN";
  return refused(code, messages.get(code) ?? "The storage engine failed; nothing was written.");
}

/** For reads, and for writes that have not begun. */
export const notInTime = refused(
  "SHARD_UNAVAILABLE",
  `The storage engine did not start this operation within ${engineTimeoutMs} ms.`,
);

const messages: ReadonlyMap<ErrorCode, string> = new Map([
  ["STORAGE_FULL", "The storage node has no disk space left; nothing was written."],
  ["OUTCOME_UNKNOWN", "The storage engine's reply to the commit was lost; the write may or may not have happened."],
]);
