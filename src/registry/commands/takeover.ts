/**
 * Takeovers: another storage node of the same shared store becomes the owner of a shard, under a new epoch. Nothing is
 * copied, the lineage stays, and the former owner is fenced off by the store itself, whether it lives or not.
 */
import { ShardgateError } from "../../core/error.js";
import type { AssignmentCause, ClusterMap, ShardOwner } from "../cluster-map.js";
import { dealt, loadsOf } from "../dealing.js";
import { areOfOneStore, requireNode, shardsOfNode } from "./map-records.js";
import { changeShards, unchanged, type Changed, type ShardChange } from "./shard-change.js";

/** Gives shards of a storage node evenly to other nodes of its store. */
export interface TakeOver {
  readonly kind: "takeOver";
  readonly from: string;
  /** The owner and epoch that were judged. Shards that have changed since keep their owner. */
  readonly shards: readonly ShardOwner[];
  /** Live storage nodes; those of other stores, and those that drain, get nothing. */
  readonly to: readonly string[];
  readonly cause: AssignmentCause;
}

/** Marks a storage node as draining, or ends that. Its shards are taken over afterwards, by TakeOver. */
export interface DrainNode {
  readonly kind: "drainNode";
  readonly name: string;
  readonly isUndone: boolean;
  /** Live storage nodes, possibly also this one. */
  readonly liveNodes: readonly string[];
}

/** Nothing changes while the map is being restored, or when no shard or no storage node is left for it. */
export function takeOver(map: ClusterMap, { from, shards, to, cause }: TakeOver, nowMs: number): Changed {
  if (map.putBack !== null) return unchanged(map);
  const current = shards.flatMap((evidence) => {
    const record = map.shards[evidence.shard];
    const isCurrent = record?.primary === from && evidence.primary === from && record.epoch === evidence.epoch;
    return isCurrent ? [record.shard] : [];
  });
  const owners = dealt([...new Set(current)], loadsOf(map.shards, takersOf(map, from, to)), map.shardCount);
  const changes = [...owners].map(([shard, node]) => [shard, { node, cause } satisfies ShardChange] as const);
  return changeShards(map, new Map(changes), nowMs);
}

/**
 * Throws NODE_NOT_FOUND, NOT_SUPPORTED for a storage node whose store is not shared, and SHARD_UNAVAILABLE when it owns
 * shards and no other node of its store lives.
 */
export function drainNode(map: ClusterMap, { name, isUndone, liveNodes }: DrainNode): Changed {
  const record = requireNode(map, name);
  const isDraining = !isUndone;
  if (record.isDraining === isDraining) return unchanged(map);
  if (isDraining) refuseWithoutTakers(map, name, liveNodes);
  const nodes = new Map([...map.nodes, [name, { ...record, isDraining }]]);
  return unchanged({ ...map, version: map.version + 1, nodes });
}

/** Those of the storage nodes that may get shards of `from`. */
function takersOf(map: ClusterMap, from: string, names: readonly string[]): readonly string[] {
  return names.filter(
    (name) => name !== from && areOfOneStore(map, from, name) && map.nodes.get(name)?.isDraining === false,
  );
}

function refuseWithoutTakers(map: ClusterMap, name: string, liveNodes: readonly string[]): void {
  if (map.nodes.get(name)?.isStoreShared !== true) {
    const message =
      `Storage node ${name} has a store of its own, which no other storage node serves, so it cannot be drained. ` +
      "Copy its entries to another cluster with export and import, or keep the node.";
    throw new ShardgateError("NOT_SUPPORTED", message, { node: name });
  }
  const { length: owned } = shardsOfNode(map, name);
  if (owned === 0 || takersOf(map, name, liveNodes).length > 0) return;
  const others = takersOf(map, name, [...map.nodes.keys()]);
  const which = others.length === 0 ? "another storage node over the same store" : others.join(" or ");
  const message = `No other live storage node can take the ${owned} shards of ${name}. Start ${which}, then drain ${name} again.`;
  throw new ShardgateError("SHARD_UNAVAILABLE", message, { node: name, others });
}
