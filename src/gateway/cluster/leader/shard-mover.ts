/**
 * Gives a shard without entries from its owner to another storage node, so that nothing is lost if it turns out not to be
 * empty: the map says that the shard is moving, the owner seals it, both say what they have of it, and only then does one
 * change of the map that is bound to all of this give it away. Whatever fails on the way cancels the move.
 */
import type { Clock } from "../../../core/clock.js";
import { ShardgateError } from "../../../core/error.js";
import type { Log } from "../../../core/log.js";
import type { ClusterMap, ShardRecord } from "../../../registry/cluster-map.js";
import { refuseWhilePutBack, requireNode } from "../../../registry/commands/map-records.js";
import type { HostedShard } from "../../../wire/membership.js";
import type { MapChanges } from "./map-changes.js";
import type { NodeCalls } from "../node-calls.js";

/** How long a storage node may take to seal a shard that is assigned to another one, before that is given up. */
export const moveTimeoutMs = 5_000;

/** Pause between two checks whether the shard is sealed. */
const movePollMs = 50;

export interface ShardMoverParts {
  readonly changes: Pick<MapChanges, "map" | "make">;
  readonly calls: Pick<NodeCalls, "shards">;
  /** Whether the storage node is likely to answer: it was seen and has no problem. */
  readonly isLive: (name: string) => boolean;
  readonly newId: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** A shard of this owner, which is to go to `target`. */
export interface WantedMove {
  readonly record: ShardRecord & { readonly primary: string };
  readonly target: string;
}

export class ShardMover {
  readonly #parts: ShardMoverParts;
  /** Ids of the moves that this process makes. */
  readonly #own = new Set<string>();
  #isStopped = false;
  /** Ends the pauses in progress. */
  readonly #wakes = new Set<() => void>();

  constructor(parts: ShardMoverParts) {
    this.#parts = parts;
  }

  /**
   * Resolves to a map in which the target owns the shard. Throws NODE_NOT_FOUND for an unknown target,
   * ASSIGNMENT_WOULD_HIDE_DATA when the owner has entries or does not say, NOT_SUPPORTED when one of the two is a plain
   * node, SHARD_UNAVAILABLE when the target does not answer, EvidenceOutdated when the owner changed meanwhile,
   * REGISTRY_PUT_BACK, EPOCH_CONFLICT when the shard moves already, and registry faults.
   */
  async move(wanted: WantedMove): Promise<ClusterMap> {
    const { changes, newId } = this.#parts;
    const { record, target } = wanted;
    refuseWhilePutBack(changes.map);
    requireNode(changes.map, target);
    // Checked first, so that no shard is sealed for a move that will be refused.
    const { keyCount } = await this.#askOwner(wanted);
    if (keyCount > 0)
      throw wouldHide(
        record,
        `has ${keyCount} entries on storage node ${record.primary}, which clients would no longer see`,
      );
    await this.#askTarget(wanted);
    const moveId = newId();
    this.#own.add(moveId);
    try {
      const { shard, epoch } = record;
      await changes.make({ kind: "beginMove", shard, node: target, ifEpoch: epoch, moveId });
      const sealed = await this.#untilSealed(wanted, moveId);
      const atTarget = await this.#askTarget(wanted);
      const source = { ...record, keyCount: sealed.keyCount, sealedFor: moveId };
      return await changes.make({ kind: "completeMove", moveId, source, target: { keyCount: atTarget.keyCount } });
    } catch (error) {
      await this.#cancel(moveId);
      throw error;
    } finally {
      this.#own.delete(moveId);
    }
  }

  /** Cancels the moves in the map that another gateway began and did not finish. */
  async cancelOthers(): Promise<void> {
    for (const { move } of this.#parts.changes.map.shards) {
      if (move !== null && !this.#own.has(move.id)) await this.#cancel(move.id);
    }
  }

  /** Moves in progress are cancelled soon. */
  stop(): void {
    this.#isStopped = true;
    for (const wake of this.#wakes) wake();
  }

  /** What fails here is tried again by `cancelOthers`. */
  async #cancel(moveId: string): Promise<void> {
    try {
      await this.#parts.changes.make({ kind: "cancelMove", moveId });
    } catch (error) {
      this.#parts.log.warn({ err: error, moveId }, "The move of a shard could not be cancelled; trying again.");
    }
  }

  /** What the owner says of the shard. One that cannot say, or does not list it, counts as having entries. */
  async #askOwner({ record }: WantedMove): Promise<HostedShard> {
    const { primary } = record;
    const row = this.#parts.isLive(primary) ? await this.#rowOf(primary, record) : "silent";
    if (row === "plain") throw plainRefusal(record, primary);
    if (typeof row === "object") return row;
    const why = row === "silent" ? "cannot be reached now" : "does not list it";
    throw wouldHide(record, `may have entries on storage node ${primary}, which ${why}`);
  }

  async #askTarget({ record, target }: WantedMove): Promise<HostedShard> {
    const row = this.#parts.isLive(target) ? await this.#rowOf(target, record) : "silent";
    if (row === "plain") throw plainRefusal(record, target);
    // The target may never have had anything of it.
    if (row === "unlisted") return { shardId: record.shard, epoch: null, keyCount: 0, sizeBytes: 0 };
    if (row !== "silent") return row;
    const message = `Storage node ${target} did not report whether it has entries of shard ${record.shard}; the shard stays where it is.`;
    throw new ShardgateError("SHARD_UNAVAILABLE", message, { shard: record.shard, node: target });
  }

  /** Asks the owner again and again, until it lists the shard under the map's epoch and sealed for this move. */
  async #untilSealed(wanted: WantedMove, moveId: string): Promise<HostedShard> {
    const { clock } = this.#parts;
    const { record } = wanted;
    const deadlineMs = clock.monotonicMs() + moveTimeoutMs;
    for (;;) {
      const row = await this.#rowOf(record.primary, record);
      if (typeof row === "object" && row.epoch === record.epoch && row.sealedFor === moveId) return row;
      if (this.#isStopped || clock.monotonicMs() >= deadlineMs) {
        throw wouldHide(record, `could not be sealed on storage node ${record.primary} in ${moveTimeoutMs} ms`);
      }
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#wakes.delete(wake);
        resolve();
      };
      const cancel = this.#parts.clock.after(movePollMs, wake);
      this.#wakes.add(wake);
    });
  }

  async #rowOf(node: string, { shard }: ShardRecord): Promise<HostedShard | "unlisted" | "plain" | "silent"> {
    const rows = await this.#parts.calls.shards(node);
    if (typeof rows === "string") return rows;
    return rows.find(({ shardId }) => shardId === shard) ?? "unlisted";
  }
}

function wouldHide({ shard, primary }: ShardRecord, what: string): ShardgateError {
  const message = `Shard ${shard} ${what}. It stays where it is.`;
  return new ShardgateError("ASSIGNMENT_WOULD_HIDE_DATA", message, { shard, node: primary });
}

function plainRefusal({ shard }: ShardRecord, node: string): ShardgateError {
  const message =
    `Storage node ${node} is a plain storage node and cannot report whether it has entries of shard ${shard}. ` +
    "Move them with export and import, or assign the shard by force.";
  return new ShardgateError("NOT_SUPPORTED", message, { shard, node });
}
