/**
 * The cluster as one caller may look at it and change it. Every view of shards and storage nodes goes through `map`, which
 * is for those who may read the whole key space; others get single shards of which they see only number, state,
 * epoch and lineage. Changes are for administrators, and each attempt is put into the audit log.
 */
import { ShardgateError } from "../../core/error.js";
import type { Key } from "../../core/key.js";
import { nameCharactersMax } from "../../core/limits.js";
import { parseShard, shardOfKey, type ShardNumber, type ShardState } from "../../core/shard.js";
import type { AssignmentChange, ClusterMap, ShardRecord } from "../../registry/cluster-map.js";
import type { NodeState } from "../../registry/liveness.js";
import { parseNodeName } from "../../registry/node-name.js";
import { ownedShards } from "../../routing/owned-shards.js";
import type { Heartbeat, HostedShard, NodeAssignments, NodeRegistration } from "../../wire/membership.js";
import type { NodeStatus } from "../cluster/cluster-view.js";
import { readinessOf, type Readiness } from "../cluster/health.js";
import type { NodeReportRows } from "../cluster/node-reports.js";
import type { MembershipService } from "../services.js";
import type { AssignRequest } from "../cluster/cluster-commands.js";
import type { Access } from "../access/access.js";
import type { AuditRecord } from "../access/audit-log.js";
import type { Caller } from "../access/caller.js";

type Facts = Readonly<Record<string, unknown>>;

/** An AssignRequest as it was asked for: there may be no such shard, and the name may be none. */
export interface AskedAssignment extends Omit<AssignRequest, "shard" | "node"> {
  readonly shard: number;
  readonly node: string;
}

export class GuardedMembership {
  readonly #membership: MembershipService;
  readonly #access: Pick<Access, "isOpen" | "areNodesProven" | "audit">;
  readonly #caller: Caller;
  readonly #requestId: string;

  constructor(
    membership: MembershipService,
    access: Pick<Access, "isOpen" | "areNodesProven" | "audit">,
    { caller, requestId }: { readonly caller: Caller; readonly requestId: string },
  ) {
    this.#membership = membership;
    this.#access = access;
    this.#caller = caller;
    this.#requestId = requestId;
  }

  /** The caller may look at the cluster: `map` and all that needs it do not throw. */
  get isVisible(): boolean {
    return this.#caller.permissions.mayReadAll;
  }

  /** Throws FORBIDDEN unless the caller may look at the cluster. */
  requireView(): void {
    if (!this.isVisible) throw this.#forbidden("read cluster data; that needs `read` on the whole key space");
  }

  /** Throws FORBIDDEN, as everything does that says more of the cluster than a shard's number, state, epoch and lineage. */
  get map(): ClusterMap {
    this.requireView();
    return this.#membership.map;
  }

  get shardCount(): number {
    return this.#membership.map.shardCount;
  }

  /** The shard of a key that the caller may read; throws FORBIDDEN otherwise. */
  shardOfKey(key: Key): ShardRecord {
    if (!this.#caller.permissions.mayRead(key)) throw this.#forbidden(`read key ${JSON.stringify(key)}`);
    return this.shardOf(shardOfKey(key, this.shardCount));
  }

  /** A shard that the caller has to do with; reading who holds it throws FORBIDDEN when the caller may not know. */
  shardOf(shard: ShardNumber): ShardRecord {
    const record = this.#membership.map.shards[shard];
    if (record === undefined) throw new Error(`Shard ${shard} is not in a cluster map of ${this.shardCount} shards.`);
    return this.isVisible ? record : this.#veiled(record);
  }

  shardState(shard: ShardNumber): ShardState {
    return this.#membership.shardState(shard);
  }

  /** Every shard has a live primary, and no storage node has a problem. Everybody may know. */
  isReady(): boolean {
    return this.#membership.isReady();
  }

  /** Everybody may know the status; the problems are for those who may look at the cluster, and left out for others. */
  readiness(): Readiness {
    const readiness = readinessOf(this.#membership);
    return this.isVisible ? readiness : { ...readiness, problems: [] };
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

  /** As ClusterCommands.assign, for administrators; whether shard and node can be is looked at here, so that others learn nothing. */
  assign({ shard, node, ...rest }: AskedAssignment): Promise<ShardRecord> {
    const look = (): Facts | null => shardFacts(this.#membership.map, shard);
    return this.#audited("assign", { shard, node: shown(node), isForced: rest.isForced }, look, async () => {
      this.#requireAdmin();
      const place = { shard: parseShard(shard, this.shardCount), node: parseNodeName(node) };
      return this.#membership.assign({ ...rest, ...place });
    });
  }

  /** As ClusterCommands.remove, for administrators; throws BAD_REQUEST for what is no name. */
  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    const look = (): Facts | null => nodeFacts(this.#membership.map, name);
    return this.#audited("remove", { node: shown(name), isForced }, look, async () => {
      this.#requireAdmin();
      return this.#membership.remove(parseNodeName(name), isForced);
    });
  }

  /** As ClusterCommands.acceptLoss, for administrators; throws BAD_REQUEST for what is no name. */
  acceptLoss(name: string): Promise<void> {
    const look = (): Facts | null => nodeFacts(this.#membership.map, name);
    return this.#audited("acceptLoss", { node: shown(name) }, look, async () => {
      this.#requireAdmin();
      await this.#membership.acceptLoss(parseNodeName(name));
    });
  }

  /** As ClusterCommands.register: for storage nodes, which draw an incarnation, and for administrators. */
  async register(
    registration: NodeRegistration,
  ): Promise<{ readonly assignments: NodeAssignments; readonly isNew: boolean }> {
    const { id, url, incarnation } = registration;
    const isNew = !this.#membership.map.nodes.has(id);
    const work = async () => {
      if (incarnation === undefined) this.#requireAdmin();
      else this.#requireMember(incarnation);
      return { assignments: await this.#membership.register({ ...registration, id: parseNodeName(id) }), isNew };
    };
    // Nobody decides that a storage node starts again, and those that cannot register try every second.
    if (incarnation !== undefined && (this.#caller.isNode || this.#access.isOpen)) return work();
    // The URL as a whole may have a password in it, and is then refused.
    const asked = { node: shown(id), host: URL.canParse(url) ? new URL(url).host : null };
    return this.#audited("register", asked, () => nodeFacts(this.#membership.map, id), work);
  }

  /** As ClusterCommands.heartbeat, for storage nodes and administrators. */
  heartbeat(name: string, heartbeat: Heartbeat): NodeAssignments | Promise<NodeAssignments> {
    this.#requireMember(heartbeat.incarnation);
    return this.#membership.heartbeat(name, heartbeat);
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

  /** Who says to be a process of a storage node has to prove it where the cluster has a secret. */
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

/** What was asked for may be no name, and then has any length. */
function shown(name: string): string {
  return name.slice(0, nameCharactersMax + 1);
}

function shardFacts({ shards }: ClusterMap, shard: number): Facts | null {
  const record = shards[shard];
  return record === undefined ? null : { node: record.primary, epoch: record.epoch, lineage: record.lineage };
}

function nodeFacts(map: ClusterMap, name: string): Facts | null {
  const record = map.nodes.get(name);
  if (record === undefined) return null;
  const { url, storeId } = record;
  return { url, storeId, shards: ownedShards(map, name).map(({ shard }) => shard) };
}
