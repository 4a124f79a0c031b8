/** Creates the console's events from the current state of the gateway. Reads its sources only; sends nothing. */
import type { Clock } from "../../../core/clock.js";
import { compareKeys } from "../../../core/key.js";
import type { ShardState } from "../../../core/shard.js";
import type { ClusterEvent, ConsoleNode, NodeRow, TickEvent } from "../../../wire/console-events.js";
import type { NodeRecord } from "../../../registry/cluster-map.js";
import type { ClusterView } from "../../cluster/cluster-view.js";
import type { NodeProblem } from "../../cluster/node-reports.js";
import type { RecentTraffic } from "./recent-traffic.js";
import type { NodeFigures } from "./node-figures.js";

export interface SnapshotSources {
  readonly membership: Pick<ClusterView, "map" | "shardState" | "nodeStatus">;
  readonly figures: Pick<NodeFigures, "of" | "gateways">;
  readonly traffic: Pick<RecentTraffic, "nodeLatency" | "secondsFrom">;
  readonly clock: Pick<Clock, "nowMs">;
}

export function clusterEvent({ membership }: Pick<SnapshotSources, "membership">): ClusterEvent {
  const { map } = membership;
  const nodes = [...map.nodes.values()].toSorted((a, b) => compareKeys(a.name, b.name)).map(consoleNode);
  const indexes = new Map(nodes.map(({ name }, index) => [name, index]));
  return {
    name: map.clusterName,
    mapVersion: map.version,
    nodes,
    owners: map.shards.map(({ primary }) => (primary === null ? -1 : (indexes.get(primary) ?? -1))),
    epochs: map.shards.map(({ epoch }) => epoch),
    states: map.shards.map(({ shard }) => letters[membership.shardState(shard)]).join(""),
  };
}

/** Includes the seconds from number `secondFrom` on. */
export function tickEvent({ membership, figures, traffic, clock }: SnapshotSources, secondFrom: number): TickEvent {
  const nowMs = clock.nowMs();
  const rowOf = (name: string): NodeRow => {
    const { state, lastSeenAtMs, problem } = membership.nodeStatus(name);
    const { keys, bytes, engine } = figures.of(name);
    const { p50Ms, p99Ms } = traffic.nodeLatency(name);
    const silentMs = lastSeenAtMs === null ? null : Math.max(0, Math.round(nowMs - lastSeenAtMs));
    return [state, silentMs, keys, bytes, p50Ms, p99Ms, engine, problem === null ? null : problemText(problem)];
  };
  return {
    nowMs: Math.round(nowMs),
    nodes: nodeNames(membership).map(rowOf),
    gateways: figures.gateways.map(({ name, url, isLeader, mapVersion, lastSeenAtMs }) => {
      return [name, url, isLeader, mapVersion, Math.max(0, Math.round(nowMs - lastSeenAtMs))] as const;
    }),
    seconds: traffic.secondsFrom(secondFrom),
  };
}

function consoleNode({ name, url, isStoreShared, isDraining }: NodeRecord): ConsoleNode {
  return { name, url, ...(isStoreShared && { isStoreShared }), ...(isDraining && { isDraining }) };
}

const letters = { ACTIVE: "A", UNAVAILABLE: "U", UNASSIGNED: "N" } as const satisfies Record<ShardState, string>;

function problemText({ message, advice }: NodeProblem): string {
  return `${message} ${advice}`;
}

function nodeNames({ map }: Pick<ClusterView, "map">): readonly string[] {
  return [...map.nodes.keys()].toSorted(compareKeys);
}
