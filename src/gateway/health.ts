/** Whether the gateway can serve every key, and what is missing when it cannot. Pure over what the membership knows. */
import type { ShardNumber } from "../core/shard.js";
import type { NodeState } from "../registry/liveness.js";
import type { ClusterView, ShardState } from "./cluster-view.js";
import type { ClusterFigures } from "./metrics.js";

/** A shard whose keys cannot be served now. */
export interface MissingShard {
  readonly shardId: ShardNumber;
  readonly nodeId: string | null;
  readonly state: Exclude<ShardState, "ACTIVE">;
}

/** Every shard without a live primary, in order; empty when the gateway is ready. */
export function missingShards(membership: ShardStates): readonly MissingShard[] {
  return membership.map.shards.flatMap(({ shard, primary }) => {
    const state = membership.shardState(shard);
    return state === "ACTIVE" ? [] : [{ shardId: shard, nodeId: primary, state }];
  });
}

/** How many shards are in each state. */
export function shardCounts(membership: ShardStates): Readonly<Record<ShardState, number>> {
  const counts = { ACTIVE: 0, UNAVAILABLE: 0, UNASSIGNED: 0 };
  for (const { shard } of membership.map.shards) counts[membership.shardState(shard)]++;
  return counts;
}

/** How many storage nodes are in each state. */
export function nodeCounts(membership: Pick<ClusterView, "map" | "nodeState">): Readonly<Record<NodeState, number>> {
  const counts = { UP: 0, SUSPECT: 0, DOWN: 0 };
  for (const name of membership.map.nodes.keys()) counts[membership.nodeState(name)]++;
  return counts;
}

type ShardStates = Pick<ClusterView, "map" | "shardState">;

/** What metrics tell of the cluster. */
export function clusterFigures(membership: ShardStates & Pick<ClusterView, "nodeState">): ClusterFigures {
  return { mapVersion: membership.map.version, shards: shardCounts(membership), nodes: nodeCounts(membership) };
}

/** One sentence for people. */
export function missingText(missing: readonly MissingShard[], shardCount: number, shownMax: number): string {
  const shown = missing
    .slice(0, shownMax)
    .map(({ shardId, nodeId }) => (nodeId === null ? `${shardId} (no node)` : `${shardId} (${nodeId} is silent)`));
  const rest = missing.length > shownMax ? `, and ${missing.length - shownMax} more` : "";
  return `${missing.length} of ${shardCount} shards have no live storage node: ${shown.join(", ")}${rest}.`;
}
