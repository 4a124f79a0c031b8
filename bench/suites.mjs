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

const usual = { nodes: 3, shards: 64, delayMs: 0, clients: [64] };

/**
 * `parts`: the cluster, who takes part, how many clients, and what they do; who cannot do a workload sits it out. Quick is
 * the best and the plainest of the peers only, so that it takes two minutes.
 */
export const suites = {
  quick: {
    parts: [
      { ...usual, contestants: [...pair, "storage nodes", "mercurius", "yoga"], workloads: jobs },
      { ...usual, contestants: pair, workloads: [getWorkload(100)], clients: mostFirst([1, 64]) },
    ],
  },
  peers: { parts: [{ ...usual, contestants: all, workloads: jobs }] },
  ceiling: {
    parts: [
      {
        ...usual,
        contestants: [...pair, "bare batching", "bare frames"],
        workloads: [getWorkload(100), getWorkload(4096)],
      },
    ],
  },
  clients: {
    parts: [0, 1, 5].map((delayMs) => ({
      ...usual,
      delayMs,
      contestants: pair,
      workloads: [getWorkload(100)],
      clients: mostFirst([1, 8, 32, 64, 256]),
    })),
  },
  keys: {
    parts: [
      {
        ...usual,
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
    ].map((part) => ({ ...part, contestants: pair, workloads: [getWorkload(100), manyWorkload(100, 100)] })),
  },
  ycsb: {
    parts: [
      {
        ...usual,
        contestants: [...pair, "storage nodes", "mercurius"],
        workloads: ["A", "B", "C", "E"].map(ycsbWorkload),
      },
    ],
  },
};
