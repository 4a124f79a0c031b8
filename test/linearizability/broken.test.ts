/**
 * Shows that the test can fail: the real router over storage nodes in memory whose answers get lost, first unchanged,
 * and then broken in the ways in which databases have been broken. The checker must detect each of them, and report
 * nothing for the unchanged one.
 */
import { describe, expect, it } from "vitest";
import type { Outcome, RoutedOperation } from "../../src/core/operation.js";
import { versionOf } from "../../src/core/version.js";
import type { MemoryNodeClient } from "../../src/routing/node-client/memory-node-client.js";
import { NodeFault, type NodeCallOptions, type NodeClient } from "../../src/routing/node-client/node-client.js";
import { NodePool } from "../../src/routing/node-pool.js";
import { silentObserver } from "../../src/routing/observer.js";
import { Router } from "../../src/routing/router.js";
import { MemoryCluster } from "../support/memory-cluster.js";
import { get } from "../support/operations.js";
import { checkHistory } from "./check-history.js";
import { runClients, type Target } from "./clients.js";
import { Recorder, type Call, type Result } from "./history.js";
import { Random } from "./random.js";
import { routedTarget } from "./routed-target.js";

const keys = ["a", "b", "c", "d"];

type Execute = NodeClient["execute"];

interface Breakage {
  /** What a storage node does instead of executing operations. */
  readonly execute?: (node: MemoryNodeClient, random: Random) => Execute;
  /** The fault that the gateway sees instead. */
  readonly fault?: (fault: NodeFault) => NodeFault;
  /** What clients get instead of the router's answers. */
  readonly target?: (target: Target) => Target;
}

/** The history of a run of eight clients through the real router, with faults in a fifth of all batches. */
async function run(seed: number, breakage: Breakage = {}): Promise<readonly Call[]> {
  const random = new Random(seed);
  const cluster = new MemoryCluster();
  const { clock, log } = cluster;
  const clients = new Map<string, NodeClient>();
  for (const [name, node] of cluster.nodes) clients.set(name, overBadLine(node, random.fork(), breakage));
  const createClient = ({ name }: { readonly name: string }): NodeClient => clients.get(name) ?? cluster.node(name);
  const parts = { clock, random: random.fork().next, utilization: random.fork().next, log };
  const pool = new NodePool({ ...parts, map: () => cluster.map, createClient, observer: silentObserver });
  const router = new Router({ ...parts, registry: cluster, pool, refresh: cluster.refreshOver(pool) });
  const routed = routedTarget((operations) => router.execute(operations, cluster.context()));
  const recorder = new Recorder();
  const targets = [breakage.target?.(routed) ?? routed];
  const afterRequest = (): Promise<void> => new Promise((resolve) => clock.after(random.between(0, 9), resolve));
  const done = runClients({
    random: random.fork(),
    keys,
    clients: 8,
    operations: 1_500,
    targets,
    recorder,
    afterRequest,
  });
  await cluster.until(done, 5, 100_000);
  return recorder.calls;
}

/** One batch in five gets lost: on the way to the node, before its execution, or on the way back. */
function overBadLine(
  node: MemoryNodeClient,
  random: Random,
  { execute, fault = (same) => same }: Breakage,
): NodeClient {
  const run = execute?.(node, random) ?? ((operations, options) => node.execute(operations, options));
  return {
    async execute(operations, options) {
      const draw = random.next();
      if (draw < 0.1) throw new NodeFault("connectionRefused", "the storage node refused", true);
      const lost = fault(new NodeFault("connectionReset", "the storage node broke off", false));
      if (draw < 0.15) throw lost;
      const outcomes = await run(operations, options);
      if (draw < 0.2) throw lost;
      return outcomes;
    },
    probe: (options) => node.probe(options),
    shards: (options) => node.shards(options),
    engine: (options) => node.engine(options),
    assign: (assignments, options) => node.assign(assignments, options),
    close: () => node.close(),
  };
}

/** Executes each operation of a batch by itself, so that a breakage can treat one of them differently. */
async function oneByOne(
  operations: readonly RoutedOperation[],
  execute: (routed: RoutedOperation) => Promise<Outcome>,
) {
  const outcomes: Outcome[] = [];
  for (const routed of operations) outcomes.push(await execute(routed));
  return outcomes;
}

async function only(node: MemoryNodeClient, routed: RoutedOperation, options: NodeCallOptions): Promise<Outcome> {
  const [outcome] = await node.execute([routed], options);
  if (outcome === undefined) throw new Error("A storage node gave no outcome.");
  return outcome;
}

const breakages: readonly (readonly [string, Breakage])[] = [
  [
    "a storage node that acknowledges a write before its commit, which then fails",
    {
      execute: (node, random) => (operations, options) =>
        oneByOne(operations, async (routed) => {
          const { operation, epoch } = routed;
          const isLost = operation.kind === "put" && operation.condition === null && random.chance(0.05);
          if (!isLost) return only(node, routed, options);
          const before = await only(node, { operation: get(operation.key), epoch }, options);
          if (before.kind !== "found") return only(node, routed, options);
          const version = versionOf(Number(before.entry.version) + 1);
          return { kind: "written", isNew: false, facts: { ...before.entry, version } };
        }),
    },
  ],
  [
    "a router that takes a lost answer for one that says nothing was written, and tries again",
    { fault: ({ reason, message }) => new NodeFault(reason, message, true) },
  ],
  [
    "a router that gives up a write that may have happened, and calls it refused",
    {
      target: (target) => async (request) =>
        (await target(request)).map((result) =>
          result.kind === "unknown" ? { kind: "refused", code: "SHARD_UNAVAILABLE" } : result,
        ),
    },
  ],
  [
    "a client that repeats writes whose answer was lost",
    {
      target: (target) => async (request) => {
        for (;;) {
          const results = await target(request);
          if (!results.some(({ kind }) => kind === "unknown")) return results;
        }
      },
    },
  ],
  [
    "a gateway that keeps what it has read",
    {
      target: (target) => {
        const cache = new Map<string, Result>();
        return async (request) => {
          const [ask] = request.asks;
          const known = ask?.action.kind === "get" && request.asks.length === 1 ? cache.get(ask.key) : undefined;
          if (known !== undefined) return [known];
          const results = await target(request);
          for (const [index, result] of results.entries()) {
            if (result.kind === "found") cache.set(request.asks[index]?.key ?? "", result);
          }
          return results;
        };
      },
    },
  ],
  [
    "a storage node that does not look at conditions",
    {
      execute: (node) => (operations, options) =>
        node.execute(
          operations.map(({ operation, epoch }) =>
            operation.kind === "put" ? { operation: { ...operation, condition: null }, epoch } : { operation, epoch },
          ),
          options,
        ),
    },
  ],
];

describe("a run in memory", () => {
  it("is linearizable with the router and the storage nodes as they are", { timeout: 300_000 }, async () => {
    for (const seed of [1, 2, 3]) {
      const calls = await run(seed);
      expect(calls.length).toBeGreaterThanOrEqual(1_500);
      expect(calls.filter(({ result }) => result.kind === "unknown").length).toBeGreaterThan(20);
      expect(checkHistory(calls)).toEqual([]);
    }
    const taken = await run(4, {
      execute: (node) => (operations, options) => oneByOne(operations, (routed) => only(node, routed, options)),
    });
    expect(checkHistory(taken)).toEqual([]);
  });

  it.each(breakages)(
    "is not linearizable, and the checker notices that, with %s",
    { timeout: 300_000 },
    async (_, breakage) => {
      expect(checkHistory(await run(1, breakage))).not.toEqual([]);
    },
  );
});
