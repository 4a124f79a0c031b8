/**
 * Which failures of a batch count against its storage node, as a pure decision. The breaker takes a storage node away from
 * every client, so only what the node itself did may open it: not what one request asked for, not a deadline that was
 * nearly over, and not what the gateway had no means for.
 */
import { NodeFault, type NodeFaultReason } from "./node-client.js";

/**
 * An attempt that its callers' deadline made shorter than this says nothing against a storage node that was silent: a busy
 * one may need as long. A request's last attempt at a node that hangs is longer, and still counts.
 */
export const tellingAttemptMs = 500;

/** A batch that failed. Times are monotonic milliseconds. */
export interface FailedAttempt {
  readonly sentMs: number;
  /** How long its answer was waited for. */
  readonly timeoutMs: number;
  /** When the storage node last answered any batch; null: never. */
  readonly lastAnswerMs: number | null;
}

const reasonsOfOthers: ReadonlySet<NodeFaultReason> = new Set([
  "aborted",
  "answerTooLarge",
  "slowAnswer",
  "requestFailed",
  "noConnection",
  "gatewayBug",
]);

/** Whether the fault alone, whatever its batch was, may count against the storage node. */
export function isNodesFault({ reason }: NodeFault): boolean {
  return !reasonsOfOthers.has(reason);
}

export function countsAgainstNode(fault: NodeFault, { sentMs, timeoutMs, lastAnswerMs }: FailedAttempt): boolean {
  if (fault.reason !== "timeout") return isNodesFault(fault);
  // Its callers' deadline cut the attempt short, or the node was answering others meanwhile.
  return timeoutMs >= tellingAttemptMs && (lastAnswerMs === null || lastAnswerMs < sentMs);
}

/** What the client of a storage node rejected with; what it threw itself is no fault of the node. */
export function faultOf(error: unknown, node: string): NodeFault {
  if (error instanceof NodeFault) return error;
  return new NodeFault("gatewayBug", `the answer of ${node} could not be understood`, false, error);
}
