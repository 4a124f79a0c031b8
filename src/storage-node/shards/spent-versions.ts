/**
 * Finds shards whose epoch is running out of versions, by the versions that writes were given. A sequence must never
 * leave its epoch's range, so the gateway is asked for a new epoch long before. Each process sees only the versions of
 * its own writes; that suffices, because all processes share one sequence per shard, so the process that sends
 * heartbeats sees high versions too.
 */
import { versionsPerEpoch } from "../../core/limits.js";
import type { Outcome } from "../../core/operation.js";
import type { ShardNumber } from "../../core/shard.js";
import type { ShardClaim } from "../../storage/engine.js";

/**
 * Versions of an epoch after which its storage node asks for a new one: half are left, which last a day and a half at
 * 18,000 a second.
 */
export const versionsBeforeNewEpoch = 2 ** 31;

export interface ShardEpoch {
  readonly shardId: number;
  readonly epoch: number;
}

export class SpentVersions {
  readonly #epochs = new Map<ShardNumber, number>();

  /** Call with the outcome of every write. */
  note(shard: ShardNumber, outcome: Outcome): void {
    if (outcome.kind !== "written") return;
    const sequence = Number(outcome.facts.version) - 1;
    if (sequence % versionsPerEpoch < versionsBeforeNewEpoch) return;
    this.#epochs.set(shard, Math.floor(sequence / versionsPerEpoch) + 1);
  }

  /**
   * The shards that need a new epoch, each once. `outdated`: claims that need one for another reason. `epochOf`: the epoch
   * under which a shard is owned now; null if it is not owned.
   */
  exhausted(outdated: readonly ShardClaim[], epochOf: (shard: ShardNumber) => number | null): readonly ShardEpoch[] {
    for (const [shard, epoch] of this.#epochs) if (epochOf(shard) !== epoch) this.#epochs.delete(shard);
    const all = new Map([...this.#epochs, ...outdated.map(({ shard, epoch }) => [shard, epoch] as const)]);
    return [...all].map(([shardId, epoch]) => ({ shardId, epoch }));
  }
}
