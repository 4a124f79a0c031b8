/**
 * Answers the body of a batch: bytes in, bytes out, the same for `POST /batch` and for frames. The caller has been
 * identified and authorized before.
 */
import { ShardgateError } from "../core/error.js";
import type { Outcome, RoutedOperation } from "../core/operation.js";
import { decodeBatchRequest, encodeBatchAnswer } from "../wire/batch/batch-body.js";
import type { OperationCaller } from "./operation-caller.js";
import { refused } from "./shards/engine-failure.js";
import type { NodeMetrics } from "./node-metrics.js";
import type { ShardHost } from "./shards/shard-host.js";

/**
 * Resolves to the body of the answer. `body` is read before the call returns, and may be overwritten afterwards.
 * Rejects with BAD_REQUEST, TOO_MANY_KEYS or CLUSTER_MISMATCH for the batch as a whole; then no operation of it ran.
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

/** Runs the operations that could be decoded. The outcome of each other operation is its decoding error. */
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
