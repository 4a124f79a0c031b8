/** What a line of the audit log says of a shard or storage node, and of the name in a request. */
import { nameCharactersMax } from "../../core/limits.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import { ownedShards } from "../../routing/owned-shards.js";

export type Facts = Readonly<Record<string, unknown>>;

/** The requested name, which may be invalid and of any length. */
export function shownName(name: string): string {
  return name.slice(0, nameCharactersMax + 1);
}

/** Null for a shard that does not exist, as for a storage node. */
export function shardFacts({ shards }: ClusterMap, shard: number): Facts | null {
  const record = shards[shard];
  return record === undefined ? null : { node: record.primary, epoch: record.epoch, lineage: record.lineage };
}

export function nodeFacts(map: ClusterMap, name: string): Facts | null {
  const record = map.nodes.get(name);
  if (record === undefined) return null;
  const { url, storeId, isDraining } = record;
  return { url, storeId, isDraining, shards: ownedShards(map, name).map(({ shard }) => shard) };
}
