/** Looks shards up in a cluster map. */
import type { Key } from "../../core/key.js";
import { shardOfKey, type ShardNumber } from "../../core/shard.js";
import type { ClusterMap, ShardRecord } from "../../registry/cluster-map.js";

/** The record of a shard that was parsed against this map's shardCount. */
export function recordOfShard(shard: ShardNumber, map: ClusterMap): ShardRecord {
  const record = map.shards[shard];
  if (record === undefined) throw new Error(`Shard ${shard} is not in a cluster map of ${map.shardCount} shards.`);
  return record;
}

export function recordsOfShards(shards: readonly ShardNumber[], map: ClusterMap): readonly ShardRecord[] {
  return shards.map((shard) => recordOfShard(shard, map));
}

/** The record of the shard that owns `key`. */
export function recordOfKey(key: Key, map: ClusterMap): ShardRecord {
  return recordOfShard(shardOfKey(key, map.shardCount), map);
}
