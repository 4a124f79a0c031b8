/** Commands that give a shard to a storage node, or its owner a new epoch. Owned shards go elsewhere by moves.ts, or by force. */
import { ShardgateError } from "../../core/error.js";
import type { ShardNumber } from "../../core/shard.js";
import type { AssignmentCause, ClusterMap } from "../cluster-map.js";
import { areOfOneStore, EvidenceOutdated, refuseWhilePutBack, requireShard, requireTarget } from "./map-records.js";
import { changeShards, unchanged, type Changed, type ShardChange } from "./shard-change.js";

/**
 * Gives a shard to a storage node: one without an owner, or one whose owner serves the same shared store, which has its
 * data; by force also any other, whose data are then hidden.
 */
export interface Assign {
  readonly kind: "assign";
  readonly shard: number;
  readonly node: string;
  /** The epoch the caller saw; null when it does not care. */
  readonly ifEpoch: number | null;
  readonly isForced: boolean;
  /** The new epoch is at least this; absent or 0: the next one. */
  readonly epochMin?: number;
  readonly cause: AssignmentCause;
}

/**
 * Gives the storage node new epochs of its shards whose versions run out. Shards that have changed meanwhile keep their
 * epochs.
 */
export interface RenewEpochs {
  readonly kind: "renewEpochs";
  readonly node: string;
  readonly shards: readonly { readonly shard: number; readonly epoch: number }[];
}

/**
 * Nothing changes when the storage node owns the shard already. Throws NODE_NOT_FOUND, SHARD_NOT_FOUND, EPOCH_CONFLICT,
 * REGISTRY_PUT_BACK, BAD_REQUEST when the node drains, ASSIGNMENT_WOULD_HIDE_DATA, and EvidenceOutdated when the shard has
 * an owner with a store of its own: then the caller moves it instead.
 */
export function assign(map: ClusterMap, command: Assign, nowMs: number): Changed {
  refuseWhilePutBack(map);
  const { node, cause, epochMin = 0 } = command;
  const { shard, primary } = requireShard(map, command.shard, command.ifEpoch);
  if (primary === node) return unchanged(map);
  requireTarget(map, node);
  // By force or not, nothing is hidden where both serve one store.
  const isTaken = primary !== null && !areOfOneStore(map, primary, node);
  if (isTaken && !command.isForced) {
    throw new EvidenceOutdated(`Shard ${shard} belongs to storage node ${primary} and can only be assigned by a move.`);
  }
  const isUnknown = map.isRecovered && primary === null;
  if (isUnknown && !command.isForced) {
    const message =
      `Shard ${shard} may have data on a storage node that has not registered since the registry was lost. ` +
      "Start that storage node, or assign the shard by force.";
    throw new ShardgateError("ASSIGNMENT_WOULD_HIDE_DATA", message, { shard });
  }
  return changeShards(map, new Map([[shard, { node, cause, epochMin, isNewLineage: isTaken || isUnknown }]]), nowMs);
}

export function renewEpochs(map: ClusterMap, { node, shards }: RenewEpochs, nowMs: number): Changed {
  if (map.putBack !== null) return unchanged(map);
  const renewed = new Map<ShardNumber, ShardChange>();
  for (const { shard: number, epoch } of shards) {
    const record = map.shards[number];
    if (record?.primary === node && record.epoch === epoch) renewed.set(record.shard, { node, cause: "automatic" });
  }
  return changeShards(map, renewed, nowMs);
}
