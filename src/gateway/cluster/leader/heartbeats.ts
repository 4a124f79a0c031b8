/** Takes the heartbeats of storage nodes: whether the sender may serve, what it asks for, and what it has to know. */
import type { Clock } from "../../../core/clock.js";
import { ShardgateError } from "../../../core/error.js";
import type { Log } from "../../../core/log.js";
import type { NodeRecord } from "../../../registry/cluster-map.js";
import { assignmentsOf } from "../../../routing/node-assignments.js";
import { isPlainNode } from "../../../routing/node-pool.js";
import type { Heartbeat, NodeAssignments } from "../../../wire/membership.js";
import type { NodeReports } from "../node-reports.js";
import { contactAfter, lostStore } from "../store-contact.js";
import type { MapChanges } from "./map-changes.js";
import type { NodeMemories } from "./node-memories.js";
import type { Reconciler } from "./reconciler.js";
import type { Registrar } from "./registrar.js";
import type { Takeovers } from "./takeovers.js";

export interface HeartbeatsParts {
  readonly changes: Pick<MapChanges, "map" | "make">;
  readonly memories: NodeMemories;
  readonly reports: Pick<NodeReports, "of" | "setProblem">;
  readonly registrar: Pick<Registrar, "requireSettled" | "accepted">;
  readonly reconciler: Pick<Reconciler, "said">;
  readonly takeovers: Pick<Takeovers, "next">;
  /** Called at each sign of life of a registered node. */
  readonly seen: (name: string) => void;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
}

export class Heartbeats {
  readonly #parts: HeartbeatsParts;

  constructor(parts: HeartbeatsParts) {
    this.#parts = parts;
  }

  /** See ClusterCommands.heartbeat. A storage node that is about to stop is answered after its shards were taken over. */
  take(name: string, heartbeat: Heartbeat): NodeAssignments | Promise<NodeAssignments> {
    const { changes, memories, registrar, reconciler, takeovers, seen, clock } = this.#parts;
    const { mapVersion = null, exhausted = [], isLeaving = false, isStoreLost = false } = heartbeat;
    this.#hearOfStore(name, heartbeat);
    const { isStoreShared } = this.#requireFit(name, heartbeat);
    const memory = memories.of(name);
    memory.heartbeatMs = clock.monotonicMs();
    seen(name);
    registrar.requireSettled();
    if (!isStoreLost) registrar.accepted(name);
    if (mapVersion !== null) reconciler.said(name, mapVersion);
    if (exhausted.length > 0) this.#renewEpochs(name, exhausted);
    if (isLeaving) memory.isLeaving = true;
    const answer = (): NodeAssignments => assignmentsOf(changes.map, name, mapVersion);
    return isLeaving && isStoreShared ? takeovers.next().then(answer) : answer();
  }

  /** Also from a storage node that has not registered with this gateway: it cannot, without its store. */
  #hearOfStore(name: string, { incarnation, isStoreLost = false }: Heartbeat): void {
    const { changes, memories, reports, clock, log } = this.#parts;
    const record = changes.map.nodes.get(name);
    if (incarnation === undefined || record?.lastStart !== incarnation) return;
    const memory = memories.of(name);
    memory.contact = contactAfter(memory.contact, isStoreLost, clock.monotonicMs());
    if (!isStoreLost) return;
    const problem = lostStore(changes.map, name);
    const known = reports.of(name).problem;
    // Why it was refused stays: a store that may have lost entries is not taken over.
    if (known !== null && known.code !== problem.code) return;
    if (reports.setProblem(name, problem)) log.warn({ node: name, ...problem }, problem.message);
  }

  #requireFit(name: string, { incarnation, mapVersion }: Heartbeat): NodeRecord {
    const { changes, memories } = this.#parts;
    const record = changes.map.nodes.get(name);
    if (record === undefined) throw registerAgain(`Storage node ${name} is not registered.`, name);
    const memory = memories.of(name);
    if (incarnation === undefined ? !isPlainNode(record) : memory.incarnation === null) {
      // So that what it has claimed is compared with the map after each start of the gateway.
      throw registerAgain(`Storage node ${name} has not registered with this gateway since its last start.`, name);
    }
    if (incarnation !== undefined && incarnation !== memory.incarnation) {
      throw new ShardgateError("NODE_CONFLICT", `Another process has registered as storage node ${name}.`);
    }
    if (record.isLossAccepted) {
      // Its own start goes on, so that nothing is lost: its registration says so to the registry.
      throw registerAgain(`An operator has accepted that storage node ${name} lost data.`, name);
    }
    if ((mapVersion ?? 0) > changes.map.version)
      throw registerAgain(`Storage node ${name} has a newer cluster map than this gateway.`, name);
    return record;
  }

  /** The node learns its new epochs as soon as they are there; its heartbeat does not wait for them. */
  #renewEpochs(node: string, exhausted: NonNullable<Heartbeat["exhausted"]>): void {
    const { changes, memories, log } = this.#parts;
    const shards = exhausted
      .map(({ shardId: shard, epoch }) => ({ shard, epoch }))
      .filter(({ shard, epoch }) => {
        const record = changes.map.shards[shard];
        return record !== undefined && record.primary === node && record.epoch === epoch;
      });
    const memory = memories.of(node);
    if (shards.length === 0 || memory.isRenewing) return;
    memory.isRenewing = true;
    const failed = (error: unknown): void =>
      log.warn(
        { err: error, node, shards },
        "Shards that need a new epoch got no new epoch; trying again at the storage node's next heartbeat.",
      );
    void changes
      .make({ kind: "renewEpochs", node, shards })
      .catch(failed)
      .finally(() => (memory.isRenewing = false));
  }
}

function registerAgain(message: string, node: string): ShardgateError {
  return new ShardgateError("NODE_NOT_FOUND", `${message} Register again.`, { node });
}
