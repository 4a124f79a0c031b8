/**
 * Which shards each storage node is the primary of. Indexed once per cluster map, because thousands of nodes may ask.
 */
import type { ClusterMap, ShardRecord } from "../registry/cluster-map.js";

const indexes = new WeakMap<ClusterMap, ReadonlyMap<string, readonly ShardRecord[]>>();
const none: readonly ShardRecord[] = [];

/** The shards of which the storage node is the primary, by number. */
export function ownedShards(map: ClusterMap, node: string): readonly ShardRecord[] {
  let index = indexes.get(map);
  if (index === undefined) indexes.set(map, (index = indexOf(map)));
  return index.get(node) ?? none;
}

function indexOf({ shards }: ClusterMap): ReadonlyMap<string, readonly ShardRecord[]> {
  const index = new Map<string, ShardRecord[]>();
  for (const record of shards) {
    if (record.primary === null) continue;
    const owned = index.get(record.primary);
    if (owned === undefined) index.set(record.primary, [record]);
    else owned.push(record);
  }
  return index;
}
