/**
 * The cluster in a process that does not change its map: reads what the leader reported last, and passes changes of the
 * cluster on to it (such as a registration), whatever the transport.
 */
import type { Log } from "../../../core/log.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { AssignmentChange, ShardRecord } from "../../../registry/cluster-map.js";
import type { Liveness } from "../../../registry/liveness.js";
import type { NodePool } from "../../../routing/node-pool.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../../wire/membership.js";
import type { AssignRequest, ClusterCommands } from "../cluster-commands.js";
import type { ClusterStanding } from "../cluster-standing.js";
import { ClusterView } from "../cluster-view.js";
import { NodeCalls } from "../node-calls.js";
import type { NodeEvidence } from "../node-evidence.js";
import { NodeRefreshes } from "../node-refreshes.js";
import type { GatewayStatus } from "../peers/gateway-status.js";
import type { PeerAnswers } from "../peers/peer-answers.js";
import type { FollowedCluster } from "./followed-cluster.js";
import { HistoryCalls } from "./history-calls.js";

export interface ClusterFollowerParts {
  readonly cluster: FollowedCluster;
  readonly leader: ClusterCommands;
  /** Answers requests of other gateways. */
  readonly peers: PeerAnswers;
  readonly gateways: () => Promise<readonly GatewayStatus[]>;
  /** Reports to the leader that a storage node has refused a connection. */
  readonly refused: (node: string) => void;
  /** What this process's requests show of storage nodes. */
  readonly evidence: Pick<NodeEvidence, "silences" | "onRefused">;
  readonly liveness: Pick<Liveness, "state" | "isHeardOf" | "lastSeenAtMs" | "forget">;
  readonly pool: Pick<NodePool, "client" | "probeAt" | "figures" | "prune" | "reachable">;
  readonly log: Log;
}

export class ClusterFollower extends ClusterView implements ClusterCommands {
  readonly #cluster: FollowedCluster;
  readonly #leader: ClusterCommands;
  readonly peers: PeerAnswers;
  readonly #gateways: () => Promise<readonly GatewayStatus[]>;
  readonly #calls: NodeCalls;
  readonly #refreshes: NodeRefreshes;
  readonly #stopListening: () => void;

  constructor(parts: ClusterFollowerParts) {
    const { cluster, leader, peers, gateways, refused, evidence, liveness, pool, log } = parts;
    const calls = new NodeCalls(pool, log);
    const histories = new HistoryCalls((shards) => leader.histories(shards));
    const historyOf = (shard: ShardNumber): Promise<readonly AssignmentChange[]> => histories.of(shard);
    const standing = (): ClusterStanding => cluster.standing;
    super({ registry: cluster, liveness, pool, reports: cluster.reports, historyOf, standing }, calls);
    this.#cluster = cluster;
    this.#leader = leader;
    this.peers = peers;
    this.#gateways = gateways;
    this.#calls = calls;
    this.#refreshes = new NodeRefreshes((node) => leader.refresh(node));
    cluster.listen({
      mapChanged(before) {
        pool.prune();
        for (const name of before.nodes.keys()) if (!cluster.map.nodes.has(name)) liveness.forget(name);
      },
      seen: (name) => pool.reachable(name),
      silences: (nodes) => evidence.silences(nodes),
    });
    this.#stopListening = evidence.onRefused(refused);
  }

  register(registration: NodeRegistration): Promise<NodeAssignments> {
    return this.#leader.register(registration);
  }

  async heartbeat(name: string, heartbeat: Heartbeat): Promise<NodeAssignments> {
    return this.#leader.heartbeat(name, heartbeat);
  }

  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    return this.#leader.remove(name, isForced);
  }

  assign(request: AssignRequest): Promise<ShardRecord> {
    return this.#leader.assign(request);
  }

  acceptLoss(name: string): Promise<void> {
    return this.#leader.acceptLoss(name);
  }

  drain(name: string, isUndone: boolean): Promise<readonly ShardNumber[]> {
    return this.#leader.drain(name, isUndone);
  }

  histories(shards: readonly ShardNumber[]): Promise<readonly (readonly AssignmentChange[])[]> {
    return this.#leader.histories(shards);
  }

  refresh(node: string): Promise<void> {
    return this.#refreshes.of(node);
  }

  gateways(): Promise<readonly GatewayStatus[]> {
    return this.#gateways();
  }

  stop(): void {
    this.#cluster.listen(null);
    this.#stopListening();
    this.#calls.stop();
  }
}
