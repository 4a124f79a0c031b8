/** The gauges of the cluster: its shards and storage nodes, and what the gateway knows of leader and registry. */
import type { Gauge } from "prom-client";

/** Figures of the cluster at the time of the request. */
export interface ClusterFigures {
  readonly isLeading: boolean;
  /** Whether this gateway leads, or is in contact with the leader. */
  readonly isLeaderReachable: boolean;
  readonly isRegistryReachable: boolean;
  readonly mapVersion: number;
  /** How many shards, and how many storage nodes, are in each state. */
  readonly shards: Readonly<Record<string, number>>;
  readonly nodes: Readonly<Record<string, number>>;
  /** Number of storage nodes that were refused and may not serve. */
  readonly nodesWithProblem: number;
}

/** Creates a gauge. `aggregator`: how the values of several processes of one gateway are combined. */
export type MakeGauge = (
  name: string,
  help: string,
  labelNames: string[],
  aggregator: "sum" | "max" | "min" | "first",
) => Gauge;

export class ClusterGauges {
  readonly #shards: Gauge;
  readonly #nodes: Gauge;
  readonly #nodesWithProblem: Gauge;
  readonly #mapVersion: Gauge;
  readonly #leading: Gauge;
  readonly #leaderReachable: Gauge;
  readonly #registryReachable: Gauge;

  constructor(gauge: MakeGauge) {
    this.#shards = gauge("shards", "Shards by state.", ["state"], "first");
    this.#nodes = gauge("storage_nodes", "Storage nodes by state.", ["state"], "first");
    this.#nodesWithProblem = gauge(
      "storage_nodes_with_problem",
      "Storage nodes that serve no shards because they were refused, or cannot reach their database.",
      [],
      "first",
    );
    this.#mapVersion = gauge("cluster_map_version", "Version of the cluster map in use.", [], "min");
    this.#leading = gauge("leading", "Whether this gateway leads the cluster: 1 or 0.", [], "max");
    this.#leaderReachable = gauge(
      "leader_reachable",
      "Whether this gateway leads the cluster or is in touch with the gateway that leads: 1 or 0.",
      [],
      "min",
    );
    this.#registryReachable = gauge(
      "registry_reachable",
      "Whether the gateway's last access to the registry succeeded: 1 or 0.",
      [],
      "min",
    );
  }

  seen(figures: ClusterFigures): void {
    for (const [state, count] of Object.entries(figures.shards)) this.#shards.set({ state }, count);
    for (const [state, count] of Object.entries(figures.nodes)) this.#nodes.set({ state }, count);
    this.#nodesWithProblem.set(figures.nodesWithProblem);
    this.#mapVersion.set(figures.mapVersion);
    this.#leading.set(Number(figures.isLeading));
    this.#leaderReachable.set(Number(figures.isLeaderReachable));
    this.#registryReachable.set(Number(figures.isRegistryReachable));
  }
}
