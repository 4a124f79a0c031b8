/**
 * Decides which failures of a batch count against its storage node. Pure. An open breaker withholds the node from every
 * client, so only failures of the node itself may open it: not the content of one request, not a deadline that had
 * nearly passed, and not a lack of resources at the gateway.
 */
import { NodeFault, type NodeFaultReason } from "./node-client.js";

/**
 * A silent storage node is not blamed for an attempt that its callers' deadline made shorter than this, because a busy
 * node may need as long. A request's last attempt at a node that hangs is longer, and still counts.
 */
export const tellingAttemptMs = 500;

/** A batch that failed. Times are monotonic milliseconds. */
export interface FailedAttempt {
  readonly sentMs: number;
  /** The timeout of the batch. */
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

/** Whether the fault by itself, regardless of the batch, may count against the storage node. */
export function isNodesFault({ reason }: NodeFault): boolean {
  return !reasonsOfOthers.has(reason);
}

export function countsAgainstNode(fault: NodeFault, { sentMs, timeoutMs, lastAnswerMs }: FailedAttempt): boolean {
  if (fault.reason !== "timeout") return isNodesFault(fault);
  // Otherwise the callers' deadline cut the attempt short, or the node was answering other batches meanwhile.
  return timeoutMs >= tellingAttemptMs && (lastAnswerMs === null || lastAnswerMs < sentMs);
}

/**
 * The fault that the storage node's client rejected with. Any other error is a bug of the gateway, not a fault of the
 * node.
 */
export function faultOf(error: unknown, node: string): NodeFault {
  if (error instanceof NodeFault) return error;
  return new NodeFault("gatewayBug", `the answer of ${node} could not be understood`, false, error);
}
