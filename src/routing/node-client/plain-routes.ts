/**
 * The three plain routes of a storage node, `GET`, `PUT` and `DELETE /shard/{shard}/store/{key}`, called for one key.
 */
import type { EntryFacts } from "../../core/entry.js";
import { ShardgateError } from "../../core/error.js";
import { parseJsonBytes } from "../../core/text/json-text.js";
import { nodeAnswerBytesMax, valueBytesMax } from "../../core/limits.js";
import type { GetOperation, Operation, Outcome, RoutedOperation, WriteOperation } from "../../core/operation.js";
import type { StopSignal } from "../../core/tasks/stop-signal.js";
import { entryPath, problemMediaType, shardEpochHeader } from "../../wire/paths.js";
import { NodeFault } from "./node-client.js";
import {
  clause,
  faultOfAnswer,
  problemIn,
  type RawNodeAnswer,
  type NodeLine,
  type NodeRequest,
} from "./node-exchange.js";
import { refused } from "../refusal.js";

/** The operations that plain routes support. */
export type PlainOperation = GetOperation | WriteOperation;

/** Whether a plain storage node supports the operation: no scan, no condition, no expiry. */
export function isPlain(operation: Operation): operation is PlainOperation {
  if (operation.kind === "scan") return false;
  if (operation.kind === "get") return true;
  return operation.condition === null && (operation.kind === "delete" || operation.expiry === null);
}

/** A plain storage node returns only a value, without its facts. */
export const unknownFacts: EntryFacts = { version: null, createdAtMs: null, updatedAtMs: null, expiresAtMs: null };

/** Resolves to the outcome of one operation without condition and expiry. Rejects with a NodeFault. */
export async function runAtPlainNode(
  line: NodeLine,
  { operation, epoch }: RoutedOperation & { readonly operation: PlainOperation },
  signal: StopSignal,
): Promise<Outcome> {
  let answer: RawNodeAnswer;
  try {
    answer = await line.exchange(requestOf(operation, epoch), signal);
  } catch (error) {
    if (operation.kind !== "get" || !(error instanceof NodeFault) || error.reason !== "answerTooLarge") throw error;
    return badValue(operation, line.node, `is longer than ${valueBytesMax} bytes`);
  }
  return refusalIn(answer, line.node) ?? outcomeIn(answer, operation, line.node);
}

function requestOf(operation: PlainOperation, epoch: number | null): NodeRequest {
  const path = entryPath(operation.shard, operation.key);
  // A plain node ignores the epoch; a full node that was taken for a plain one checks it.
  const headers: Readonly<Record<string, string>> = epoch === null ? {} : { [shardEpochHeader]: String(epoch) };
  if (operation.kind === "get") return { method: "GET", path, headers, answerBytesMax: valueBytesMax };
  if (operation.kind === "delete") return { method: "DELETE", path, headers, answerBytesMax: nodeAnswerBytesMax };
  const withType = { ...headers, "content-type": "application/json" };
  return { method: "PUT", path, headers: withType, body: operation.value, answerBytesMax: nodeAnswerBytesMax };
}

/** The refusal for an answer with a known code, or with a status that has only one meaning; null for any other. */
function refusalIn(answer: RawNodeAnswer, node: string): Outcome | null {
  const problem = answer.mediaType === problemMediaType && answer.status >= 400 ? problemIn(answer) : null;
  if (problem !== null && problem.code !== "KEY_NOT_FOUND") {
    const { epoch } = problem.details;
    const outcome = refused(problem.code, problem.message);
    return typeof epoch === "number" || epoch === null ? { ...outcome, epoch } : outcome;
  }
  if (answer.status === 429) return refused("OVERLOADED", `Too many requests are waiting at ${node}.`);
  return null;
}

function outcomeIn(answer: RawNodeAnswer, operation: PlainOperation, node: string): Outcome {
  const { status } = answer;
  switch (operation.kind) {
    case "get":
      if (status === 200) return foundIn(answer, operation, node);
      if (status === 404) return { kind: "notFound" };
      break;
    case "put":
      if (status === 200 || status === 204) return { kind: "written", isNew: false, facts: unknownFacts };
      if (status === 201) return { kind: "written", isNew: true, facts: unknownFacts };
      if (status === 400 || status === 413 || status === 415 || status === 422) {
        return refused("INVALID_VALUE", `The value was refused by ${node} (${status}).`);
      }
      break;
    case "delete":
      if (status === 200 || status === 204) return { kind: "deleted", version: null };
      if (status === 404) return { kind: "notFound" };
      break;
  }
  const fault = faultOfAnswer(answer, node);
  // RFC 9110, 15.5 and 15.6: 4xx means that the request was faulty and was not executed; 500 and 501 that the server
  // failed at this request; 502 to 504 concern the server as a whole.
  const isOfRequest = status >= 400 && status <= 501;
  throw isOfRequest ? new NodeFault("requestFailed", fault.message, status < 500 || fault.isUnsent) : fault;
}

function foundIn({ body }: RawNodeAnswer, operation: GetOperation, node: string): Outcome {
  try {
    return { kind: "found", entry: { key: operation.key, value: parseJsonBytes(body), ...unknownFacts } };
  } catch (error) {
    if (!(error instanceof ShardgateError)) throw error;
    return badValue(operation, node, clause(error.message).replace("The value ", ""));
  }
}

function badValue({ key, shard }: GetOperation, node: string, problem: string): Outcome {
  const message = `The value of key ${JSON.stringify(key)} in shard ${shard}, as ${node} has it, ${problem}.`;
  return refused("STORAGE_FAILED", message);
}
