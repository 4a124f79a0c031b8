/**
 * The cluster as requests look at it: the map, which storage nodes live, and what that means for their shards. Reads only
 * what is in this process, and asks storage nodes for their figures; who keeps it up to date is a matter of its heirs.
 */
import type { ShardNumber } from "../core/shard.js";
import type { ClusterMap } from "../registry/cluster-map.js";
import type { Liveness, NodeState } from "../registry/liveness.js";
import type { NodePool } from "../routing/node-pool.js";
import type { HostedShard } from "../wire/membership.js";
import type { NodeCalls } from "./node-calls.js";

export interface ClusterViewParts {
  readonly registry: { readonly map: ClusterMap };
  readonly liveness: Pick<Liveness, "state" | "lastSeenAtMs">;
  readonly pool: Pick<NodePool, "figures">;
}

export interface NodeStatus {
  readonly state: NodeState;
  /** Milliseconds since 1970; null when this gateway never heard of it. */
  readonly lastSeenAtMs: number | null;
  readonly latencyMs: number | null;
}

export type ShardState = "ACTIVE" | "UNAVAILABLE" | "UNASSIGNED";

export class ClusterView {
  readonly #parts: ClusterViewParts;
  readonly #calls: NodeCalls;

  constructor(parts: ClusterViewParts, calls: NodeCalls) {
    this.#parts = parts;
    this.#calls = calls;
  }

  get map(): ClusterMap {
    return this.#parts.registry.map;
  }

  nodeState(name: string): NodeState {
    return this.#parts.liveness.state(name);
  }

  nodeStatus(name: string): NodeStatus {
    const { liveness, pool } = this.#parts;
    const { latencyMs } = pool.figures(name);
    return { state: liveness.state(name), lastSeenAtMs: liveness.lastSeenAtMs(name), latencyMs };
  }

  /** ACTIVE when the primary was seen and is not DOWN. */
  shardState(shard: ShardNumber): ShardState {
    const primary = this.map.shards[shard]?.primary ?? null;
    if (primary === null) return "UNASSIGNED";
    const { liveness } = this.#parts;
    const isServed = liveness.lastSeenAtMs(primary) !== null && liveness.state(primary) !== "DOWN";
    return isServed ? "ACTIVE" : "UNAVAILABLE";
  }

  /** Every shard has a primary that was seen and is not DOWN. */
  isReady(): boolean {
    return this.map.shards.every(({ shard }) => this.shardState(shard) === "ACTIVE");
  }

  /** Figures of the shards a node has, straight from it; null when it does not answer or is a plain one. */
  async shardFigures(node: string): Promise<ReadonlyMap<ShardNumber, HostedShard> | null> {
    const hosted = await this.#calls.shards(node);
    if (hosted === "plain" || hosted === "silent") return null;
    return new Map(hosted.map((figures) => [figures.shardId as ShardNumber, figures]));
  }

  /** The name of a node's engine, straight from it; null when it does not answer or is a plain one. */
  nodeEngine(node: string): Promise<string | null> {
    return this.#calls.engine(node);
  }
}
