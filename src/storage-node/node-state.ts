/**
 * What a storage node knows of the cluster map: its cluster, and which shards it hosts under which epochs. Pure: the
 * fence that keeps old owners and outdated gateways out, how assignments change the state, and its text beside the data.
 */
import { ShardgateError } from "../core/error.js";
import type { RefusedOutcome, RoutedOperation } from "../core/operation.js";
import { parseShard, type ShardNumber } from "../core/shard.js";
import type { NodeAssignments } from "../wire/membership.js";

export interface NodeState {
  readonly clusterId: string;
  readonly shardCount: number;
  readonly mapVersion: number;
  /** Every shard this node hosts or once hosted. */
  readonly shards: ReadonlyMap<ShardNumber, ShardEpoch>;
}

export interface ShardEpoch {
  /** The last one this node was told; when it hosts the shard no more, the current one is higher. */
  readonly epoch: number;
  readonly isHosted: boolean;
}

/**
 * Why the operation must not run here, null when it may. Null as state: a node that was never told assignments and
 * stands alone. An operation without an epoch trusts the node; one with an epoch runs under exactly that.
 */
export function fence(state: NodeState | null, { operation, epoch }: RoutedOperation): RefusedOutcome | null {
  const { shard } = operation;
  const known = state?.shards.get(shard);
  if (epoch === null) {
    if (state === null || known?.isHosted === true) return null;
    return { kind: "refused", code: "SHARD_NOT_HOSTED", message: `Shard ${shard} is not hosted by this storage node.` };
  }
  if (known?.isHosted === true && known.epoch === epoch) return null;
  return {
    kind: "refused",
    code: "STALE_EPOCH",
    message: `Epoch ${epoch} of shard ${shard} is not current: this storage node ${whatIsKnown(known)}.`,
    epoch: known?.epoch ?? null,
  };
}

/**
 * The state after `assignments`: the same object when they are not newer. Throws CLUSTER_MISMATCH and
 * SHARD_COUNT_MISMATCH. A shard they no longer list keeps its data and its last epoch. A node that never hosted a shard
 * is bound to no cluster yet.
 */
export function withAssignments(state: NodeState | null, assignments: NodeAssignments): NodeState | null {
  const { clusterId, shardCount, mapVersion, shards } = assignments;
  if (state !== null && state.shards.size > 0) refuseForeign(state, assignments);
  const isKnown = state?.clusterId === clusterId && mapVersion <= state.mapVersion;
  if (shards === undefined || isKnown) return state;
  const epochs = new Map<ShardNumber, ShardEpoch>();
  for (const [shard, { epoch }] of state?.shards ?? []) epochs.set(shard, { epoch, isHosted: false });
  for (const { shardId, epoch } of shards) epochs.set(parseShard(shardId, shardCount), { epoch, isHosted: true });
  return { clusterId, shardCount, mapVersion, shards: epochs };
}

/** The document that `nodeStateFromText` reads. */
export function nodeStateToText(state: NodeState): string {
  const shards = [...state.shards].map(([shardId, { epoch, isHosted }]) => ({ shardId, epoch, isHosted }));
  return JSON.stringify({ ...state, shards });
}

/** Throws STORAGE_FAILED when the text is none of `nodeStateToText`. */
export function nodeStateFromText(text: string): NodeState {
  try {
    const { clusterId, shardCount, mapVersion, shards } = JSON.parse(text) as StoredState;
    if (typeof clusterId !== "string") throw new TypeError("clusterId is missing");
    const known = shards.map(({ shardId, epoch, isHosted }) => {
      return [parseShard(shardId, shardCount), { epoch, isHosted }] as const;
    });
    return { clusterId, shardCount, mapVersion, shards: new Map(known) };
  } catch (error) {
    const advice = "Restore the data folder from a copy, or start with an empty one.";
    throw new ShardgateError("STORAGE_FAILED", `The storage node's own document is damaged. ${advice}`, {}, error);
  }
}

interface StoredState extends Omit<NodeState, "shards"> {
  readonly shards: readonly (ShardEpoch & { readonly shardId: number })[];
}

function refuseForeign(state: NodeState, { clusterId, shardCount }: NodeAssignments): void {
  if (clusterId !== state.clusterId) {
    throw new ShardgateError(
      "CLUSTER_MISMATCH",
      `The data here belong to cluster ${JSON.stringify(state.clusterId)}, not to ${JSON.stringify(clusterId)}.`,
    );
  }
  if (shardCount !== state.shardCount) {
    throw new ShardgateError(
      "SHARD_COUNT_MISMATCH",
      `The data here are spread over ${state.shardCount} shards, not over ${shardCount}.`,
    );
  }
}

function whatIsKnown(known: ShardEpoch | undefined): string {
  if (known === undefined) return "was never told one";
  return known.isHosted ? `hosts it under epoch ${known.epoch}` : `hosted it until epoch ${known.epoch}`;
}
