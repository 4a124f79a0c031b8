/** The page's knowledge of the cluster, built from the gateway's events. Pure; each event yields a new state. */
import type { ShardState } from "../../core/shard.js";
import type {
  ClusterEvent,
  ConsoleGatewayRow,
  ConsoleNode,
  NodeRow,
  TickEvent,
  TrafficSecond,
} from "../../wire/console-events.js";

/** Seconds of traffic that are shown; the gateway initially sends no more either. */
const secondsShown = 300;

export interface ShardView {
  readonly number: number;
  readonly state: ShardState;
  /** Index into `nodes`; null while the shard is unassigned. */
  readonly owner: number | null;
  readonly epoch: number;
}

export interface NodeView extends Pick<ConsoleNode, "name" | "url"> {
  readonly index: number;
  readonly isStoreShared: boolean;
  readonly isDraining: boolean;
  readonly state: NodeRow[0];
  readonly silentMs: number | null;
  /** Number of shards that the node owns. */
  readonly shards: number;
  readonly keys: number | null;
  readonly bytes: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly engine: string | null;
  /** Why the node's shards are not served although it may answer, and what to do. */
  readonly problem: string | null;
}

export interface GatewayView {
  readonly name: string | null;
  readonly url: string | null;
  readonly isLeader: boolean;
  readonly mapVersion: number;
  /** Milliseconds since the leader last heard from the gateway. */
  readonly silentMs: number;
}

export interface ClusterState {
  readonly name: string;
  readonly mapVersion: number;
  readonly nodes: readonly NodeView[];
  /** The leader is first. */
  readonly gateways: readonly GatewayView[];
  /** The same object until a shard changes, so that it is not redrawn each second. */
  readonly shards: readonly ShardView[];
  readonly seconds: readonly TrafficSecond[];
}

export const emptyCluster: ClusterState = { name: "", mapVersion: 0, nodes: [], gateways: [], shards: [], seconds: [] };

export function withCluster(state: ClusterState, { name, mapVersion, ...event }: ClusterEvent): ClusterState {
  const shards = event.owners.map((owner, number): ShardView => ({
    number,
    state: shardStates[event.states[number] ?? "N"] ?? "UNASSIGNED",
    owner: owner < 0 ? null : owner,
    epoch: event.epochs[number] ?? 0,
  }));
  const counts = event.nodes.map(() => 0);
  for (const { owner } of shards) if (owner !== null) counts[owner] = (counts[owner] ?? 0) + 1;
  const known = new Map(state.nodes.map((node) => [node.name, node]));
  const nodes = event.nodes.map((node, index) => ({
    ...(known.get(node.name) ?? unknownNode),
    ...node,
    isStoreShared: node.isStoreShared === true,
    isDraining: node.isDraining === true,
    index,
    shards: counts[index] ?? 0,
  }));
  return { ...state, name, mapVersion, nodes, shards };
}

export function withTick(state: ClusterState, { nodes: rows, gateways, seconds }: TickEvent): ClusterState {
  const nodes = state.nodes.map((node, index) => {
    const row = rows[index];
    return row === undefined ? node : withRow(node, row);
  });
  const lastMs = state.seconds.at(-1)?.[0] ?? 0;
  const newer = seconds.filter(([atMs]) => atMs > lastMs);
  return {
    ...state,
    nodes,
    gateways: gateways.map(gatewayView),
    seconds: [...state.seconds, ...newer].slice(-secondsShown),
  };
}

function gatewayView([name, url, isLeader, mapVersion, silentMs]: ConsoleGatewayRow): GatewayView {
  return { name, url, isLeader, mapVersion, silentMs: withoutFlicker(silentMs) };
}

/** Rounds short silences to zero: milliseconds do not matter for a node that is heard from all the time. */
function withoutFlicker(silentMs: number): number {
  return silentMs < 3_000 ? 0 : Math.floor(silentMs / 1_000) * 1_000;
}

const shardStates: Readonly<Record<string, ShardState>> = { A: "ACTIVE", U: "UNAVAILABLE", N: "UNASSIGNED" };

const unknownNode: Omit<NodeView, keyof ConsoleNode | "index" | "shards"> = {
  state: "SUSPECT",
  silentMs: null,
  keys: null,
  bytes: null,
  p50Ms: null,
  p99Ms: null,
  engine: null,
  problem: null,
};

/** The same object when nothing has changed, so that its row of the table is not rendered again. */
function withRow(node: NodeView, [state, silentMs, keys, bytes, p50Ms, p99Ms, engine, problem]: NodeRow): NodeView {
  const next = {
    state,
    silentMs: silentMs === null ? null : withoutFlicker(silentMs),
    keys,
    bytes,
    p50Ms,
    p99Ms,
    engine,
    problem,
  };
  const isSame = (Object.keys(next) as (keyof typeof next)[]).every((field) => next[field] === node[field]);
  return isSame ? node : { ...node, ...next };
}
