/**
 * Clients of two gateways over storage nodes of one shared store, whose shards are taken over all the time. Nothing may
 * fail, nothing may be lost or seen late, whichever storage node stops, hangs or cannot find its database.
 */
import { describe, expect, it } from "vitest";
import type { ClusterMap, ShardRecord } from "../../../src/registry/cluster-map.js";
import { NodePool } from "../../../src/routing/node-pool.js";
import { silentObserver } from "../../../src/routing/observer.js";
import { Router } from "../../../src/routing/router.js";
import { checkHistory } from "../../linearizability/check-history.js";
import { runClients } from "../../linearizability/clients.js";
import { Recorder, type Call } from "../../linearizability/history.js";
import { Random } from "../../linearizability/random.js";
import { routedTarget } from "../../linearizability/routed-target.js";
import { mapOf, MemoryCluster } from "../../support/memory-cluster.js";
import { SharedNodes, type SharedNodeState } from "../../support/shared-nodes.js";

const keys = ["a", "b", "c", "d", "e", "f"];
const names = ["node1", "node2", "node3"];

interface Faults {
  /** What the storage nodes do before their shards are taken over. */
  readonly states: readonly SharedNodeState[];
  /** The share of answers that get lost. */
  readonly lost: number;
}

/** A second gateway, which learns of each map later than the first. */
class LateGateway {
  map: ClusterMap;
  readonly pool: NodePool;
  readonly router: Router;

  constructor(cluster: MemoryCluster, random: Random) {
    this.map = cluster.map;
    const { clock, log } = cluster;
    const parts = { clock, random: random.next, utilization: () => 1, log };
    const createClient = ({ name }: { readonly name: string }) => cluster.node(name);
    this.pool = new NodePool({ ...parts, map: () => this.map, createClient, observer: silentObserver });
    this.router = new Router({ ...parts, registry: this, pool: this.pool, refresh: async () => {} });
  }

  learn(map: ClusterMap): void {
    if (map.version > this.map.version) this.map = map;
    this.pool.prune();
  }
}

/** Takes shards over from one storage node after the other until `isOver`. */
class Takeovers {
  readonly #cluster: MemoryCluster;
  readonly #late: LateGateway;
  readonly #nodes: SharedNodes;
  readonly #random: Random;
  #newest: ClusterMap;
  isOver = false;

  constructor(parts: { cluster: MemoryCluster; late: LateGateway; nodes: SharedNodes; random: Random }) {
    this.#cluster = parts.cluster;
    this.#late = parts.late;
    this.#nodes = parts.nodes;
    this.#random = parts.random;
    this.#newest = parts.cluster.map;
  }

  async run(states: readonly SharedNodeState[]): Promise<void> {
    while (!this.isOver) {
      await this.#pause(50, 300);
      const from = this.#random.pick(names);
      this.#nodes.turn(from, this.#random.pick(states));
      await this.#pause(0, 1_200);
      await this.#takeOver(from);
      await this.#pause(100, 500);
      this.#nodes.turn(from, "serves");
      this.#cluster.pool.reachable(from);
    }
  }

  async #takeOver(from: string): Promise<void> {
    const others = names.filter((name) => name !== from);
    const changed = (record: ShardRecord): ShardRecord =>
      record.primary === from ? { ...record, primary: this.#random.pick(others), epoch: record.epoch + 1 } : record;
    const map = { ...this.#newest, version: this.#newest.version + 1, shards: this.#newest.shards.map(changed) };
    this.#newest = map;
    const claimed = this.#after(0, 200, () => {
      for (const { shard, primary, epoch } of map.shards)
        if (primary !== null) this.#nodes.claim(shard, { owner: primary, epoch });
    });
    const learned = [
      this.#after(0, 100, () => this.#cluster.learn(map)),
      this.#after(0, 900, () => this.#late.learn(map)),
    ];
    await Promise.all([claimed, ...learned]);
  }

  async #after(leastMs: number, mostMs: number, work: () => void): Promise<void> {
    await this.#pause(leastMs, mostMs);
    work();
  }

  #pause(leastMs: number, mostMs: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.clock.after(this.#random.between(leastMs, mostMs), resolve));
  }
}

async function history(seed: number, { states, lost }: Faults): Promise<readonly Call[]> {
  const random = new Random(seed);
  const cluster = new MemoryCluster({ isStoreShared: () => true });
  cluster.map = mapOf({ isStoreShared: () => true });
  const nodes = new SharedNodes(cluster);
  const late = new LateGateway(cluster, random.fork());
  const losing = random.fork();
  nodes.losesAnswer = () => losing.next() < lost;
  const takeovers = new Takeovers({ cluster, late, nodes, random: random.fork() });
  const recorder = new Recorder();
  const targets = [cluster.router, late.router].map((router) =>
    routedTarget((operations) => router.execute(operations, cluster.context())),
  );
  const clients = runClients({
    random: random.fork(),
    keys,
    clients: 8,
    operations: 2_000,
    targets,
    recorder,
    afterRequest: () => new Promise((resolve) => cluster.clock.after(random.between(0, 40), resolve)),
  });
  const changes = takeovers.run(states);
  await cluster.until(
    clients.finally(() => (takeovers.isOver = true)),
    5,
    100_000,
  );
  await cluster.until(changes, 5, 100_000);
  return recorder.calls;
}

const failed = (calls: readonly Call[]) => calls.filter(({ result }) => result.kind === "refused");

describe("Takeovers under clients of two gateways", () => {
  it.each([1, 2, 3])(
    "fail no request while storage nodes stop, drain or search their database (run %i)",
    async (seed) => {
      const calls = await history(seed, { states: ["refuses", "drains", "searches", "serves"], lost: 0 });
      expect(failed(calls)).toEqual([]);
      expect(calls.filter(({ result }) => result.kind === "unknown")).toEqual([]);
      expect(checkHistory(calls)).toEqual([]);
    },
  );

  it.each([4, 5, 6])(
    "lose and repeat no write while storage nodes hang and answers get lost (run %i)",
    async (seed) => {
      const calls = await history(seed, { states: ["refuses", "drains", "searches", "hangs"], lost: 0.02 });
      expect(failed(calls)).toEqual([]);
      expect(checkHistory(calls)).toEqual([]);
    },
  );
});
