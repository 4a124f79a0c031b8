/** The membership in a worker of a gateway: looks at what the primary told this process, and has the primary do the rest. */
import type { Log } from "../../core/log.js";
import type { ShardNumber } from "../../core/shard.js";
import type { AssignmentChange, ShardRecord } from "../../registry/cluster-map.js";
import type { Liveness } from "../../registry/liveness.js";
import type { NodePool } from "../../routing/node-pool.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../wire/membership.js";
import { ClusterView } from "../cluster/cluster-view.js";
import { NodeCalls } from "../cluster/node-calls.js";
import type { AssignRequest } from "../cluster/shard-assigner.js";
import { HistoryCalls } from "./history-calls.js";
import type { RemoteCluster } from "./remote-cluster.js";

export interface RemoteMembershipParts {
  readonly cluster: RemoteCluster;
  readonly liveness: Pick<Liveness, "state" | "lastSeenAtMs" | "forget">;
  readonly pool: Pick<NodePool, "client" | "probeAt" | "figures" | "prune" | "reachable">;
  readonly log: Log;
}

/** Every change throws as Membership's does, and REGISTRY_UNAVAILABLE when the primary does not answer. */
export class RemoteMembership extends ClusterView {
  readonly #cluster: RemoteCluster;
  readonly #calls: NodeCalls;

  constructor({ cluster, liveness, pool, log }: RemoteMembershipParts) {
    const calls = new NodeCalls(pool, log);
    const histories = new HistoryCalls((shards) => cluster.ask("histories", shards));
    const historyOf = (shard: ShardNumber): Promise<readonly AssignmentChange[]> => histories.of(shard);
    super({ registry: cluster, liveness, pool, reports: cluster.reports, historyOf }, calls);
    this.#cluster = cluster;
    this.#calls = calls;
    cluster.listen({
      mapChanged(before) {
        pool.prune();
        for (const name of before.nodes.keys()) if (!cluster.map.nodes.has(name)) liveness.forget(name);
      },
      seen: (name) => pool.reachable(name),
    });
  }

  register(registration: NodeRegistration): Promise<NodeAssignments> {
    return this.#cluster.ask("register", registration);
  }

  heartbeat(name: string, heartbeat: Heartbeat): Promise<NodeAssignments> {
    return this.#cluster.ask("heartbeat", { name, heartbeat });
  }

  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    return this.#cluster.ask("remove", { name, isForced });
  }

  assign(request: AssignRequest): Promise<ShardRecord> {
    return this.#cluster.ask("assign", request);
  }

  async acceptLoss(name: string): Promise<void> {
    await this.#cluster.ask("acceptLoss", name);
  }

  stop(): void {
    this.#cluster.listen(null);
    this.#calls.stop();
  }
}
