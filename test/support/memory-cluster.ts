/** A router over storage nodes in memory: the whole of routing without a network, on a fake clock. */
import { hashName, type ShardNumber } from "../../src/core/shard.js";
import type { Operation, Outcome, RoutedOperation } from "../../src/core/operation.js";
import { NodeRefreshes } from "../../src/gateway/cluster/node-refreshes.js";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { MemoryNodeClient } from "../../src/routing/node-client/memory-node-client.js";
import { assignmentsOf } from "../../src/routing/node-assignments.js";
import { NodePool } from "../../src/routing/node-pool.js";
import { silentObserver, type RoutingObserver } from "../../src/routing/observer.js";
import { Router, type RouteContext } from "../../src/routing/router.js";
import { FakeClock } from "./fake-clock.js";
import { RecordLog } from "./record-log.js";
import { submitted } from "./submitted.js";

export interface MapSketch {
  readonly shardCount?: number;
  readonly version?: number;
  readonly epoch?: number;
  readonly nodes?: readonly string[];
  /** By shard; null: unassigned. By default the shards go round the nodes. */
  readonly owner?: (shard: number) => string | null;
  readonly url?: (node: string) => string;
  /** Whether the storage node's store is one that several share; by default none is. */
  readonly isStoreShared?: (node: string) => boolean;
}

export function mapOf(sketch: MapSketch = {}): ClusterMap {
  const { shardCount = 4, version = 1, epoch = 1, nodes = ["node1", "node2", "node3"] } = sketch;
  const { owner = (shard) => nodes[shard % nodes.length] ?? null, url = (name) => `http://${name}:1` } = sketch;
  const { isStoreShared = () => false } = sketch;
  return {
    version,
    clusterId: "cluster",
    clusterName: "test",
    shardCount,
    hash: hashName,
    leader: null,
    nodes: new Map(
      nodes.map((name) => {
        const identity = {
          storeId: null,
          lastStart: null,
          isLossAccepted: false,
          isStoreShared: isStoreShared(name),
          isDraining: false,
        };
        return [name, { name, url: url(name), registeredAtMs: 0, ...identity }];
      }),
    ),
    shards: Array.from({ length: shardCount }, (_, shard) => ({
      shard: shard as ShardNumber,
      epoch,
      primary: owner(shard),
      lineage: 0,
      move: null,
    })),
    isRecovered: false,
    putBack: null,
  };
}

export class MemoryCluster {
  readonly clock = new FakeClock();
  readonly log = new RecordLog();
  readonly nodes = new Map<string, MemoryNodeClient>();
  readonly pool: NodePool;
  readonly router: Router;
  /** Changed by tests; what the router sees at once. */
  map: ClusterMap;
  /** What `refresh` brings; null: the same map. */
  fresherMap: ClusterMap | null = null;
  refreshes = 0;
  /** What the router and the pool draw. */
  random = 0.5;

  constructor(sketch: MapSketch = {}, observer: RoutingObserver = silentObserver) {
    this.map = mapOf(sketch);
    for (const name of this.map.nodes.keys()) this.nodes.set(name, new MemoryNodeClient(this.clock));
    const { clock, log } = this;
    const random = (): number => this.random;
    this.pool = new NodePool({
      map: () => this.map,
      createClient: ({ name }) => this.node(name),
      clock,
      random,
      utilization: () => 1,
      log,
      observer,
    });
    const refresh = this.refreshOver(this.pool);
    this.router = new Router({ registry: this, pool: this.pool, refresh, clock, random });
  }

  /** As the leader of a cluster refreshes: this map becomes the newest, and the storage node hears of it through `pool`. */
  refreshOver(pool: Pick<NodePool, "client">): (node: string) => Promise<void> {
    const refreshes = new NodeRefreshes(async (node) => {
      this.refreshes++;
      if (this.fresherMap !== null && this.fresherMap !== this.map) this.learn(this.fresherMap);
      const { map } = this;
      if (!map.nodes.has(node) || map.putBack !== null) return;
      await pool.client(node).assign(assignmentsOf(map, node), { timeoutMs: 2_000 });
    });
    return (node) => refreshes.of(node);
  }

  /** The gateway has a newer map from now on. */
  learn(map: ClusterMap): void {
    this.map = map;
    this.pool.prune();
  }

  node(name: string): MemoryNodeClient {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`There is no ${name}.`);
    return node;
  }

  /** Five seconds from now, as a client's request has. */
  context(ms = 5_000): RouteContext {
    return { deadlineMs: this.clock.monotonicMs() + ms };
  }

  execute(operations: readonly Operation[], context = this.context()): Promise<readonly Outcome[]> {
    return this.router.execute(operations, context);
  }

  /** At one storage node, whatever the map says; never tried again. */
  executeAt(
    name: string,
    operations: readonly RoutedOperation[],
    context = this.context(),
  ): Promise<readonly Outcome[]> {
    return submitted((submission) => this.pool.submit(name, submission), operations, context);
  }

  /** Moves the clock on until `promise` settles. */
  async until<Result>(promise: Promise<Result>, stepMs = 5, stepsMax = 4_000): Promise<Result> {
    const state = { isSettled: false };
    const settled = (): void => void (state.isSettled = true);
    promise.then(settled, settled);
    for (let step = 0; step < stepsMax && !state.isSettled; step++) await this.clock.advance(stepMs);
    return promise;
  }
}
