/** A console over a simulated cluster: as many storage nodes and shards as a test needs, in any state. */
import type { ShardNumber, ShardState } from "../../../../src/core/shard.js";
import type { Clock } from "../../../../src/core/clock.js";
import { ShardgateError } from "../../../../src/core/error.js";
import { openAccess, type Access } from "../../../../src/gateway/access/access.js";
import type { GatewayStatus } from "../../../../src/gateway/cluster/peers/gateway-status.js";
import type { ClusterMap, ShardRecord } from "../../../../src/registry/cluster-map.js";
import type { GatewayServices } from "../../../../src/gateway/services.js";
import type { NodeState } from "../../../../src/registry/liveness.js";
import type { HostedShard } from "../../../../src/wire/membership.js";
import { RecordLog } from "../../../support/record-log.js";

/** The part that a test changes while the console is open. */
export class MadeUpCluster {
  map: ClusterMap;
  access: Access = openAccess(new RecordLog());
  readonly states = new Map<string, NodeState>();
  readonly lastSeenAtMs = new Map<string, number | null>();
  /** Names in the order in which their figures were requested. */
  readonly asked: string[] = [];
  askedAtOnceMax = 0;
  /** Names of nodes that do not report their figures. */
  readonly silent = new Set<string>();
  /** Null: the leader is silent. */
  gateways: readonly GatewayStatus[] | null = [];
  #asking = 0;
  /** Awaited before figures are returned. */
  beforeFigures: () => Promise<void> = async () => {};
  readonly #clock: Clock;

  constructor(clock: Clock, nodes: number, shardCount: number) {
    this.#clock = clock;
    const names = Array.from({ length: nodes }, (_, index) => `node${String(index + 1).padStart(3, "0")}`);
    this.map = {
      version: 1,
      clusterId: "c1",
      clusterName: "made up",
      shardCount,
      hash: "fnv1a-32",
      leader: null,
      isRecovered: false,
      putBack: null,
      nodes: new Map(
        names.map((name) => {
          const identity = {
            storeId: null,
            lastStart: null,
            isLossAccepted: false,
            isStoreShared: false,
            isDraining: false,
          };
          return [name, { name, url: `http://${name}:8000`, registeredAtMs: 0, ...identity }];
        }),
      ),
      shards: Array.from({ length: shardCount }, (_, shard): ShardRecord => {
        const primary = names[shard % Math.max(1, nodes)] ?? null;
        return { shard: shard as ShardNumber, epoch: primary === null ? 0 : 1, primary, lineage: 0, move: null };
      }),
    };
  }

  /** Assigns a shard to a storage node, or to none. */
  give(shard: number, primary: string | null): void {
    const shards = this.map.shards.map((record) =>
      record.shard === shard ? { ...record, primary, epoch: record.epoch + 1 } : record,
    );
    this.map = { ...this.map, version: this.map.version + 1, shards };
  }

  /** Only the services that the console uses. */
  services(): GatewayServices {
    const nodeState = (name: string): NodeState => this.states.get(name) ?? "UP";
    const membership = {
      nodeState,
      gateways: async () => {
        if (this.gateways === null) throw new ShardgateError("REGISTRY_UNAVAILABLE", "The leader does not answer.");
        return this.gateways;
      },
      nodeStatus: (name: string) => {
        const lastSeenAtMs = this.lastSeenAtMs.has(name) ? this.lastSeenAtMs.get(name) : this.#clock.nowMs() - 200;
        return { state: nodeState(name), lastSeenAtMs, latencyMs: null, problem: null, staleShards: [] };
      },
      shardState: (shard: ShardNumber): ShardState => {
        const primary = this.map.shards[shard]?.primary ?? null;
        if (primary === null) return "UNASSIGNED";
        return nodeState(primary) === "DOWN" ? "UNAVAILABLE" : "ACTIVE";
      },
      shardFigures: (name: string) => this.#figures(name),
      nodeEngine: async () => "lmdb",
    };
    Object.defineProperty(membership, "map", { get: () => this.map });
    const log = new RecordLog();
    return { membership, access: this.access, clock: this.#clock, log } as unknown as GatewayServices;
  }

  async #figures(name: string): Promise<ReadonlyMap<ShardNumber, HostedShard> | null> {
    this.asked.push(name);
    this.askedAtOnceMax = Math.max(this.askedAtOnceMax, ++this.#asking);
    await this.beforeFigures();
    this.#asking--;
    if (this.silent.has(name)) return null;
    const hosted = this.map.shards.map(({ shard, epoch }) => ({
      shardId: shard,
      epoch,
      keyCount: 10,
      sizeBytes: 1_000,
    }));
    return new Map(hosted.map((figures) => [figures.shardId, figures]));
  }
}
