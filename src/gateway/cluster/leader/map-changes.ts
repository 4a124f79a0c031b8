/**
 * The one way of this process to change the cluster map: a command enters the registry's queue, which makes it durable by
 * compare-and-set, and is done when the reconciler has sent the storage nodes concerned their assignments.
 */
import { ShardgateError } from "../../../core/error.js";
import { registryAttemptsMax } from "../../../core/limits.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { ClusterMap } from "../../../registry/cluster-map.js";
import { EvidenceOutdated, type RegistryCommand } from "../../../registry/commands.js";
import type { Registry } from "../../../registry/registry.js";
import type { Reconciler } from "./reconciler.js";

export interface MapChangesParts {
  readonly registry: Pick<Registry, "map" | "execute">;
  readonly reconciler: Pick<Reconciler, "settled">;
}

export class MapChanges {
  readonly #parts: MapChangesParts;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: MapChangesParts) {
    this.#parts = parts;
  }

  get map(): ClusterMap {
    return this.#parts.registry.map;
  }

  /**
   * Resolves to a map that has the change, once the storage nodes that it concerns have their assignments, or failed to take
   * them. Throws what `Registry.execute` throws.
   */
  make(command: RegistryCommand): Promise<ClusterMap> {
    const change = this.#make(command);
    const settled = change.then(ignore, ignore).finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
    return change;
  }

  /**
   * Has `work` gather evidence and make a change with it, again as long as what the evidence is about changed meanwhile:
   * `shard`, or null for all shards of a storage node. Throws what `work` throws, and EPOCH_CONFLICT when that goes on.
   */
  async makeOnNewest(shard: ShardNumber | null, work: () => Promise<ClusterMap>): Promise<ClusterMap> {
    for (let attempt = 1; attempt <= registryAttemptsMax; attempt++) {
      const { map } = this;
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof EvidenceOutdated || this.#isOvertaken(error, shard, map))) throw error;
      }
    }
    const what = shard === null ? "The storage node's shards" : `Shard ${shard}`;
    throw new ShardgateError(
      "EPOCH_CONFLICT",
      `${what} changed during each of ${registryAttemptsMax} attempts. Try again.`,
    );
  }

  /** Resolves when no change is in progress. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #make(command: RegistryCommand): Promise<ClusterMap> {
    const { registry, reconciler } = this.#parts;
    const after = await registry.execute(command);
    await reconciler.settled(after);
    return after;
  }

  /** EPOCH_CONFLICT for a caller that named no epoch: the epoch has changed since the evidence was gathered. */
  #isOvertaken(error: unknown, shard: ShardNumber | null, before: ClusterMap): boolean {
    if (shard === null || !(error instanceof ShardgateError) || error.code !== "EPOCH_CONFLICT") return false;
    return this.map.shards[shard]?.epoch !== before.shards[shard]?.epoch;
  }
}

function ignore(): void {}
