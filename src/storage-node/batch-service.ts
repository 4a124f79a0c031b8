/** A batch as bytes in and bytes out, whatever it travelled by: the body of `POST /batch`, or of a frame. */
import { ShardgateError } from "../core/error.js";
import type { Outcome, RoutedOperation } from "../core/operation.js";
import { decodeBatchRequest, encodeBatchAnswer } from "../wire/batch-body.js";
import type { Caller } from "./caller.js";
import type { NodeMetrics } from "./metrics.js";
import type { ShardHost } from "./shard-host.js";

/** Rejects with a ShardgateError for the batch as a whole; anything else is a bug. `body` is read at once. */
export type AnswerBatch = (body: Buffer, caller: Caller) => Promise<Buffer>;

export function batchService(host: ShardHost, metrics: Pick<NodeMetrics, "batchTaken">): AnswerBatch {
  return async (body, caller) => {
    const decoded = decodeBatchRequest(body);
    metrics.batchTaken(decoded.length);
    return encodeBatchAnswer(await runBatch(host, decoded, caller));
  };
}

/** Runs the operations that could be read; the others get their own errors as outcomes. */
async function runBatch(
  host: ShardHost,
  decoded: readonly (RoutedOperation | ShardgateError)[],
  caller: Caller,
): Promise<readonly Outcome[]> {
  const operations = decoded.filter((item): item is RoutedOperation => !(item instanceof ShardgateError));
  const outcomes = (await host.execute(operations, caller)).values();
  return decoded.map((item) => {
    if (item instanceof ShardgateError) return { kind: "refused", code: item.code, message: item.message };
    const { value } = outcomes.next();
    if (value === undefined) throw new Error("The shard host gave too few outcomes.");
    return value;
  });
}
