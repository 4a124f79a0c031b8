/** The codes and wording of outcomes that routing gives when a storage node did not answer. */
import type { ErrorCode } from "../core/error.js";
import type { Operation, RefusedOutcome, WriteOperation } from "../core/operation.js";

/** The storage node as messages name it, for example "storage node node2 (http://127.0.0.1:4002)". */
export function nodeText(node: { readonly name: string; readonly url: string }): string {
  return `storage node ${node.name} (${node.url})`;
}

/**
 * The outcome of `operation` when the node's own answer is missing because of `cause` (a clause about the storage node,
 * without a full stop): OUTCOME_UNKNOWN for a write that may have been executed, else SHARD_UNAVAILABLE.
 */
export function refusedBecause(operation: Operation, cause: string, isUnsent: boolean): RefusedOutcome {
  if (isUnsent || !isWrite(operation)) {
    return refused("SHARD_UNAVAILABLE", `Shard ${operation.shard} is unavailable: ${cause}.`);
  }
  return refused(
    "OUTCOME_UNKNOWN",
    `Whether the ${operationText(operation)} in shard ${operation.shard} happened is unknown: ${cause}.`,
  );
}

/** For example: put of key "user123". */
export function operationText(operation: Operation): string {
  if (operation.kind === "scan") return "scan";
  const { kind, key } = operation;
  return `${kind} of key ${JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key)}`;
}

/** The cause when the caller's time ended before the storage node answered. */
export function unansweredBecause(
  record: { readonly name: string; readonly url: string },
  reason: "deadline" | "aborted",
  isSent: boolean,
): string {
  const node = nodeText(record);
  if (reason === "aborted") return `the request was cancelled before ${node} answered`;
  return isSent ? `${node} did not answer in time` : `the request timed out before it was sent to ${node}`;
}

export function refused(code: ErrorCode, message: string): RefusedOutcome {
  return { kind: "refused", code, message };
}

export function isWrite(operation: Operation): operation is WriteOperation {
  return operation.kind === "put" || operation.kind === "delete";
}
