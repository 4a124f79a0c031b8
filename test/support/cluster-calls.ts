/** What an operator asks of a gateway and says to it, over REST. */
import type { ShardNumber } from "../../src/core/shard.js";

export interface ShardRow {
  readonly shardId: ShardNumber;
  readonly nodeId: string | null;
  readonly epoch: number;
  readonly lineage: number;
}

export interface NodeRow {
  readonly id: string;
  readonly state: string;
  readonly shards: readonly number[];
  readonly storeId: string | null;
  readonly problem: { readonly code: string; readonly message: string; readonly advice: string } | null;
  readonly staleShards: readonly number[];
}

export interface OperatorAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function shardRows(origin: string): Promise<readonly ShardRow[]> {
  return ((await ask(origin, "GET", "/shards")).body as { readonly shards: readonly ShardRow[] }).shards;
}

export async function nodeRows(origin: string): Promise<readonly NodeRow[]> {
  return ((await ask(origin, "GET", "/nodes")).body as { readonly nodes: readonly NodeRow[] }).nodes;
}

export async function nodeRow(origin: string, name: string): Promise<NodeRow> {
  const row = (await nodeRows(origin)).find(({ id }) => id === name);
  if (row === undefined) throw new Error(`There is no storage node ${name} at ${origin}.`);
  return row;
}

export function assignShard(origin: string, shardId: number, nodeId: string, force = false): Promise<OperatorAnswer> {
  return ask(origin, "POST", "/shards/assign", { shardId, nodeId, force });
}

export function removeNode(origin: string, name: string, force = false): Promise<OperatorAnswer> {
  return ask(origin, "DELETE", `/nodes/${name}?force=${force}`);
}

export function acceptLoss(origin: string, name: string): Promise<OperatorAnswer> {
  return ask(origin, "POST", `/nodes/${name}/accept-loss`);
}

export async function ask(
  origin: string,
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<OperatorAnswer> {
  const content =
    body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`${origin}${path}`, { method, ...content, ...(signal && { signal }) });
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
}
