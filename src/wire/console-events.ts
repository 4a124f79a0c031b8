/**
 * The events that the gateway sends to its console page over `GET /console/events`: server-sent events with JSON data.
 * Lists are parallel and rows are tuples, so that 300 storage nodes and 4,096 shards take only a few kilobytes a
 * second.
 */

export const consoleEventsPath = "/console/events";

/** The persisted documents of the console page, by id. The gateway accepts them even when it accepts no others. */
export const consoleDocuments = {
  "console/find": `query ConsoleFind($key: String!) {
    shardForKey(key: $key) { number state epoch primary { name } }
    entries(keys: [$key]) {
      __typename
      ... on Entry { valueText version createdAt updatedAt expiresAt sizeBytes }
      ... on Problem { code message }
    }
  }`,
  "console/shard": `query ConsoleShard($number: Int!) {
    shard(number: $number) {
      number
      keyCount
      sizeBytes
      history(first: 32) { epoch storageNodeName at cause }
    }
  }`,
  "console/assign": `mutation ConsoleAssign($input: AssignShardInput!) {
    assignShard(input: $input) { shard { epoch } }
  }`,
} as const;

/** Event `cluster`: sent on connecting, and whenever something in it changes. */
export interface ClusterEvent {
  readonly name: string;
  readonly mapVersion: number;
  /** Sorted by name. */
  readonly nodes: readonly ConsoleNode[];
  /** For each shard: an index into `nodes`, or -1 while the shard is unassigned. */
  readonly owners: readonly number[];
  /** The epoch of each shard. */
  readonly epochs: readonly number[];
  /** One letter per shard: `A` for active, `U` for unavailable, `N` for unassigned. */
  readonly states: string;
}

/** What the cluster map knows of one storage node. */
export interface ConsoleNode {
  readonly name: string;
  readonly url: string;
  /** Other storage nodes share its store; absent if not. */
  readonly isStoreShared?: true;
  /** It gives its shards away, and is given none; absent if not. */
  readonly isDraining?: true;
}

/** Event `tick`: sent on connecting, and once a second. */
export interface TickEvent {
  readonly nowMs: number;
  /** Parallel to the `nodes` of the last `cluster` event. */
  readonly nodes: readonly NodeRow[];
  /** The leader is first; empty before the gateway has requested them. */
  readonly gateways: readonly ConsoleGatewayRow[];
  /** Completed seconds, oldest first: on connecting those of the last minutes, then those since the last tick. */
  readonly seconds: readonly TrafficSecond[];
}

/**
 * Client requests to GraphQL and `/data` that were answered within one second. Latencies are null if there were none.
 */
export type TrafficSecond = readonly [atMs: number, requests: number, p50Ms: number | null, p99Ms: number | null];

/** One storage node as this gateway sees it. Unknown figures are null. */
export type NodeRow = readonly [
  state: "UP" | "SUSPECT" | "DOWN",
  /** Milliseconds since this gateway last heard from the node. */
  silentMs: number | null,
  /** Number of live keys in the shards that the node owns, and their bytes. */
  keys: number | null,
  bytes: number | null,
  /** Latencies of the batches that it answered in the last minute. */
  p50Ms: number | null,
  p99Ms: number | null,
  engine: string | null,
  /** Why its shards are not served although the node may answer, and what to do; null if they are served. */
  problem: string | null,
];

/** One gateway as the leader knows it. */
export type ConsoleGatewayRow = readonly [
  name: string | null,
  url: string | null,
  isLeader: boolean,
  mapVersion: number,
  /** Milliseconds since the leader last heard from the gateway. */
  silentMs: number,
];
