/**
 * What the gateway tells its console page over `GET /console/events`: server-sent events whose data is JSON. Lists are
 * parallel and rows are tuples, so that 300 storage nodes and 4,096 shards stay a few kilobytes a second.
 */

export const consoleEventsPath = "/console/events";

/** The documents that the page asks for by these ids. The gateway knows them, also when it takes no others. */
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

/** Event `cluster`: on connecting, and whenever something in it changes. */
export interface ClusterEvent {
  readonly name: string;
  readonly mapVersion: number;
  /** By name. */
  readonly nodes: readonly { readonly name: string; readonly url: string }[];
  /** By shard: an index into `nodes`, or -1 while it is unassigned. */
  readonly owners: readonly number[];
  /** By shard. */
  readonly epochs: readonly number[];
  /** By shard, one letter each: `A`ctive, `U`navailable, `N`obody's. */
  readonly states: string;
}

/** Event `tick`: on connecting, and once a second. */
export interface TickEvent {
  readonly nowMs: number;
  /** Parallel to the `nodes` of the last `cluster` event. */
  readonly nodes: readonly NodeRow[];
  /** The leader first; none before the gateway has asked for them. */
  readonly gateways: readonly ConsoleGatewayRow[];
  /** Oldest first: on connecting the last minutes, then those that ended since the last tick; none that is under way. */
  readonly seconds: readonly TrafficSecond[];
}

/** Requests of clients, to GraphQL and to `/data`, that were answered in one second. Latencies are null without any. */
export type TrafficSecond = readonly [atMs: number, requests: number, p50Ms: number | null, p99Ms: number | null];

/** One storage node as this gateway sees it. What is null is not known. */
export type NodeRow = readonly [
  state: "UP" | "SUSPECT" | "DOWN",
  /** Milliseconds since this gateway heard of it. */
  silentMs: number | null,
  /** Live keys of the shards it owns, and their bytes. */
  keys: number | null,
  bytes: number | null,
  /** Of the batches it answered in the last minute. */
  p50Ms: number | null,
  p99Ms: number | null,
  engine: string | null,
  /** Why its shards are not served although it may answer, and what to do; null: nothing is wrong. */
  problem: string | null,
];

/** One gateway as the leader knows it. */
export type ConsoleGatewayRow = readonly [
  name: string | null,
  url: string | null,
  isLeader: boolean,
  mapVersion: number,
  /** Milliseconds since the leader heard of it. */
  silentMs: number,
];
