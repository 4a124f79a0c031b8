/** What a storage node has to be told of a cluster map. Pure. */
import type { ClusterMap } from "../registry/cluster-map.js";
import type { NodeAssignments } from "../wire/membership.js";

/** Everything `node` has to know of `map`; without the shards when it knows this version already. */
export function assignmentsOf(map: ClusterMap, node: string, knownMapVersion: number | null = null): NodeAssignments {
  const { clusterId, shardCount, version: mapVersion } = map;
  if (knownMapVersion === mapVersion) return { clusterId, shardCount, mapVersion };
  const shards = map.shards
    .filter(({ primary }) => primary === node)
    .map(({ shard, epoch }) => ({ shardId: shard, epoch }));
  return { clusterId, shardCount, mapVersion, shards };
}
