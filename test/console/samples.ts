/** States of a cluster as the page knows them. */
import { emptyCluster, withCluster, withTick, type ClusterState } from "../../src/console/model/cluster-state.js";
import type { ClusterEvent, NodeRow, TickEvent } from "../../src/wire/console-events.js";

export const upRow: NodeRow = ["UP", 200, 10, 1_000, 1.5, 9, "lmdb", null];
export const downRow: NodeRow = ["DOWN", 42_000, null, null, null, null, null, null];

/** Shards are assigned in turn to the storage nodes node1, node2 and so on. */
export function clusterOf(nodes: number, shardCount: number, changes: Partial<ClusterEvent> = {}): ClusterEvent {
  return {
    name: "shardgate",
    mapVersion: 7,
    nodes: Array.from({ length: nodes }, (_, index) => ({ name: `node${index + 1}`, url: `http://node${index + 1}` })),
    owners: Array.from({ length: shardCount }, (_, shard) => (nodes === 0 ? -1 : shard % nodes)),
    epochs: Array.from({ length: shardCount }, () => 1),
    states: (nodes === 0 ? "N" : "A").repeat(shardCount),
    ...changes,
  };
}

export function tickOf(nodes: readonly NodeRow[], seconds: TickEvent["seconds"] = []): TickEvent {
  return { nowMs: 1_000_000, nodes, gateways: [], seconds };
}

export function stateOf(
  cluster: ClusterEvent,
  rows: readonly NodeRow[] = cluster.nodes.map(() => upRow),
): ClusterState {
  return withTick(withCluster(emptyCluster, cluster), tickOf(rows));
}
