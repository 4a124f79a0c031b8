/**
 * Readiness: whether the gateway can serve every key, and what is missing when it cannot. Pure: reads a ClusterView.
 * Whether a storage node is DOWN is decided in registry/liveness.ts.
 */
import type { ErrorCode } from "../../core/error.js";
import type { ShardNumber, ShardState } from "../../core/shard.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import type { NodeState } from "../../registry/liveness.js";
import { ownedShards } from "../../routing/owned-shards.js";
import type { ClusterView } from "./cluster-view.js";
import type { ClusterFigures } from "../metrics/cluster-gauges.js";

/** A shard whose keys cannot be served now. */
export interface MissingShard {
  readonly shardId: ShardNumber;
  readonly nodeId: string | null;
  readonly state: Exclude<ShardState, "ACTIVE">;
}

/** What keeps shards from being served, by storage node. */
export interface ClusterProblem {
  /** Null: the shards have no storage node. */
  readonly node: string | null;
  /** Id of the node's store, as far as known. */
  readonly store: string | null;
  readonly shards: readonly number[];
  readonly code: ErrorCode;
  readonly message: string;
  /** What to do. */
  readonly advice: string;
}

export interface Readiness {
  /** "ready": every shard is served, and there is no problem. "unavailable": not one shard is served. */
  readonly status: "ready" | "degraded" | "unavailable";
  readonly problems: readonly ClusterProblem[];
}

type ShardStates = Pick<ClusterView, "map" | "shardState">;
type NodeStates = Pick<ClusterView, "nodeState" | "reportRows">;

export function readinessOf(view: ShardStates & NodeStates): Readiness {
  const problems = clusterProblems(view);
  if (problems.length === 0) return { status: "ready", problems };
  const isServing = view.map.shards.some(({ shard }) => view.shardState(shard) === "ACTIVE");
  return { status: isServing ? "degraded" : "unavailable", problems };
}

/** One problem per storage node that has one, and one for all shards without a node. */
function clusterProblems(view: ShardStates & NodeStates): readonly ClusterProblem[] {
  const { map } = view;
  const reported = view.reportRows().flatMap(([node, { problem }]): readonly ClusterProblem[] => {
    if (problem === null) return [];
    const { storeId: store, ...rest } = problem;
    return [{ node, store, ...rest }];
  });
  const known = new Set(reported.map(({ node }) => node));
  const waiting = (map.putBack?.waiting ?? []).filter((name) => !known.has(name)).map((name) => waitingNode(map, name));
  for (const { node } of waiting) known.add(node);
  const silent = map.putBack !== null ? [] : silentNodes(view).filter(({ node }) => !known.has(node));
  const unowned = map.shards.filter(({ primary }) => primary === null).map(({ shard }) => shard);
  return [...reported, ...waiting, ...silent, ...(unowned.length === 0 ? [] : [withoutNode(map, unowned)])];
}

function waitingNode(map: ClusterMap, name: string): ClusterProblem {
  return {
    ...placeOf(map, name),
    code: "REGISTRY_PUT_BACK",
    message: `The registry was restored from an older copy, and storage node ${name} has not registered since.`,
    advice: `Start the storage node. If its data are lost, accept the loss with \`shardgate node accept-loss ${name}\`.`,
  };
}

function silentNodes(view: ShardStates & NodeStates): readonly ClusterProblem[] {
  const { map } = view;
  return [...map.nodes.keys()].flatMap((name): readonly ClusterProblem[] => {
    const [first] = ownedShards(map, name);
    if (first === undefined || view.shardState(first.shard) === "ACTIVE") return [];
    const what = view.nodeState(name) === "DOWN" ? "does not respond" : "has not registered with this gateway yet";
    const message = `Storage node ${name} ${what}; its shards cannot be served.`;
    const advice = "Check the storage node's process and its log.";
    return [{ ...placeOf(map, name), code: "SHARD_UNAVAILABLE", message, advice }];
  });
}

function withoutNode({ isRecovered }: ClusterMap, shards: readonly number[]): ClusterProblem {
  const message = `${shards.length} shards have no storage node.`;
  const advice = isRecovered
    ? "The registry was lost. Start the storage nodes that have the shards' data. If a shard's data are lost, assign it by force."
    : "Start a storage node, or assign the shards to one.";
  return { node: null, store: null, shards, code: "SHARD_UNAVAILABLE", message, advice };
}

function placeOf(map: ClusterMap, name: string): Pick<ClusterProblem, "node" | "store" | "shards"> {
  const shards = ownedShards(map, name).map(({ shard }) => shard);
  return { node: name, store: map.nodes.get(name)?.storeId ?? null, shards };
}

/** Every shard without a live primary, in order; empty when all are served. */
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

/** The cluster's figures for metrics. */
export function clusterFigures(membership: ShardStates & NodeStates & Pick<ClusterView, "standing">): ClusterFigures {
  const { isLeading, leader, isRegistryReachable } = membership.standing;
  return {
    isLeading,
    isLeaderReachable: leader !== null,
    isRegistryReachable,
    mapVersion: membership.map.version,
    shards: shardCounts(membership),
    nodes: nodeCounts(membership),
    nodesWithProblem: membership.reportRows().filter(([, { problem }]) => problem !== null).length,
  };
}

/** One sentence for people. */
export function missingText(missing: readonly MissingShard[], shardCount: number, shownMax: number): string {
  const shown = missing
    .slice(0, shownMax)
    .map(({ shardId, nodeId }) => (nodeId === null ? `${shardId} (no node)` : `${shardId} (of ${nodeId})`));
  const rest = missing.length > shownMax ? `, and ${missing.length - shownMax} more` : "";
  return `${missing.length} of ${shardCount} shards have no live storage node: ${shown.join(", ")}${rest}.`;
}
