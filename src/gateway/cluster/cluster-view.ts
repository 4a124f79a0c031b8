/**
 * The cluster as requests read it: the map, the state of each storage node, and the state of each shard. Reads only
 * this process's memory, except for figures, which it asks storage nodes for; subclasses keep it current.
 */
import type { ShardNumber, ShardState } from "../../core/shard.js";
import type { AssignmentChange, ClusterMap } from "../../registry/cluster-map.js";
import type { Liveness, NodeState } from "../../registry/liveness.js";
import type { NodePool } from "../../routing/node-pool.js";
import type { HostedShard } from "../../wire/membership.js";
import type { ClusterStanding } from "./cluster-standing.js";
import type { NodeCalls } from "./node-calls.js";
import type { NodeReport, NodeReportRows, NodeReports } from "./node-reports.js";

export interface ClusterViewParts {
  readonly registry: { readonly map: ClusterMap };
  readonly liveness: Pick<Liveness, "state" | "isHeardOf" | "lastSeenAtMs">;
  readonly pool: Pick<NodePool, "figures">;
  readonly reports: Pick<NodeReports, "of" | "rows">;
  readonly historyOf: (shard: ShardNumber) => Promise<readonly AssignmentChange[]>;
  readonly standing: () => ClusterStanding;
}

export interface NodeStatus extends NodeReport {
  readonly state: NodeState;
  /** Milliseconds since 1970; null when this gateway never saw the storage node. */
  readonly lastSeenAtMs: number | null;
  readonly latencyMs: number | null;
}

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

  /** Who leads, and whether this gateway reaches the leader and the registry. Requests for keys need neither. */
  get standing(): ClusterStanding {
    return this.#parts.standing();
  }

  nodeState(name: string): NodeState {
    return this.#parts.liveness.state(name);
  }

  nodeStatus(name: string): NodeStatus {
    const { liveness, pool, reports } = this.#parts;
    const { latencyMs } = pool.figures(name);
    const { problem, staleShards: reported } = reports.of(name);
    const { shards } = this.map;
    const staleShards = reported.filter((shard) => shards[shard]?.primary !== name);
    return { state: liveness.state(name), lastSeenAtMs: liveness.lastSeenAtMs(name), latencyMs, problem, staleShards };
  }

  /** One row for each storage node with a problem or outdated data, including nodes that are not in the map. */
  reportRows(): NodeReportRows {
    return this.#parts.reports.rows();
  }

  /** ACTIVE when the primary is registered here, was seen, is not DOWN and has no problem. */
  shardState(shard: ShardNumber): ShardState {
    const { putBack, shards } = this.map;
    const primary = shards[shard]?.primary ?? null;
    if (primary === null) return "UNASSIGNED";
    const { liveness, reports } = this.#parts;
    const isServed = liveness.isHeardOf(primary) && liveness.state(primary) !== "DOWN";
    return isServed && putBack === null && reports.of(primary).problem === null ? "ACTIVE" : "UNAVAILABLE";
  }

  /** Every shard is ACTIVE, and no storage node has a problem. */
  isReady(): boolean {
    const hasProblem = this.reportRows().some(([, { problem }]) => problem !== null);
    return !hasProblem && this.map.shards.every(({ shard }) => this.shardState(shard) === "ACTIVE");
  }

  /** How the shard's assignment changed, the newest first, as far back as the registry's log has it. */
  history(shard: ShardNumber): Promise<readonly AssignmentChange[]> {
    return this.#parts.historyOf(shard);
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
