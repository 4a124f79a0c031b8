/**
 * Has the shards of a storage node taken over by other nodes of its shared store: when it is DOWN, is about to stop, is
 * drained by an operator, has started with another store, or cannot reach its store. Decides from whom and to whom; registry/commands/takeover.ts
 * deals the shards out. A storage node that is merely SUSPECT keeps its shards, and gets none.
 */
import type { Clock } from "../../../core/clock.js";
import { silentAfterMs } from "../../../core/limits.js";
import type { Log } from "../../../core/log.js";
import type { ShardNumber } from "../../../core/shard.js";
import { SharedRun } from "../../../core/tasks/shared-run.js";
import type { NodeRecord } from "../../../registry/cluster-map.js";
import type { NodeState } from "../../../registry/liveness.js";
import { ownedShards } from "../../../routing/owned-shards.js";
import type { NodeReports } from "../node-reports.js";
import { isCutOff, isInContact } from "../store-contact.js";
import type { MapChanges } from "./map-changes.js";
import type { NodeMemories } from "./node-memories.js";

export interface TakeoversParts {
  readonly changes: Pick<MapChanges, "map" | "make">;
  readonly memories: NodeMemories;
  readonly reports: Pick<NodeReports, "of">;
  readonly nodeState: (name: string) => NodeState;
  /** Whether the storage node was seen lately and has no problem. */
  readonly isLive: (name: string) => boolean;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
}

/** Why a storage node is to own no shards. */
type Reason = "down" | "leaving" | "draining" | "another store" | "cut off from its store";

export class Takeovers {
  readonly #parts: TakeoversParts;
  readonly #rounds = new SharedRun(() => this.#round());

  constructor(parts: TakeoversParts) {
    this.#parts = parts;
  }

  /** Takes over what is due now. Never rejects: what fails is tried again by the next call. */
  next(): Promise<void> {
    return this.#rounds.next();
  }

  /** Resolves when no shards are being taken over. */
  idle(): Promise<void> {
    return this.#rounds.idle();
  }

  /** See ClusterCommands.drain. */
  async drain(name: string, isUndone: boolean): Promise<readonly ShardNumber[]> {
    const { changes, log } = this.#parts;
    const liveNodes = [...changes.map.nodes.keys()].filter((other) => this.mayTake(other));
    await changes.make({ kind: "drainNode", name, isUndone, liveNodes });
    log.info(
      { node: name },
      isUndone ? "The draining of a storage node has ended." : "A storage node is being drained.",
    );
    if (!isUndone) await this.next();
    return ownedShards(changes.map, name).map(({ shard }) => shard);
  }

  /** Whether the storage node is fit to get shards: UP, without a problem, not about to stop, and in touch with its store. */
  mayTake(name: string): boolean {
    const { nodeState, isLive, memories, clock } = this.#parts;
    const { isLeaving, contact } = memories.of(name);
    const isFit = !isLeaving && isInContact(contact, clock.monotonicMs());
    return isFit && nodeState(name) === "UP" && isLive(name);
  }

  async #round(): Promise<void> {
    const { map } = this.#parts.changes;
    const sharing = [...map.nodes.values()].filter(({ isStoreShared }) => isStoreShared);
    if (sharing.length === 0 || map.putBack !== null) return;
    const lossy = new Set(sharing.filter((record) => this.#isOlderCopy(record)).map(({ storeId }) => storeId));
    let takers: readonly string[] | null = null;
    const takeovers: Promise<void>[] = [];
    for (const record of sharing) {
      // The store itself may have lost entries: no other node may serve them before an operator accepts that.
      if (lossy.has(record.storeId)) continue;
      const reason = this.#reasonFor(record);
      if (reason === null || ownedShards(map, record.name).length === 0) continue;
      takers ??= sharing.filter(({ name }) => this.mayTake(name)).map(({ name }) => name);
      const to = reason === "cut off from its store" ? takers.filter((name) => this.#isHeard(name)) : takers;
      // A registry in the same database would only refuse it again and again.
      if (to.length > 0) takeovers.push(this.#takeOver(record.name, to, reason));
    }
    await Promise.all(takeovers);
  }

  #reasonFor(record: NodeRecord): Reason | null {
    const { nodeState, memories, reports, clock } = this.#parts;
    const { name, storeId, isDraining } = record;
    if (nodeState(name) === "DOWN") return "down";
    if (memories.of(name).isLeaving) return "leaving";
    if (isDraining) return "draining";
    const { problem } = reports.of(name);
    const isOtherStore = problem?.code === "STORE_NOT_RECOGNIZED" && problem.storeId !== storeId;
    if (isOtherStore) return "another store";
    return isCutOff(memories.of(name).contact, clock.monotonicMs()) ? "cut off from its store" : null;
  }

  /** One whose heartbeats are held up may be cut off from the store, too, and not have said so. */
  #isHeard(name: string): boolean {
    const { memories, clock } = this.#parts;
    const { heartbeatMs } = memories.of(name);
    return heartbeatMs !== null && clock.monotonicMs() - heartbeatMs <= silentAfterMs;
  }

  /** The storage node was refused because the store lacks its last start. */
  #isOlderCopy({ name, storeId }: NodeRecord): boolean {
    const { problem } = this.#parts.reports.of(name);
    return problem?.code === "STORE_NOT_RECOGNIZED" && problem.storeId === storeId;
  }

  async #takeOver(from: string, to: readonly string[], reason: Reason): Promise<void> {
    const { changes, log } = this.#parts;
    const shards = ownedShards(changes.map, from);
    const cause = reason === "draining" ? "operator" : "automatic";
    try {
      const { version: mapVersion, shards: after } = await changes.make({ kind: "takeOver", from, shards, to, cause });
      const taken = shards.filter(({ shard }) => after[shard]?.primary !== from).map(({ shard }) => shard);
      if (taken.length === 0) return;
      log.warn({ node: from, reason, shards: taken, mapVersion }, "Shards were taken over from a storage node.");
    } catch (error) {
      const message = "The shards of a storage node could not be taken over by others of its store; trying again.";
      log.warn({ err: error, node: from, reason }, message);
    }
  }
}
