/**
 * The cluster as one caller may look at it and change it. Every view of shards and storage nodes goes through `map`, which
 * is for those who may read the whole key space; others get single shards of which they see only number, state and
 * epoch. Changes are for administrators, and each attempt is put into the audit log.
 */
import { ShardgateError } from "../../core/error.js";
import type { Key } from "../../core/key.js";
import { shardOfKey, type ShardNumber } from "../../core/shard.js";
import type { ClusterMap, ShardRecord } from "../../registry/cluster-map.js";
import { shardsOfNode } from "../../registry/commands.js";
import type { NodeState } from "../../registry/liveness.js";
import { parseNodeName } from "../../registry/node-name.js";
import type { Heartbeat, HostedShard, NodeAssignments, NodeRegistration } from "../../wire/membership.js";
import type { NodeStatus, ShardState } from "../cluster-view.js";
import type { MembershipService } from "../services.js";
import type { AssignRequest } from "../shard-assigner.js";
import type { Access } from "./access.js";
import type { AuditRecord } from "./audit-log.js";
import type { Caller } from "./caller.js";

type Facts = Readonly<Record<string, unknown>>;

export class GuardedMembership {
  readonly #membership: MembershipService;
  readonly #access: Pick<Access, "areNodesProven" | "audit">;
  readonly #caller: Caller;
  readonly #requestId: string;

  constructor(
    membership: MembershipService,
    access: Pick<Access, "areNodesProven" | "audit">,
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
    if (!this.isVisible) throw this.#forbidden("look at the cluster; that needs `read` on the whole key space");
  }

  /** Throws FORBIDDEN, as everything does that says more of the cluster than a shard's number, state and epoch. */
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

  /** Every shard has a live primary. Everybody may know. */
  isReady(): boolean {
    return this.#membership.isReady();
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

  /** As Membership.assign, for administrators. */
  assign(request: AssignRequest): Promise<ShardRecord> {
    const { shard, node, isForced } = request;
    const look = (): Facts | null => shardFacts(this.#membership.map, shard);
    return this.#administer("assign", { shard, node, isForced }, look, () => this.#membership.assign(request));
  }

  /** As Membership.remove, for administrators. */
  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    const look = (): Facts | null => nodeFacts(this.#membership.map, name);
    return this.#administer("remove", { node: name, isForced }, look, () => this.#membership.remove(name, isForced));
  }

  /** As Membership.register: for storage nodes, which draw an incarnation, and for administrators. */
  async register(
    registration: NodeRegistration,
  ): Promise<{ readonly assignments: NodeAssignments; readonly isNew: boolean }> {
    const { url, incarnation } = registration;
    const id = parseNodeName(registration.id);
    const isNew = !this.#membership.map.nodes.has(id);
    const work = async () => ({ assignments: await this.#membership.register(registration), isNew });
    if (incarnation === undefined) {
      // The URL as a whole may have a password in it, and is then refused.
      const asked = { node: id, host: URL.canParse(url) ? new URL(url).host : null };
      return this.#administer("register", asked, () => nodeFacts(this.#membership.map, id), work);
    }
    this.#requireMember(incarnation);
    return work();
  }

  /** As Membership.heartbeat, for storage nodes and administrators. */
  heartbeat(name: string, heartbeat: Heartbeat): NodeAssignments | Promise<NodeAssignments> {
    this.#requireMember(heartbeat.incarnation);
    return this.#membership.heartbeat(name, heartbeat);
  }

  #veiled({ shard, epoch }: ShardRecord): ShardRecord {
    const refuse = (): never => {
      this.requireView();
      throw new Error("A shard is veiled only from callers who may not see it.");
    };
    return {
      shard,
      epoch,
      get primary() {
        return refuse();
      },
      get history() {
        return refuse();
      },
    };
  }

  /** Who says to be a process of a storage node has to prove it where the cluster has a secret. */
  #requireMember(incarnation: string | undefined): void {
    const { isNode, permissions } = this.#caller;
    const isProofNeeded = this.#access.areNodesProven && incarnation !== undefined;
    if (isNode || (permissions.isAdmin && !isProofNeeded)) return;
    throw this.#forbidden("speak for a storage node; that needs the cluster's secret");
  }

  async #administer<T>(
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
      if (!this.#caller.permissions.isAdmin) throw this.#forbidden("change the cluster; that needs `admin`");
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

function shardFacts({ shards }: ClusterMap, shard: ShardNumber): Facts | null {
  const record = shards[shard];
  return record === undefined ? null : { node: record.primary, epoch: record.epoch };
}

function nodeFacts(map: ClusterMap, name: string): Facts | null {
  const record = map.nodes.get(name);
  if (record === undefined) return null;
  return { url: record.url, shards: shardsOfNode(map, name).map(({ shard }) => shard) };
}
