/** What is measured: each suite varies one thing and keeps the rest. A suite's parts run on clusters of their own. */
import { getWorkload, manyWorkload, putManyWorkload, putWorkload, ycsbWorkload } from "./workloads.mjs";

const pair = ["shardgate", "bare proxy"];
const all = [...pair, "shardgate REST", "storage nodes", "mercurius", "apollo", "yoga", "hive", "postgraphile"];

const jobs = [
  getWorkload(100),
  getWorkload(4096),
  manyWorkload(100, 100),
  manyWorkload(100, 4096),
  putWorkload(100),
  putManyWorkload(100, 100),
];

/** A few clients alone would be measured before the code that serves them is compiled. */
const mostFirst = (clients) => clients.toSorted((a, b) => b - a);

const usual = { nodes: 3, shards: 64, delayMs: 0 };
const usualPart = { clusters: [usual], clients: [64] };

/**
 * `parts`: the clusters (settings of startCluster), who takes part at each, how many clients, and what they do; who cannot
 * do a workload sits it out. All clusters of a part run at once and take turns, so that they can be compared. `warmUpSeconds`
 * is for what the usual warm-up is too short for. Quick is the best and the plainest of the peers only, so that it takes
 * two minutes.
 */
export const suites = {
  quick: {
    parts: [
      { ...usualPart, contestants: [...pair, "storage nodes", "mercurius", "yoga"], workloads: jobs },
      { ...usualPart, contestants: pair, workloads: [getWorkload(100)], clients: mostFirst([1, 64]) },
    ],
  },
  peers: { parts: [{ ...usualPart, contestants: all, workloads: jobs }] },
  ceiling: {
    parts: [
      {
        ...usualPart,
        contestants: [...pair, "bare batching", "bare frames"],
        workloads: [getWorkload(100), getWorkload(4096)],
      },
    ],
  },
  clients: {
    parts: [0, 1, 5].map((delayMs) => ({
      clusters: [{ ...usual, delayMs }],
      contestants: pair,
      workloads: [getWorkload(100)],
      clients: mostFirst([1, 8, 32, 64, 256]),
    })),
  },
  keys: {
    parts: [
      {
        ...usualPart,
        contestants: [...pair, "storage nodes"],
        workloads: [100, 4096].flatMap((bytes) => [
          getWorkload(bytes),
          ...[10, 100, 1000].map((count) => manyWorkload(count, bytes)),
        ]),
        clients: [16],
      },
    ],
  },
  shards: {
    parts: [
      ...[4, 64, 1024].map((shards) => ({ ...usual, shards })),
      ...[1, 8, 16].map((nodes) => ({ ...usual, nodes })),
    ].map((cluster) => ({
      ...usualPart,
      clusters: [cluster],
      contestants: pair,
      workloads: [getWorkload(100), manyWorkload(100, 100)],
    })),
  },
  ycsb: {
    parts: [
      {
        ...usualPart,
        contestants: [...pair, "storage nodes", "mercurius"],
        workloads: ["A", "B", "C", "E"].map(ycsbWorkload),
      },
    ],
  },
  before: {
    parts: [
      {
        ...usualPart,
        contestants: ["shardgate", "before", "bare proxy", "bare batching", "bare frames"],
        workloads: jobs.filter(({ name }) => name !== manyWorkload(100, 4096).name),
        // Each workload begins with code that has not run before, and V8 needs thousands of requests to compile it.
        warmUpSeconds: 2,
      },
    ],
  },
  "few-clients": {
    parts: [0, 1, 5].map((delayMs) => ({
      clusters: [{ ...usual, delayMs }],
      contestants: ["shardgate", "before", "bare proxy"],
      workloads: [getWorkload(100)],
      clients: mostFirst([1, 8, 32]),
      warmUpSeconds: 1,
    })),
  },
  /** With few requests a second, it takes seconds until the code of a gateway of many nodes is compiled. */
  "many-nodes": {
    parts: [
      {
        ...usualPart,
        clusters: [1, 16, 100, 400].map((nodes) => ({ ...usual, nodes, shards: 1024, areNodesTogether: true })),
        contestants: ["shardgate"],
        workloads: [getWorkload(100), manyWorkload(100, 100)],
        warmUpSeconds: 4,
      },
    ],
  },
  /** What a socket for each storage node costs whoever has one: a request of its own, or a batch of one. */
  "proxy-many-nodes": {
    parts: [
      {
        ...usualPart,
        clusters: [1, 400].map((nodes) => ({ ...usual, nodes, shards: 1024, areNodesTogether: true })),
        contestants: pair,
        workloads: [getWorkload(100)],
        warmUpSeconds: 4,
      },
    ],
  },
  /** The same rows in one PostgreSQL server, by way of storage nodes and by PostGraphile; beside them LMDB. */
  store: {
    parts: [
      {
        ...usualPart,
        contestants: ["shardgate over PostgreSQL", "shardgate", "postgraphile"],
        workloads: jobs.filter(({ name }) => name !== manyWorkload(100, 4096).name),
        clients: mostFirst([1, 64]),
        warmUpSeconds: 2,
      },
    ],
  },
  workers: {
    parts: [
      {
        clusters: [1, 2].map((workers) => ({ ...usual, workers })),
        contestants: ["shardgate"],
        workloads: [getWorkload(100)],
        clients: [256],
        warmUpSeconds: 2,
      },
    ],
  },
};

/** Runs of several suites by name; the last one takes `--before`, and measures the storage node (storage.mjs) too. */
export const runs = {
  usual: ["peers", "ceiling", "clients", "keys", "shards", "ycsb"],
  quick: ["quick"],
  verdict: ["before", "few-clients", "many-nodes", "storage"],
};
