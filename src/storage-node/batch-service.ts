/**
 * Answers the bodies of batches: bytes in, bytes out, the same for `POST /batch` and for any other way that a batch takes
 * to a storage node. Who the caller is, and what it may do, was decided before.
 */
import { ShardgateError } from "../core/error.js";
import type { Outcome, RoutedOperation } from "../core/operation.js";
import { decodeBatchRequest, encodeBatchAnswer } from "../wire/batch/batch-body.js";
import type { OperationCaller } from "./operation-caller.js";
import { refused } from "./shards/engine-failure.js";
import type { NodeMetrics } from "./node-metrics.js";
import type { ShardHost } from "./shards/shard-host.js";

/**
 * The answer's body for a request's. `body` is read before the call returns, and may be overwritten afterwards. Rejects with
 * BAD_REQUEST, TOO_MANY_KEYS or CLUSTER_MISMATCH, all for the batch as a whole: nothing of it ran.
 */
export type AnswerBatch = (body: Buffer, caller: OperationCaller) => Promise<Buffer>;

export function batchService(host: Pick<ShardHost, "execute">, metrics: Pick<NodeMetrics, "batchTaken">): AnswerBatch {
  return async (body, caller) => {
    const decoded = decodeBatchRequest(body, caller.areValuesChecked);
    metrics.batchTaken(decoded.length);
    const outcomes = decoded.every(isOperation)
      ? await host.execute(decoded, caller)
      : await executeReadable(host, decoded, caller);
    return encodeBatchAnswer(outcomes);
  };
}

/** Runs the operations that could be read; the others get their own errors as outcomes. */
async function executeReadable(
  host: Pick<ShardHost, "execute">,
  decoded: readonly (RoutedOperation | ShardgateError)[],
  caller: OperationCaller,
): Promise<readonly Outcome[]> {
  const outcomes = (await host.execute(decoded.filter(isOperation), caller)).values();
  return decoded.map((item) => {
    if (item instanceof ShardgateError) return refused(item.code, item.message);
    const { value } = outcomes.next();
    if (value === undefined) throw new Error("The shard host returned too few outcomes.");
    return value;
  });
}

function isOperation(item: RoutedOperation | ShardgateError): item is RoutedOperation {
  return !(item instanceof ShardgateError);
}
