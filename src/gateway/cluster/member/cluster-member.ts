/**
 * The cluster in a process that has the registry. It leads or follows, and changes from one to the other while it
 * serves: requests for keys use its cluster map at all times, and the gateway that leads makes all changes of the
 * cluster. With a registry that no other gateway shares it leads from its start to its end.
 */
import { ShardgateError, type ErrorCode } from "../../../core/error.js";
import { heartbeatIntervalMs } from "../../../core/limits.js";
import type { ShardNumber } from "../../../core/shard.js";
import { pause } from "../../../core/tasks/pause.js";
import { RepeatingTask } from "../../../core/tasks/repeating-task.js";
import type { AssignmentChange, ClusterMap, LeaderRecord, ShardRecord } from "../../../registry/cluster-map.js";
import { notLeading } from "../../../registry/command-batch.js";
import { assignmentsOf } from "../../../routing/node-assignments.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../../wire/membership.js";
import type { AssignRequest, ClusterCommands } from "../cluster-commands.js";
import { ClusterView } from "../cluster-view.js";
import { isAcknowledged } from "../leader/registrar.js";
import type { ClusterLeader } from "../leader/cluster-leader.js";
import { NodeCalls } from "../node-calls.js";
import { NodeRefreshes } from "../node-refreshes.js";
import { NodeReports } from "../node-reports.js";
import type { GatewayStatus } from "../peers/gateway-status.js";
import type { PeerAnswers } from "../peers/peer-answers.js";
import { MemberRoles, type MemberRole } from "./member-roles.js";
import { MemberStanding } from "./member-standing.js";
import { isUnchanged, isWithoutLeader, NoLeader } from "./no-leader.js";
import { ownAnswers } from "./own-answers.js";
import { followingRole, leadingRole, type ClusterMemberParts } from "./roles-of-member.js";

/** How long a command waits while no gateway leads: a leader that stops is followed within it, and a request has time left. */
const leaderWaitMs = 3_000;

/** Pause between two looks for a gateway that leads. */
const leaderPollMs = 100;

export class ClusterMember extends ClusterView implements ClusterCommands {
  readonly #parts: ClusterMemberParts;
  /** Reports on nodes that may not serve, or keep outdated data, from the gateway that leads. */
  readonly reports: NodeReports;
  /** What other gateways may ask of this one: nothing unless it leads. */
  readonly peers: PeerAnswers = ownAnswers(() => this.#ownLeader());
  readonly #calls: NodeCalls;
  readonly #roles: MemberRoles;
  readonly #refreshes = new NodeRefreshes((node) => this.#refresh(node));
  readonly #tick: RepeatingTask;
  readonly #stopListening: readonly (() => void)[];
  #map: ClusterMap;
  /** The last gateway that the map named; null: none so far. */
  #lastLeader: LeaderRecord | null;
  #isStopped = false;

  constructor(parts: ClusterMemberParts) {
    const { registry, pool, shared, clock, log } = parts;
    const calls = new NodeCalls(pool, log);
    const reports = new NodeReports(clock);
    const standing = new MemberStanding({ ...parts, role: () => roles.current });
    const roles: MemberRoles = new MemberRoles({
      isLeading: () => shared === null || registry.isLeading,
      lead: () => leadingRole(parts, reports),
      follow: () => followingRole(parts, reports, (signs) => standing.tell(signs)),
      giveUp: async () => shared?.lease.stop(),
      onChange: () => standing.tell([]),
      log,
    });
    const historyOf = async (shard: ShardNumber): Promise<readonly AssignmentChange[]> => registry.history(shard);
    super({ ...parts, reports, historyOf, standing: () => standing.now }, calls);
    this.#parts = parts;
    this.reports = reports;
    this.#calls = calls;
    this.#roles = roles;
    this.#map = registry.map;
    this.#lastLeader = registry.map.leader;
    // A follower reports it with each beat.
    const work = async (): Promise<void> => (roles.current?.isLeading === true ? standing.tell([]) : undefined);
    this.#tick = new RepeatingTask({ clock, log, pauseMs: heartbeatIntervalMs, work });
    this.#stopListening = [
      registry.onChange((map) => this.#mapChanged(map)),
      registry.onLeadChange((isLeading) => {
        if (!isLeading && shared !== null) roles.lost();
        void roles.review();
      }),
    ];
    standing.tell([]);
  }

  async register(registration: NodeRegistration): Promise<NodeAssignments> {
    const ask = (commands: ClusterCommands): Promise<NodeAssignments> => commands.register(registration);
    const isKnown = ({ mapVersion }: NodeAssignments): boolean => mapVersion <= this.map.version;
    // A storage node tries again by itself, perhaps at another gateway; a person does not.
    if (registration.incarnation === undefined) return this.#whenLed(() => this.#once(ask, isKnown));
    try {
      const assignments = await this.#once(ask, isKnown).catch((error: unknown) => this.#byMap(registration, error));
      this.#seen(registration.id);
      await this.#hearOf(registration.id, null);
      return assignments;
    } catch (error) {
      if (error instanceof ShardgateError) await this.#hearOf(registration.id, error.code);
      throw error;
    }
  }

  heartbeat(name: string, heartbeat: Heartbeat): NodeAssignments | Promise<NodeAssignments> {
    const role = this.#roles.current;
    return role?.isLeading === true ? role.leader.heartbeat(name, heartbeat) : this.#passOn(name, heartbeat);
  }

  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    return this.#whenLed(() => this.#once((commands) => commands.remove(name, isForced)));
  }

  assign(request: AssignRequest): Promise<ShardRecord> {
    return this.#whenLed(() => this.#once((commands) => commands.assign(request)));
  }

  acceptLoss(name: string): Promise<void> {
    return this.#whenLed(() => this.#once((commands) => commands.acceptLoss(name)));
  }

  drain(name: string, isUndone: boolean): Promise<readonly ShardNumber[]> {
    return this.#whenLed(() => this.#once((commands) => commands.drain(name, isUndone)));
  }

  /** From this gateway's own copy of the registry's log. */
  async histories(shards: readonly ShardNumber[]): Promise<readonly (readonly AssignmentChange[])[]> {
    return shards.map((shard) => this.#parts.registry.history(shard));
  }

  refresh(node: string): Promise<void> {
    const role = this.#roles.current;
    return role?.isLeading === true ? role.leader.refresh(node) : this.#refreshes.of(node);
  }

  /** The gateways of the cluster, as the one that leads knows them. */
  async gateways(): Promise<readonly GatewayStatus[]> {
    const role = this.#roles.current;
    if (role === null) return [];
    return role.isLeading ? role.leader.gateways() : role.followed.gateways();
  }

  /** Begins to lead or follow, and to take the lead when no other gateway has it. */
  start(): void {
    this.#roles.start();
    this.#tick.start();
    this.#parts.shared?.lease.start();
  }

  /**
   * At SIGTERM: resigns the lead, if this gateway has it, and follows the next leader. Without other gateways nothing
   * changes.
   */
  async resign(): Promise<void> {
    const { shared } = this.#parts;
    if (shared === null) return;
    await this.#roles.retire();
    await shared.lease.stop();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const stop of this.#stopListening) stop();
    this.#calls.stop();
    await this.#parts.shared?.lease.stop();
    await this.#tick.stop();
    await this.#roles.stop();
  }

  /** Runs `work` again while no gateway leads; finally rejects with its error. */
  async #whenLed<Result>(work: () => Promise<Result>): Promise<Result> {
    const { clock, shared } = this.#parts;
    const untilMs = clock.monotonicMs() + leaderWaitMs;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const isOver = shared === null || this.#isStopped || clock.monotonicMs() >= untilMs;
        if (isOver || !isUnchanged(error)) throw error;
      }
      await pause(clock, leaderPollMs);
    }
  }

  /**
   * Asks the gateway that leads. Resolves when this one has the change in its own map, too, which it has when the result `isKnown`.
   * Rejects with NoLeader or REGISTRY_CONFLICT when nothing was changed, because the one asked does not lead.
   */
  async #once<Result>(
    ask: (commands: ClusterCommands) => Promise<Result>,
    isKnown: (result: Result) => boolean = () => false,
  ): Promise<Result> {
    const role = this.#roles.current;
    const commands = commandsOf(role);
    if (role === null || commands === null) throw new NoLeader(this.#lastLeader);
    try {
      const result = await ask(commands);
      if (!role.isLeading && !isKnown(result)) await this.#readRegistry();
      return result;
    } catch (error) {
      // It does not lead any more; the map may name its successor already.
      if (isUnchanged(error) && !role.isLeading) await this.#readRegistry();
      throw error;
    }
  }

  async #passOn(name: string, heartbeat: Heartbeat): Promise<NodeAssignments> {
    const ask = async (commands: ClusterCommands): Promise<NodeAssignments> => commands.heartbeat(name, heartbeat);
    const assignments = await this.#once(ask, () => true);
    this.#seen(name);
    return assignments;
  }

  /**
   * The leader may die after it has acknowledged a start and before the storage node hears of it: then the map says so, and the
   * node serves without waiting for the next leader. Throws `error` where the map does not.
   */
  async #byMap(registration: NodeRegistration, error: unknown): Promise<NodeAssignments> {
    if (this.#roles.current?.isLeading === true || !isWithoutLeader(error)) throw error;
    await this.#readRegistry();
    if (!isAcknowledged(this.map, registration)) throw error;
    return assignmentsOf(this.map, registration.id);
  }

  /** The leader sends the storage node its assignments, unless this gateway's map was only outdated or no gateway leads. */
  async #refresh(node: string): Promise<void> {
    const before = this.map;
    const { registry, log } = this.#parts;
    await registry.refresh();
    const commands = commandsOf(this.#roles.current);
    if (this.map !== before || commands === null) return;
    try {
      await commands.refresh(node);
    } catch (error) {
      log.debug({ err: error, node }, "The gateway that leads was not asked to send a storage node its assignments.");
    }
  }

  /** If the registry cannot be read now, its watch delivers the change later. */
  async #readRegistry(): Promise<void> {
    try {
      await this.#parts.registry.refresh();
    } catch (error) {
      this.#parts.log.warn(
        { err: error },
        "The registry cannot be read; this gateway learns of the last change later.",
      );
    }
  }

  /** Routing is notified too, so that an open breaker may try the node again. */
  #seen(name: string): void {
    if (this.#roles.current?.isLeading === true || !this.map.nodes.has(name)) return;
    const { liveness, pool, onSeen } = this.#parts;
    liveness.seen(name);
    pool.reachable(name);
    onSeen?.(name);
  }

  /** Before a registration is answered, this gateway knows the new or resolved problem of the storage node. */
  async #hearOf(name: string, code: ErrorCode | null): Promise<void> {
    const role = this.#roles.current;
    const known = this.reports.of(name).problem?.code ?? null;
    if (role?.isLeading === false && role.followed.leader !== null && known !== code) await role.followed.beatNow();
  }

  #ownLeader(): ClusterLeader {
    const role = this.#roles.current;
    if (role?.isLeading !== true) throw notLeading(this.map);
    return role.leader;
  }

  #mapChanged(map: ClusterMap): void {
    const before = this.#map;
    this.#map = map;
    this.#lastLeader = map.leader ?? this.#lastLeader;
    if (this.#roles.current?.isLeading === true) return;
    const { pool, liveness } = this.#parts;
    pool.prune();
    for (const name of before.nodes.keys()) if (!map.nodes.has(name)) liveness.forget(name);
  }
}

/** The gateway that leads, as a role reaches it; null: none is known, or it does not answer. */
function commandsOf(role: MemberRole | null): ClusterCommands | null {
  if (role === null) return null;
  return role.isLeading ? role.leader : role.followed.commands;
}
