/**
 * Which storage nodes belong to the cluster, and whether they live. Nodes register and send heartbeats; those that do not
 * are probed. Which shards they get is decided in shard-assigner.ts; how all this is looked at, in cluster-view.ts.
 */
import type { Clock } from "../core/clock.js";
import { ShardgateError } from "../core/error.js";
import { heartbeatIntervalMs, silentAfterMs } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { ShardNumber } from "../core/shard.js";
import type { ShardRecord } from "../registry/cluster-map.js";
import type { Liveness, NodeState } from "../registry/liveness.js";
import { parseNodeName } from "../registry/node-name.js";
import { parseNodeUrl } from "../registry/node-url.js";
import type { Registry } from "../registry/registry.js";
import { assignmentsOf } from "../routing/node-assignments.js";
import type { NodeGuard } from "../routing/node-guard.js";
import type { NodePool } from "../routing/node-pool.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../wire/membership.js";
import { ClusterView } from "./cluster-view.js";
import { NodeCalls } from "./node-calls.js";
import { NodeMemories } from "./node-memories.js";
import { RepeatingTask } from "./repeating-task.js";
import { ShardAssigner, type AssignRequest } from "./shard-assigner.js";

export interface MembershipParts {
  readonly registry: Pick<Registry, "map" | "execute" | "onChange">;
  readonly liveness: Pick<Liveness, "seen" | "forget" | "state" | "lastSeenAtMs">;
  readonly pool: Pick<NodePool, "client" | "figures" | "prune" | "reachable">;
  /** Judges the URLs of storage nodes when they register. Without it only their form counts. */
  readonly guard?: Pick<NodeGuard, "check">;
  readonly clock: Clock;
  readonly log: Log;
  /** The first shards are assigned once this many nodes live, so that the first to start does not get them all. */
  readonly nodesMin: number;
  /** Whether shards without an owner are assigned without being told; else only an operator assigns. */
  readonly isAutoAssigning: boolean;
}

export class Membership extends ClusterView {
  readonly #parts: MembershipParts;
  readonly #memories = new NodeMemories();
  readonly #calls: NodeCalls;
  readonly #assigner: ShardAssigner;
  readonly #watch: RepeatingTask;
  readonly #stopListening: () => void;

  constructor(parts: MembershipParts) {
    const { registry, liveness, pool, clock, log } = parts;
    const calls = new NodeCalls((name) => pool.client(name), log);
    super(parts, calls);
    this.#parts = parts;
    this.#calls = calls;
    const nodeState = (name: string): NodeState => liveness.state(name);
    const memories = this.#memories;
    this.#assigner = new ShardAssigner({ ...parts, nodeState, calls, memories });
    this.#watch = new RepeatingTask({ clock, log, pauseMs: heartbeatIntervalMs, work: () => this.#watchOnce() });
    this.#stopListening = registry.onChange((map) => {
      pool.prune();
      for (const name of memories.keepOnly((known) => map.nodes.has(known))) liveness.forget(name);
    });
  }

  /** Adds or updates a storage node and gives it shards. Throws BAD_REQUEST, NODE_CONFLICT, CLUSTER_MISMATCH, SHARD_COUNT_MISMATCH and registry faults. */
  async register(registration: NodeRegistration): Promise<NodeAssignments> {
    const name = parseNodeName(registration.id);
    const url = parseNodeUrl(registration.url);
    await this.#parts.guard?.check(url);
    const { incarnation = null, clusterId = null, mapVersion = null } = registration;
    const { registry, log } = this.#parts;
    await this.#assigner.alone(async () => {
      this.#refuseOtherCount(name, registration.shardCount ?? null);
      this.#refuseImpostor(name, url, incarnation);
      if (clusterId !== null) {
        await registry.execute({ kind: "recall", node: name, clusterId, mapVersion: mapVersion ?? 0 });
      }
      await registry.execute({ kind: "registerNode", name, url });
      // Never told of a cluster, yet it has shards: a node that keeps its data in memory, or lost its folder.
      if (clusterId === null && incarnation !== null) await registry.execute({ kind: "renew", node: name });
      Object.assign(this.#memories.of(name), { incarnation, held: registration.shards ?? null });
    });
    // A process that draws an incarnation speaks for itself; what a person registered has to be seen first.
    if (incarnation !== null) this.#seen(name);
    else await this.#probe(name);
    try {
      await this.#assigner.alone(() => this.#assigner.assignUnassigned(name));
    } catch (error) {
      log.warn(
        { err: error, node: name },
        "Unassigned shards could not be assigned at a registration; it is tried again each second.",
      );
    }
    return assignmentsOf(this.map, name);
  }

  /** Throws NODE_NOT_FOUND, and NODE_CONFLICT to a process whose name another one has taken over. */
  heartbeat(name: string, { incarnation, mapVersion }: Heartbeat): NodeAssignments {
    if (!this.map.nodes.has(name)) {
      throw new ShardgateError("NODE_NOT_FOUND", `Storage node ${name} is not registered.`, { node: name });
    }
    const memory = this.#memories.of(name);
    memory.incarnation ??= incarnation ?? null;
    if (incarnation !== undefined && incarnation !== memory.incarnation) {
      throw new ShardgateError("NODE_CONFLICT", `Another process has registered as storage node ${name} meanwhile.`);
    }
    if ((mapVersion ?? 0) > this.map.version) {
      // The registry was put back from an older copy; registering tells what the node knows.
      throw new ShardgateError("NODE_NOT_FOUND", `Storage node ${name} knows a newer cluster map; register again.`);
    }
    memory.heartbeatMs = this.#parts.clock.monotonicMs();
    this.#seen(name);
    return assignmentsOf(this.map, name, mapVersion ?? null);
  }

  /** Resolves to the shards that have no owner now. Throws NODE_NOT_FOUND, ASSIGNMENT_WOULD_HIDE_DATA and registry faults. */
  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    return this.#assigner.remove(name, isForced);
  }

  /**
   * Gives a shard to a storage node. Throws NOT_SUPPORTED for replicas, which are not kept yet, NODE_NOT_FOUND,
   * SHARD_NOT_FOUND, EPOCH_CONFLICT, ASSIGNMENT_WOULD_HIDE_DATA and registry faults.
   */
  assign(request: AssignRequest): Promise<ShardRecord> {
    return this.#assigner.assign(request);
  }

  /** Begins to watch the storage nodes and to assign shards. */
  start(): void {
    this.#watch.start();
  }

  async stop(): Promise<void> {
    this.#stopListening();
    this.#calls.stop();
    await this.#watch.stop();
    await this.#assigner.idle();
  }

  async #watchOnce(): Promise<void> {
    const silent = [...this.map.nodes.keys()].filter((name) => this.#isSilent(name));
    await Promise.all(silent.map((name) => this.#probe(name)));
    this.#logStates();
    await this.#assigner.alone(() => this.#assigner.assignUnassigned(null));
  }

  /** Nodes without an agent never send heartbeats; they are asked instead. */
  #isSilent(name: string): boolean {
    const { heartbeatMs } = this.#memories.of(name);
    return heartbeatMs === null || this.#parts.clock.monotonicMs() - heartbeatMs > silentAfterMs;
  }

  async #probe(name: string): Promise<void> {
    const isAlive = await this.#calls.answers(name);
    if (isAlive && this.map.nodes.has(name)) this.#seen(name);
  }

  /** Routing hears of it too: an open breaker may try the node again. */
  #seen(name: string): void {
    this.#parts.liveness.seen(name);
    this.#parts.pool.reachable(name);
  }

  #logStates(): void {
    const { log } = this.#parts;
    for (const name of this.map.nodes.keys()) {
      const memory = this.#memories.of(name);
      const state = this.nodeState(name);
      if (state === memory.loggedState) continue;
      memory.loggedState = state;
      if (state === "UP") log.info({ node: name, state }, "A storage node is up.");
      else log.warn({ node: name, state }, "A storage node is silent; look at its process and its log.");
    }
  }

  #refuseOtherCount(name: string, shardCount: number | null): void {
    if (shardCount === null || shardCount === this.map.shardCount) return;
    throw new ShardgateError(
      "SHARD_COUNT_MISMATCH",
      `Storage node ${name} keeps data spread over ${shardCount} shards; this cluster has ${this.map.shardCount}.`,
      { node: name },
    );
  }

  /** One URL is one process, so a restart under the same URL is no conflict; another URL with a live name is. */
  #refuseImpostor(name: string, url: string, incarnation: string | null): void {
    const known = this.map.nodes.get(name);
    if (known === undefined || known.url === url || this.nodeState(name) !== "UP") return;
    if (incarnation !== null && incarnation === this.#memories.of(name).incarnation) return;
    throw new ShardgateError(
      "NODE_CONFLICT",
      `Storage node ${name} lives at ${known.url}; ${url} cannot take its name.`,
    );
  }
}
