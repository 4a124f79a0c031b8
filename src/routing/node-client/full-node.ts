/** The requests to a storage node with the whole REST contract, and the decoding of its answers. */
import { nameCharactersMax, nodeAnswerBytesMax } from "../../core/limits.js";
import type { Outcome, RoutedOperation } from "../../core/operation.js";
import type { StopSignal } from "../../core/tasks/stop-signal.js";
import { decodeBatchAnswer, encodeBatchRequest } from "../../wire/batch/batch-body.js";
import type { HostedShard, NodeAssignments, NodeHealth } from "../../wire/membership.js";
import {
  assignmentsPath,
  batchMediaType,
  batchPath,
  gatewayProtocol,
  healthPath,
  nodeProtocol,
  shardsPath,
} from "../../wire/paths.js";
import { NodeFault, type NodeSign } from "./node-client.js";
import {
  faultOfAnswer,
  jsonIn,
  malformedFault,
  problemIn,
  type RawNodeAnswer,
  type NodeLine,
} from "./node-exchange.js";
import { refused } from "../refusal.js";

/**
 * Resolves to one outcome per operation; null when the storage node has no `POST /batch` and so did nothing. A node of
 * another cluster, or another node than the intended one, refuses the batch as a whole: then the outcome of each
 * operation is CLUSTER_MISMATCH or NODE_CONFLICT.
 */
export async function executeBatch(
  { node, exchange }: NodeLine,
  operations: readonly RoutedOperation[],
  signal: StopSignal,
): Promise<readonly Outcome[] | null> {
  const answer = await exchange(
    {
      method: "POST",
      path: batchPath,
      headers: { "content-type": batchMediaType, accept: batchMediaType },
      body: encodeBatchRequest(operations),
      answerBytesMax: nodeAnswerBytesMax,
    },
    signal,
  );
  if (answer.status === 404 || answer.status === 405 || answer.status === 501) return null;
  return outcomesOf(answer, operations, node);
}

/** The outcomes that `answer` to a batch has for the operations. Throws a NodeFault when it is not a valid answer. */
export function outcomesOf(
  answer: RawNodeAnswer,
  operations: readonly RoutedOperation[],
  node: string,
): readonly Outcome[] {
  const problem = answer.status === 409 ? problemIn(answer) : null;
  if (problem?.code === "CLUSTER_MISMATCH" || problem?.code === "NODE_CONFLICT") {
    return operations.map(() => refused(problem.code, problem.message));
  }
  if (answer.status !== 200 || answer.mediaType !== batchMediaType) throw faultOfAnswer(answer, node);
  try {
    return decodeBatchAnswer(answer.body, operations);
  } catch (error) {
    throw malformedFault(node, error instanceof Error ? error.message : String(error), error);
  }
}

/** The sign of life of a full storage node. */
interface FullSign extends NodeSign {
  /** Whether the node accepts batches in frames. */
  readonly hasFrames: boolean;
}

/**
 * What `GET /health` reveals: a full storage node, recognised by the protocol's name; "other"; or "failing" when the
 * node (or a proxy) answered with a server error.
 */
export async function askHealth(line: NodeLine, signal: StopSignal): Promise<FullSign | "other" | "failing"> {
  const { health, status } = await readHealth(line, signal);
  if (health === null) return status >= 500 ? "failing" : "other";
  const { id, clusterId, isAcknowledged, capabilities } = health as Partial<Record<keyof NodeHealth, unknown>>;
  return {
    kind: "full",
    hasFrames: Array.isArray(capabilities) && capabilities.includes("frames"),
    name: typeof id === "string" ? id.slice(0, nameCharactersMax) : null,
    clusterId: typeof clusterId === "string" ? clusterId : null,
    isAcknowledged: isAcknowledged !== false,
  };
}

/** The engine that `GET /health` names; null when the node speaks another protocol or names no engine. */
export async function askEngine(line: NodeLine, signal: StopSignal): Promise<string | null> {
  const { health } = await readHealth(line, signal);
  const engine = health !== null && "engine" in health ? health.engine : null;
  return typeof engine === "string" ? engine.slice(0, nameCharactersMax) : null;
}

export async function askShards({ node, exchange }: NodeLine, signal: StopSignal): Promise<readonly HostedShard[]> {
  const answer = await exchange({ method: "GET", path: shardsPath, answerBytesMax: nodeAnswerBytesMax }, signal);
  if (answer.status !== 200) throw faultOfAnswer(answer, node);
  const body = jsonIn(answer.body);
  const list = typeof body === "object" && body !== null && "shards" in body ? body.shards : null;
  if (!Array.isArray(list) || !list.every(isHostedShard)) throw malformedFault(node, "its list of shards");
  return list;
}

export async function sendAssignments(
  { node, exchange }: NodeLine,
  assignments: NodeAssignments,
  signal: StopSignal,
): Promise<void> {
  const answer = await exchange(
    {
      method: "PUT",
      path: assignmentsPath,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(assignments),
      answerBytesMax: nodeAnswerBytesMax,
    },
    signal,
  );
  if (answer.status < 200 || answer.status >= 300) throw faultOfAnswer(answer, node);
}

/** `health` is null unless the answer names the storage node protocol. Throws a NodeFault when a gateway answers. */
async function readHealth(
  { node, exchange }: NodeLine,
  signal: StopSignal,
): Promise<{ health: object | null; status: number }> {
  const { body, status } = await exchange(
    { method: "GET", path: healthPath, answerBytesMax: nodeAnswerBytesMax },
    signal,
  );
  const health = jsonIn(body);
  if (typeof health !== "object" || health === null || !("protocol" in health)) return { health: null, status };
  if (health.protocol === gatewayProtocol) throw new NodeFault("gateway", `${node} is a gateway`, true);
  return { health: health.protocol === nodeProtocol ? health : null, status };
}

function isHostedShard(item: unknown): item is HostedShard {
  if (typeof item !== "object" || item === null) return false;
  const { shardId, epoch, keyCount, sizeBytes } = item as Record<keyof HostedShard, unknown>;
  return [shardId, keyCount, sizeBytes].every(Number.isSafeInteger) && (epoch === null || Number.isSafeInteger(epoch));
}
