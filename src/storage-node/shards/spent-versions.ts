/**
 * Finds shards whose versions of an epoch run out, by the versions that writes were given. A sequence must never leave its
 * epoch's range, so the gateway is asked for a new epoch long before. Only the versions that this process gave are seen:
 * of several processes the one that sends heartbeats meets them, too, because all write to one sequence.
 */
import { versionsPerEpoch } from "../../core/limits.js";
import type { Outcome } from "../../core/operation.js";
import type { ShardNumber } from "../../core/shard.js";

/** Versions of an epoch after which its storage node asks for a new one: half are left, a day and a half at 18,000 a second. */
export const versionsBeforeNewEpoch = 2 ** 31;

export interface ShardEpoch {
  readonly shardId: number;
  readonly epoch: number;
}

export class SpentVersions {
  readonly #epochs = new Map<ShardNumber, number>();

  /** To be called with the outcome of every write. */
  note(shard: ShardNumber, outcome: Outcome): void {
    if (outcome.kind !== "written") return;
    const sequence = Number(outcome.facts.version) - 1;
    if (sequence % versionsPerEpoch < versionsBeforeNewEpoch) return;
    this.#epochs.set(shard, Math.floor(sequence / versionsPerEpoch) + 1);
  }

  /** The shards that need a new epoch. `epochOf`: the one that a shard is owned under now, null: not owned. */
  exhausted(epochOf: (shard: ShardNumber) => number | null): readonly ShardEpoch[] {
    for (const [shard, epoch] of this.#epochs) if (epochOf(shard) !== epoch) this.#epochs.delete(shard);
    return [...this.#epochs].map(([shardId, epoch]) => ({ shardId, epoch }));
  }
}
