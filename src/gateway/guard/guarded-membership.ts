/**
 * The cluster as one caller may read and change it. Everything about shards and storage nodes is read through `map`,
 * which requires `read` on the whole key space; other callers see number, state, epoch and lineage of single shards.
 * Changes require `admin`, and each attempt is written to the audit log.
 */
import { ShardgateError } from "../../core/error.js";
import type { Key } from "../../core/key.js";
import { parseShard, shardOfKey, type ShardNumber, type ShardState } from "../../core/shard.js";
import type { AssignmentChange, ClusterMap, ShardRecord } from "../../registry/cluster-map.js";
import type { NodeState } from "../../registry/liveness.js";
import { parseNodeName } from "../../registry/node-name.js";
import type { Heartbeat, HostedShard, NodeAssignments, NodeRegistration } from "../../wire/membership.js";
import type { ClusterStanding } from "../cluster/cluster-standing.js";
import type { NodeStatus } from "../cluster/cluster-view.js";
import { readinessOf, type Readiness } from "../cluster/health.js";
import type { NodeReportRows } from "../cluster/node-reports.js";
import type { GatewayStatus } from "../cluster/peers/gateway-status.js";
import { peerAnswers, type PeerAnswers } from "../cluster/peers/peer-answers.js";
import type { MembershipService } from "../services.js";
import type { AssignRequest } from "../cluster/cluster-commands.js";
import type { Access } from "../access/access.js";
import type { AuditRecord } from "../access/audit-log.js";
import type { Caller } from "../access/caller.js";
import { nodeFacts, shardFacts, shownName, type Facts } from "./audit-facts.js";

/** An unchecked AssignRequest: the shard may not exist, and the name may not be valid. */
export interface AskedAssignment extends Omit<AssignRequest, "shard" | "node"> {
  readonly shard: number;
  readonly node: string;
}

type Commands = Pick<MembershipService, "register" | "heartbeat" | "remove" | "assign" | "acceptLoss" | "drain">;

export class GuardedMembership {
  readonly #membership: MembershipService;
  /** Executes the commands that change the cluster. */
  readonly #commands: Commands;
  readonly #access: Pick<Access, "isOpen" | "areNodesProven" | "audit">;
  readonly #caller: Caller;
  readonly #requestId: string;

  constructor(
    membership: MembershipService,
    access: Pick<Access, "isOpen" | "areNodesProven" | "audit">,
    { caller, requestId }: { readonly caller: Caller; readonly requestId: string },
    commands: Commands = membership,
  ) {
    this.#membership = membership;
    this.#commands = commands;
    this.#access = access;
    this.#caller = caller;
    this.#requestId = requestId;
  }

  /** Whether the caller may read cluster data; then `map` and everything that needs it do not throw. */
  get isVisible(): boolean {
    return this.#caller.permissions.mayReadAll;
  }

  /** Throws FORBIDDEN unless the caller may read cluster data. */
  requireView(): void {
    if (!this.isVisible) throw this.#forbidden("read cluster data; that needs `read` on the whole key space");
  }

  /**
   * Throws FORBIDDEN unless the caller may read cluster data, as does everything that reveals more than a shard's
   * number, state, epoch and lineage.
   */
  get map(): ClusterMap {
    this.requireView();
    return this.#membership.map;
  }

  get shardCount(): number {
    return this.#membership.map.shardCount;
  }

  /** The shard of a key that the caller may read. Throws FORBIDDEN for other keys. */
  shardOfKey(key: Key): ShardRecord {
    if (!this.#caller.permissions.mayRead(key)) throw this.#forbidden(`read key ${JSON.stringify(key)}`);
    return this.shardOf(shardOfKey(key, this.shardCount));
  }

  /**
   * A shard that holds keys of the caller. Reading its storage node throws FORBIDDEN unless the caller may read cluster
   * data.
   */
  shardOf(shard: ShardNumber): ShardRecord {
    const record = this.#membership.map.shards[shard];
    if (record === undefined) throw new Error(`Shard ${shard} is not in a cluster map of ${this.shardCount} shards.`);
    return this.isVisible ? record : this.#veiled(record);
  }

  shardState(shard: ShardNumber): ShardState {
    return this.#membership.shardState(shard);
  }

  /** Whether every shard has a live primary and no storage node has a problem. Available to every caller. */
  isReady(): boolean {
    return this.#membership.isReady();
  }

  /** The status is available to every caller; problems are included only if the caller may read cluster data. */
  readiness(): Readiness {
    const readiness = readinessOf(this.#membership);
    return this.isVisible ? readiness : { ...readiness, problems: [] };
  }

  /** Throws FORBIDDEN unless the caller may read cluster data. */
  get standing(): ClusterStanding {
    this.requireView();
    return this.#membership.standing;
  }

  reportRows(): NodeReportRows {
    this.requireView();
    return this.#membership.reportRows();
  }

  async history(shard: ShardNumber): Promise<readonly AssignmentChange[]> {
    this.requireView();
    return this.#membership.history(shard);
  }

  nodeState(name: string): NodeState {
    this.requireView();
    return this.#membership.nodeState(name);
  }

  nodeStatus(name: string): NodeStatus {
    this.requireView();
    return this.#membership.nodeStatus(name);
  }

  async shardFigures(node: string): Promise<ReadonlyMap<ShardNumber, HostedShard> | null> {
    this.requireView();
    return this.#membership.shardFigures(node);
  }

  async gateways(): Promise<readonly GatewayStatus[]> {
    this.requireView();
    return this.#membership.gateways();
  }

  /** The functions for other gateways of the cluster. Throws FORBIDDEN unless the caller has authenticated as one. */
  get peers(): PeerAnswers {
    const { isPeer, permissions } = this.#caller;
    const { peers } = this.#membership;
    if (isPeer) return peers;
    if (!permissions.isAdmin || this.#access.areNodesProven) {
      throw this.#forbidden("act as a gateway of the cluster; that needs the cluster's secret");
    }
    // Without a secret any client may be the caller, so its changes are checked and audited like all others.
    const who = { caller: this.#caller, requestId: this.#requestId };
    const guarded = new GuardedMembership(this.#membership, this.#access, who, peers);
    const commands = {
      ...peers,
      register: async (registration: NodeRegistration) => (await guarded.register(registration)).assignments,
      remove: (name: string, isForced: boolean) => guarded.remove(name, isForced),
      assign: (request: AssignRequest) => guarded.assign(request),
      acceptLoss: (name: string) => guarded.acceptLoss(name),
      drain: (name: string, isUndone: boolean) => guarded.drain(name, isUndone),
    };
    return peerAnswers(commands, (name, beat) => peers.beatFrom(name, beat));
  }

  /**
   * ClusterCommands.assign for administrators. Shard and name are validated after the permission, so that other callers
   * learn nothing.
   */
  assign({ shard, node, ...rest }: AskedAssignment): Promise<ShardRecord> {
    const look = (): Facts | null => shardFacts(this.#membership.map, shard);
    return this.#audited("assign", { shard, node: shownName(node), isForced: rest.isForced }, look, async () => {
      this.#requireAdmin();
      const place = { shard: parseShard(shard, this.shardCount), node: parseNodeName(node) };
      return this.#commands.assign({ ...rest, ...place });
    });
  }

  /** ClusterCommands.remove for administrators. Throws BAD_REQUEST for an invalid name. */
  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    const look = (): Facts | null => nodeFacts(this.#membership.map, name);
    return this.#audited("remove", { node: shownName(name), isForced }, look, async () => {
      this.#requireAdmin();
      return this.#commands.remove(parseNodeName(name), isForced);
    });
  }

  /** ClusterCommands.acceptLoss for administrators. Throws BAD_REQUEST for an invalid name. */
  acceptLoss(name: string): Promise<void> {
    const look = (): Facts | null => nodeFacts(this.#membership.map, name);
    return this.#audited("acceptLoss", { node: shownName(name) }, look, async () => {
      this.#requireAdmin();
      await this.#commands.acceptLoss(parseNodeName(name));
    });
  }

  /** ClusterCommands.drain for administrators. Throws BAD_REQUEST for an invalid name. */
  drain(name: string, isUndone: boolean): Promise<readonly ShardNumber[]> {
    const look = (): Facts | null => nodeFacts(this.#membership.map, name);
    return this.#audited("drain", { node: shownName(name), isUndone }, look, async () => {
      this.#requireAdmin();
      return this.#commands.drain(parseNodeName(name), isUndone);
    });
  }

  /** ClusterCommands.register for storage nodes, which send an incarnation, and for administrators. */
  async register(
    registration: NodeRegistration,
  ): Promise<{ readonly assignments: NodeAssignments; readonly isNew: boolean }> {
    const { id, url, incarnation } = registration;
    const isNew = !this.#membership.map.nodes.has(id);
    const work = async () => {
      if (incarnation === undefined) this.#requireAdmin();
      else this.#requireMember(incarnation);
      return { assignments: await this.#commands.register({ ...registration, id: parseNodeName(id) }), isNew };
    };
    // A restart of a storage node is not an administrator's change, and nodes that cannot register try every second.
    if (incarnation !== undefined && (this.#caller.isNode || this.#access.isOpen)) return work();
    // Only the host is recorded: the URL may contain a password, and is then refused.
    const asked = { node: shownName(id), host: URL.canParse(url) ? new URL(url).host : null };
    return this.#audited("register", asked, () => nodeFacts(this.#membership.map, id), work);
  }

  /** ClusterCommands.heartbeat for storage nodes and administrators. */
  heartbeat(name: string, heartbeat: Heartbeat): NodeAssignments | Promise<NodeAssignments> {
    this.#requireMember(heartbeat.incarnation);
    return this.#commands.heartbeat(name, heartbeat);
  }

  #veiled({ shard, epoch, lineage }: ShardRecord): ShardRecord {
    const refuse = (): never => {
      this.requireView();
      throw new Error("A shard is veiled only from callers who may not see it.");
    };
    return {
      shard,
      epoch,
      lineage,
      get primary() {
        return refuse();
      },
      get move() {
        return refuse();
      },
    };
  }

  #requireAdmin(): void {
    if (!this.#caller.permissions.isAdmin) throw this.#forbidden("change the cluster; that needs `admin`");
  }

  /**
   * If the cluster has a secret, a caller that claims to be a process of a storage node must have authenticated with
   * it.
   */
  #requireMember(incarnation: string | undefined): void {
    const { isNode, permissions } = this.#caller;
    const isProofNeeded = this.#access.areNodesProven && incarnation !== undefined;
    if (isNode || (permissions.isAdmin && !isProofNeeded)) return;
    throw this.#forbidden("act as a storage node; that needs the cluster's secret");
  }

  async #audited<T>(
    action: AuditRecord["action"],
    asked: Facts,
    look: () => Facts | null,
    work: () => Promise<T>,
  ): Promise<T> {
    const before = look();
    const record = (outcome: AuditRecord["outcome"]): void => {
      const { name: by } = this.#caller;
      this.#access.audit({ action, by, requestId: this.#requestId, asked, before, after: look(), outcome });
    };
    try {
      const result = await work();
      record("DONE");
      return result;
    } catch (error) {
      record(error instanceof ShardgateError ? error.code : "INTERNAL_SERVER_ERROR");
      throw error;
    }
  }

  #forbidden(what: string): ShardgateError {
    return new ShardgateError("FORBIDDEN", `Caller ${this.#caller.name} may not ${what}.`);
  }
}
