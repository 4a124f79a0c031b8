/** The part of a cluster map that one storage node needs to know. Pure. */
import type { ClusterMap, ShardRecord } from "../registry/cluster-map.js";
import type { AssignedShard, NodeAssignments } from "../wire/membership.js";
import { ownedShards } from "./owned-shards.js";

/**
 * The assignments of `node` in `map`; without the shards when the node knows this version already. Must not be sent
 * while the map is marked as restored: a storage node gives up the shards that are not listed.
 */
export function assignmentsOf(map: ClusterMap, node: string, knownMapVersion: number | null = null): NodeAssignments {
  const { clusterId, shardCount, version: mapVersion } = map;
  const leader = map.leader?.url ?? null;
  const facts = { clusterId, shardCount, mapVersion, ...(leader !== null && { leader }) };
  if (knownMapVersion === mapVersion) return facts;
  return { ...facts, shards: ownedShards(map, node).map(assignedShard) };
}

function assignedShard({ shard, epoch, lineage, move }: ShardRecord): AssignedShard {
  const assigned = { shardId: shard, epoch, lineage };
  return move === null ? assigned : { ...assigned, sealedFor: move.id };
}
