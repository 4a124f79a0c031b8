/**
 * The cluster in the process that changes its map: which storage nodes belong to it, and whether they live. Nodes
 * register (registrar.ts) and send heartbeats (heartbeats.ts); those that do not are probed. shard-assigner.ts decides
 * which shards they get, takeovers.ts which they lose, reconciler.ts sends them their assignments, and cluster-view.ts
 * reads all this.
 */
import type { Clock } from "../../../core/clock.js";
import { heartbeatIntervalMs, silentAfterMs } from "../../../core/limits.js";
import type { Log } from "../../../core/log.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { AssignmentChange, ClusterMap, ShardRecord } from "../../../registry/cluster-map.js";
import type { Liveness, NodeState } from "../../../registry/liveness.js";
import { parseNodeName } from "../../../registry/node-name.js";
import { parseNodeUrl } from "../../../registry/address/node-url.js";
import { assignmentsOf } from "../../../routing/node-assignments.js";
import type { NodeGuard } from "../../../registry/address/node-guard.js";
import type { NodePool } from "../../../routing/node-pool.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../../wire/membership.js";
import type { AssignRequest, ClusterCommands } from "../cluster-commands.js";
import { standingOfLeader } from "../cluster-standing.js";
import { ClusterView } from "../cluster-view.js";
import { NodeCalls } from "../node-calls.js";
import { NodeRefreshes } from "../node-refreshes.js";
import { noEvidence, type NodeEvidence } from "../node-evidence.js";
import { NodeReports } from "../node-reports.js";
import type { GatewayStatus } from "../peers/gateway-status.js";
import { LeaderPeers, type LeaderPeersParts } from "../peers/leader-peers.js";
import { peerAnswers, type PeerAnswers } from "../peers/peer-answers.js";
import { RepeatingTask } from "../../../core/tasks/repeating-task.js";
import { SuspensionWatch } from "../../../core/tasks/suspension-watch.js";
import type { LedRegistry } from "./led-registry.js";
import { Heartbeats } from "./heartbeats.js";
import { MapChanges } from "./map-changes.js";
import { NodeMemories } from "./node-memories.js";
import { Probes } from "./probes.js";
import { Rebalancer } from "./rebalancer.js";
import { Registrar } from "./registrar.js";
import { Reconciler } from "./reconciler.js";
import { ShardAssigner } from "./shard-assigner.js";
import { ShardMover } from "./shard-mover.js";
import { StateLog } from "./state-log.js";
import { Takeovers } from "./takeovers.js";

/** Pause between two checks whether a storage node of a shared store has to be taken over from. */
const judgePauseMs = 500;

export interface ClusterLeaderParts extends Pick<LeaderPeersParts, "onCutOff"> {
  readonly registry: LedRegistry;
  readonly liveness: Liveness;
  readonly pool: Pick<NodePool, "client" | "probeAt" | "figures" | "prune" | "reachable">;
  /** Reports that a former follower has on nodes that may not serve, or keep outdated data. Absent: none. */
  readonly reports?: NodeReports;
  /** Judges the URLs of storage nodes when they register. Without it only their form counts. */
  readonly guard?: Pick<NodeGuard, "check">;
  /** What requests for keys show of storage nodes. Absent: nothing. */
  readonly evidence?: NodeEvidence;
  /** Generates ids of moves, and marks of a restored registry. */
  readonly newId: () => string;
  readonly clock: Clock;
  readonly log: Log;
  /** The first shards are assigned once this many nodes live, so that the first to start does not get them all. */
  readonly nodesMin: number;
  /** Whether shards without an owner are assigned automatically; if not, only an operator assigns them. */
  readonly isAutoAssigning: boolean;
  /** Whether storage nodes of a shared store get their share of its shards automatically. Absent: false. */
  readonly isAutoRebalancing?: boolean;
}

export class ClusterLeader extends ClusterView implements ClusterCommands {
  readonly #parts: ClusterLeaderParts;
  readonly #memories = new NodeMemories();
  /** Reports on nodes that may not serve, or keep outdated data. */
  readonly reports: NodeReports;
  readonly #calls: NodeCalls;
  readonly #reconciler: Reconciler;
  readonly #refreshes: NodeRefreshes;
  readonly #changes: MapChanges;
  readonly #registrar: Registrar;
  readonly #mover: ShardMover;
  readonly #assigner: ShardAssigner;
  readonly #takeovers: Takeovers;
  readonly #rebalancer: Rebalancer;
  readonly #heartbeats: Heartbeats;
  readonly #watch: RepeatingTask;
  /** More often than the watch, whose probes may take a second: for storage nodes of shared stores. */
  readonly #judging: RepeatingTask;
  readonly #suspensions: SuspensionWatch;
  readonly #probes: Probes;
  readonly #evidence: NodeEvidence;
  readonly #stopListening: readonly (() => void)[];
  readonly #stateLog: StateLog;
  readonly #peers: LeaderPeers;
  readonly peers: PeerAnswers;

  constructor(parts: ClusterLeaderParts) {
    const { registry, liveness, pool, clock, log } = parts;
    const calls = new NodeCalls(pool, log);
    const reports = parts.reports ?? new NodeReports(clock);
    const historyOf = async (shard: ShardNumber): Promise<readonly AssignmentChange[]> => registry.history(shard);
    super({ ...parts, reports, historyOf, standing: () => standingOfLeader(registry) }, calls);
    this.#parts = parts;
    this.#calls = calls;
    this.reports = reports;
    this.#evidence = parts.evidence ?? noEvidence;
    this.#suspensions = new SuspensionWatch(clock, (breakMs) => this.#suspended(breakMs));
    const nodeState = (name: string): NodeState => {
      this.#suspensions.look();
      return liveness.state(name);
    };
    const isLive = (name: string): boolean => this.#isLive(name);
    const seen = (name: string): void => this.#seen(name);
    this.#reconciler = new Reconciler(registry.map, { nodeState, calls, clock, log });
    this.#refreshes = new NodeRefreshes(async (node) => {
      await registry.refresh();
      await this.#reconciler.doubt(node);
    });
    const changes = new MapChanges({ registry, reconciler: this.#reconciler });
    const shared = { ...parts, changes, calls, reports, memories: this.#memories, nodeState, isLive, seen };
    this.#changes = changes;
    this.#registrar = new Registrar(shared);
    this.#mover = new ShardMover(shared);
    this.#takeovers = new Takeovers(shared);
    const mayTake = (name: string): boolean => this.#takeovers.mayTake(name);
    this.#assigner = new ShardAssigner({ ...shared, mover: this.#mover, mayTake });
    this.#rebalancer = new Rebalancer({ ...shared, mayTake });
    const within = { registrar: this.#registrar, reconciler: this.#reconciler, takeovers: this.#takeovers };
    this.#heartbeats = new Heartbeats({ ...shared, ...within });
    this.#stateLog = new StateLog(this.#memories, log);
    for (const { name } of liveness.signs()) this.#stateLog.knows(name, nodeState(name));
    this.#watch = new RepeatingTask({ clock, log, pauseMs: heartbeatIntervalMs, work: () => this.#watchOnce() });
    const onDown = (): void => void this.#takeovers.next();
    this.#probes = new Probes({ ...shared, registrar: this.#registrar, onDown });
    this.#judging = new RepeatingTask({ clock, log, pauseMs: judgePauseMs, work: () => this.#judgeShared() });
    const refused = (name: string): void => this.#probes.refused(name);
    this.#peers = new LeaderPeers({ ...parts, reports, refused });
    this.peers = peerAnswers(this, (name, beat) => this.#peers.beatFrom(name, beat));
    liveness.askBeforeDown((name) => this.#peers.mayCallDown(name));
    this.#stopListening = [registry.onChange((map) => this.#mapChanged(map)), this.#evidence.onRefused(refused)];
  }

  async register(registration: NodeRegistration): Promise<NodeAssignments> {
    const name = parseNodeName(registration.id);
    const url = parseNodeUrl(registration.url);
    await this.#parts.guard?.check(url);
    const { incarnation = null } = registration;
    const newcomer = { name, url, registration };
    // A process with an incarnation registered itself; a node that an operator registered has to be seen first.
    if (incarnation === null) return this.#settled(name, this.#registrar.registerByHand(newcomer));
    return this.#reconciler.answering(name, () => {
      return this.#settled(name, this.#registrar.registerStart(newcomer, incarnation));
    });
  }

  heartbeat(name: string, heartbeat: Heartbeat): NodeAssignments | Promise<NodeAssignments> {
    return this.#heartbeats.take(name, heartbeat);
  }

  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    return this.#assigner.remove(name, isForced);
  }

  assign(request: AssignRequest): Promise<ShardRecord> {
    return this.#assigner.assign(request);
  }

  async acceptLoss(name: string): Promise<void> {
    const isProblemKnown = this.map.nodes.has(name) && this.reports.of(name).problem?.code === "STORE_NOT_RECOGNIZED";
    const refusal = isProblemKnown ? this.#memories.of(name).refusal : null;
    await this.#changes.make({ kind: "acceptLoss", name, refusal });
    this.#parts.log.warn({ node: name }, "An operator accepted that a storage node lost data.");
  }

  drain(name: string, isUndone: boolean): Promise<readonly ShardNumber[]> {
    return this.#takeovers.drain(name, isUndone);
  }

  async histories(shards: readonly ShardNumber[]): Promise<readonly (readonly AssignmentChange[])[]> {
    return shards.map((shard) => this.#parts.registry.history(shard));
  }

  refresh(node: string): Promise<void> {
    return this.#refreshes.of(node);
  }

  async gateways(): Promise<readonly GatewayStatus[]> {
    return this.#peers.gateways();
  }

  /** Begins to watch the storage nodes and to assign shards. */
  start(): void {
    this.#stateLog.putBack(this.map);
    this.#suspensions.start();
    this.#watch.start();
    this.#judging.start();
  }

  async stop(): Promise<void> {
    for (const stop of this.#stopListening) stop();
    this.#parts.liveness.askBeforeDown(null);
    this.#suspensions.stop();
    this.#probes.stop();
    this.#mover.stop();
    const sent = this.#reconciler.stop();
    this.#calls.stop();
    await Promise.all([this.#watch.stop(), this.#judging.stop()]);
    await this.#takeovers.idle();
    await this.#assigner.idle();
    await this.#changes.idle();
    await sent;
  }

  async #watchOnce(): Promise<void> {
    const silent = [...this.map.nodes.keys()].filter((name) => this.#isSilent(name));
    await Promise.all([...silent.map((name) => this.#probes.probe(name)), this.#reconciler.retry()]);
    await this.#judge();
    this.reports.keepOnly((name) => this.map.nodes.has(name));
    for (const name of this.map.nodes.keys()) this.#stateLog.node(name, this.nodeStatus(name));
    await this.#mover.cancelOthers();
    await this.#takeovers.next();
    await this.#rebalancer.round();
    await this.#assigner.assignUnassigned(null);
  }

  async #judgeShared(): Promise<void> {
    if (![...this.map.nodes.values()].some(({ isStoreShared }) => isStoreShared)) return;
    await this.#judge();
    await this.#takeovers.next();
  }

  /** Asks the other gateways about storage nodes that look silent, and this gateway's own requests, too. */
  async #judge(): Promise<void> {
    const { liveness } = this.#parts;
    this.#suspensions.look();
    const doubted = [...this.map.nodes.values()]
      // A node whose shards may be taken over soon is doubted before it is SUSPECT, so that the others have answered by then.
      .filter(({ name, isStoreShared }) => {
        return this.nodeState(name) !== "UP" || (isStoreShared && liveness.silentMs(name) > silentAfterMs);
      })
      .map(({ name }) => name);
    this.#peers.doubt(doubted);
    const silences = await this.#evidence.silences(doubted);
    for (const [index, silentMs] of silences.entries()) {
      const name = doubted[index];
      if (name !== undefined && silentMs !== null && this.map.nodes.has(name)) liveness.seen(name, silentMs);
    }
  }

  /** What a storage node gets once it is registered, with the shards without an owner spread. */
  async #settled(name: string, registered: Promise<void>): Promise<NodeAssignments> {
    await registered;
    try {
      await this.#assigner.assignUnassigned(name);
    } catch (error) {
      this.#parts.log.warn(
        { err: error, node: name },
        "Unassigned shards could not be assigned when a storage node registered; trying again every second.",
      );
    }
    this.#registrar.requireSettled();
    return assignmentsOf(this.map, name);
  }

  #suspended(breakMs: number): void {
    const { liveness, log } = this.#parts;
    liveness.skip(breakMs);
    log.info({ breakMs }, "This gateway was suspended or overloaded, so it judges no storage node by that time.");
  }

  /** Whether the node was seen and may serve. */
  #isLive(name: string): boolean {
    const { liveness } = this.#parts;
    return liveness.isHeardOf(name) && liveness.state(name) !== "DOWN" && this.reports.of(name).problem === null;
  }

  /** Nodes without an agent never send heartbeats; they are asked instead. */
  #isSilent(name: string): boolean {
    const { heartbeatMs } = this.#memories.of(name);
    return heartbeatMs === null || this.#parts.clock.monotonicMs() - heartbeatMs > silentAfterMs;
  }

  /** Routing is notified too, so that an open breaker may try the node again. */
  #seen(name: string): void {
    if (!this.map.nodes.has(name)) return;
    this.#parts.liveness.seen(name);
    this.#parts.pool.reachable(name);
  }

  #mapChanged(map: ClusterMap): void {
    const { pool, liveness } = this.#parts;
    pool.prune();
    this.#reconciler.mapChanged(map);
    for (const name of this.#memories.keepOnly((known) => map.nodes.has(known))) {
      liveness.forget(name);
      this.reports.forget(name);
    }
    this.#stateLog.putBack(map);
  }
}
