/**
 * Gives shards to storage nodes: on request, and shards without an owner automatically. Gathers the evidence for the
 * registry's pure commands (which nodes live and which have data), bound to the owner and epoch that it was gathered
 * about; when those have changed by the time a command is applied, it is gathered anew (MapChanges.makeOnNewest).
 */
import { ShardgateError } from "../../../core/error.js";
import type { Log } from "../../../core/log.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { ClusterMap, ShardRecord } from "../../../registry/cluster-map.js";
import { areOfOneStore, type OwnedShardEvidence } from "../../../registry/commands.js";
import type { NodeState } from "../../../registry/liveness.js";
import type { HeldShard } from "../../../registry/unassigned-shards.js";
import { ownedShards } from "../../../routing/owned-shards.js";
import type { AssignRequest } from "../cluster-commands.js";
import type { NodeCalls } from "../node-calls.js";
import type { MapChanges } from "./map-changes.js";
import type { NodeMemories } from "./node-memories.js";
import type { ShardMover } from "./shard-mover.js";
import { SharedRun } from "../../../core/tasks/shared-run.js";

export interface ShardAssignerParts {
  readonly changes: Pick<MapChanges, "map" | "make" | "makeOnNewest">;
  readonly mover: Pick<ShardMover, "move">;
  readonly nodeState: (name: string) => NodeState;
  /** Whether the storage node was seen lately and has no problem. */
  readonly isLive: (name: string) => boolean;
  /** Whether the storage node is fit to get shards. */
  readonly mayTake: (name: string) => boolean;
  readonly calls: Pick<NodeCalls, "shards">;
  readonly memories: NodeMemories;
  readonly log: Log;
  readonly nodesMin: number;
  readonly isAutoAssigning: boolean;
}

export class ShardAssigner {
  readonly #parts: ShardAssignerParts;
  readonly #spreading = new SharedRun(() => this.#spread());
  /** Nodes that have just reported their shards, and wait for the next assignment of shards. */
  #reporters = new Set<string>();

  constructor(parts: ShardAssignerParts) {
    this.#parts = parts;
  }

  /** See ClusterCommands.assign. */
  async assign(request: AssignRequest): Promise<ShardRecord> {
    const { shard } = request;
    if (!request.isPrimary) {
      throw new ShardgateError("NOT_SUPPORTED", "Replicas are not supported yet; assign a primary.", { shard });
    }
    const map = await this.#parts.changes.makeOnNewest(shard, () => this.#assignOnce(request));
    const record = map.shards[shard];
    if (record === undefined) throw new Error(`Shard ${shard} was assigned and is not in the cluster map.`);
    return record;
  }

  /** See ClusterCommands.remove. */
  async remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    const { changes, nodeState, log } = this.#parts;
    let owned: readonly ShardNumber[] = [];
    await changes.makeOnNewest(null, async () => {
      const records = ownedShards(changes.map, name);
      owned = records.map(({ shard }) => shard);
      const evidence = isForced ? [] : await this.#evidenceOf(name, records);
      const isLive = nodeState(name) !== "DOWN";
      return changes.make({ kind: "removeNode", name, isForced, evidence, isLive });
    });
    log.info({ node: name, shards: owned }, "A storage node was removed.");
    return owned;
  }

  /**
   * Gives every shard without an owner to a live node, once enough of them live. `reporter` has just said what it holds.
   * Nodes that come at the same moment share one round.
   */
  assignUnassigned(reporter: string | null): Promise<void> {
    if (reporter !== null) this.#reporters.add(reporter);
    return this.#spreading.next();
  }

  /** Resolves when no shards are being assigned. */
  idle(): Promise<void> {
    return this.#spreading.idle();
  }

  #assignOnce({ shard, node, ifEpoch, isForced }: AssignRequest): Promise<ClusterMap> {
    const { changes, mover } = this.#parts;
    const record = changes.map.shards[shard];
    const owner = record?.primary ?? null;
    if (record !== undefined && owner !== null && owner !== node && !isForced) {
      refuseOtherEpoch(record, ifEpoch);
      if (areOfOneStore(changes.map, owner, node)) this.#requireTaker(shard, node);
      else return mover.move({ record: { ...record, primary: owner }, target: node });
    }
    if (owner === null && !isForced) this.#refuseToHide(shard, node);
    return changes.make({ kind: "assign", shard, node, ifEpoch, isForced, cause: "operator" });
  }

  /** The owner gives the shard up at once, so the other one has to be there. */
  #requireTaker(shard: ShardNumber, node: string): void {
    if (this.#parts.mayTake(node)) return;
    const message = `Storage node ${node} is not up or has a problem, so shard ${shard} stays where it is.`;
    throw new ShardgateError("SHARD_UNAVAILABLE", message, { shard, node });
  }

  /** A shard without an owner may have data on another storage node, which clients would not see. */
  #refuseToHide(shard: ShardNumber, target: string): void {
    for (const name of this.#parts.changes.map.nodes.keys()) {
      const row = this.#parts.memories.of(name).held?.find(({ shardId }) => shardId === shard);
      if (name === target || row === undefined || row.keyCount === 0) continue;
      if (areOfOneStore(this.#parts.changes.map, name, target)) continue;
      const message = `Storage node ${name} has ${row.keyCount} entries of shard ${shard}, which clients would not see.`;
      throw new ShardgateError("ASSIGNMENT_WOULD_HIDE_DATA", message, { shard, node: name });
    }
  }

  /** What the node says of each of its shards; null where it does not, or not of the epoch that the map has. */
  async #evidenceOf(name: string, records: readonly ShardRecord[]): Promise<readonly OwnedShardEvidence[]> {
    const { calls, isLive } = this.#parts;
    const rows = records.length > 0 && isLive(name) ? await calls.shards(name) : "silent";
    const byShard = new Map(typeof rows === "string" ? [] : rows.map((row) => [row.shardId, row]));
    return records.map(({ shard, primary, epoch }) => {
      const row = byShard.get(shard);
      return { shard, primary, epoch, keyCount: row?.epoch === epoch ? row.keyCount : null };
    });
  }

  async #spread(): Promise<void> {
    const reporters = this.#reporters;
    this.#reporters = new Set();
    const { changes, mayTake, memories, log } = this.#parts;
    const { map } = changes;
    if (!this.#parts.isAutoAssigning || map.putBack !== null) return;
    if (map.shards.every(({ primary }) => primary !== null)) return;
    // Epochs do not show it: a store that claimed for itself before it joined has raised some already.
    const isFirst = map.shards.every(({ primary }) => primary === null);
    const needed = isFirst ? Math.max(1, this.#parts.nodesMin) : 1;
    // Each registration comes here: until there are enough, they need not be looked at one by one.
    if (map.nodes.size < needed) return;
    const up = [...map.nodes.keys()].filter((name) => mayTake(name));
    if (up.length < needed) return;
    await Promise.all(up.map((name) => this.#learnHeld(name, reporters)));
    const liveNodes: string[] = [];
    const held: HeldShard[] = [];
    for (const node of up) {
      const hosted = memories.of(node).held;
      if (hosted === null) continue;
      liveNodes.push(node);
      for (const { shardId: shard, epoch, releasedEpoch = 0, keyCount } of hosted) {
        held.push({ shard, node, epoch, releasedEpoch, keyCount });
      }
    }
    if (liveNodes.length < needed) return;
    const after = await changes.make({ kind: "assignUnassigned", liveNodes, held });
    if (after !== map) log.info({ mapVersion: after.version, liveNodes }, "Unassigned shards were assigned.");
  }

  /** A plain node cannot report its shards. Without an answer, the last report counts. */
  async #learnHeld(name: string, reporters: ReadonlySet<string>): Promise<void> {
    const memory = this.#parts.memories.of(name);
    if (reporters.has(name) && memory.held !== null) return;
    const hosted = await this.#parts.calls.shards(name);
    if (hosted !== "silent") memory.held = hosted === "plain" ? [] : hosted;
  }
}

function refuseOtherEpoch({ shard, epoch }: ShardRecord, ifEpoch: number | null): void {
  if (ifEpoch === null || ifEpoch === epoch) return;
  throw new ShardgateError("EPOCH_CONFLICT", `Shard ${shard} is at epoch ${epoch}, not ${ifEpoch}.`, { shard, epoch });
}
