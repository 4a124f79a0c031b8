/** Which storage nodes a change of the cluster map concerns. Pure. */
import type { ClusterMap } from "../../registry/cluster-map.js";

/** Registered nodes whose shards differ between two versions: those that lose or seal some, and those that only gain. */
export interface ConcernedNodes {
  readonly losing: readonly string[];
  readonly gaining: readonly string[];
}

/** Losers come first when nodes are told, so that an old owner stops before the new one starts. */
export function concernedNodes(before: ClusterMap, after: ClusterMap): ConcernedNodes {
  const losing = new Set<string>();
  const gaining = new Set<string>();
  for (const { shard, primary, epoch, move } of after.shards) {
    const old = before.shards[shard];
    if (old === undefined || (old.epoch === epoch && old.move?.id === move?.id)) continue;
    if (old.primary !== null && after.nodes.has(old.primary)) losing.add(old.primary);
    if (primary !== null) gaining.add(primary);
  }
  return { losing: [...losing], gaining: [...gaining].filter((name) => !losing.has(name)) };
}
