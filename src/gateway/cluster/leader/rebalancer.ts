/**
 * Gives storage nodes of a shared store their share of its shards by itself, when the operator wants that
 * (registry/rebalance.ts). A node counts once it has been fit to get shards for a while without a break, and answers a
 * probe, so that one that comes and goes gets none; and only some shards go each second.
 */
import type { Clock } from "../../../core/clock.js";
import type { Log } from "../../../core/log.js";
import { planRebalance, type Rebalancing } from "../../../registry/rebalance.js";
import type { NodeCalls } from "../node-calls.js";
import type { MapChanges } from "./map-changes.js";
import type { NodeMemories } from "./node-memories.js";

/** How long a storage node has to be fit to get shards: longer than a process that fails at its start usually lives. */
export const settledAfterMs = 10_000;

/** Of all shards, this part goes at once, so that requests wait for few of them, and all have gone within half a minute. */
export const partAtOnce = 1 / 32;

export interface RebalancerParts {
  readonly changes: Pick<MapChanges, "map" | "make">;
  readonly memories: NodeMemories;
  readonly calls: Pick<NodeCalls, "probe">;
  /** Whether the storage node is fit to get shards. */
  readonly mayTake: (name: string) => boolean;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
  /** Absent: false. */
  readonly isAutoRebalancing?: boolean;
}

export class Rebalancer {
  readonly #parts: RebalancerParts;

  constructor(parts: RebalancerParts) {
    this.#parts = parts;
  }

  /** To be called each second. Never rejects: what fails is planned anew by the next call. */
  async round(): Promise<void> {
    const { changes, calls, isAutoRebalancing = false } = this.#parts;
    if (!isAutoRebalancing) return;
    const settled = this.#settled();
    const takers = new Set(this.#plan(settled).map(({ to }) => to));
    const probes = [...takers].map(async (name) => [name, await calls.probe(name)] as const);
    const silent = (await Promise.all(probes)).filter(([, sign]) => typeof sign === "string").map(([name]) => name);
    const plan = this.#plan(settled.filter((name) => !silent.includes(name)));
    const before = changes.map;
    await Promise.all(plan.map((step) => this.#give(step)));
    if (changes.map !== before) this.#parts.log.info({ mapVersion: changes.map.version }, "Shards were rebalanced.");
  }

  /** Storage nodes of shared stores that have been fit to get shards for long enough. */
  #settled(): readonly string[] {
    const { changes, memories, mayTake, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    const settled: string[] = [];
    for (const { name, isStoreShared } of changes.map.nodes.values()) {
      const memory = memories.of(name);
      memory.fitSinceMs = isStoreShared && mayTake(name) ? (memory.fitSinceMs ?? nowMs) : null;
      if (memory.fitSinceMs !== null && nowMs - memory.fitSinceMs >= settledAfterMs) settled.push(name);
    }
    return settled;
  }

  #plan(settled: readonly string[]): readonly Rebalancing[] {
    const { map } = this.#parts.changes;
    return planRebalance(map, settled, Math.ceil(map.shardCount * partAtOnce));
  }

  async #give({ from, to, shards }: Rebalancing): Promise<void> {
    try {
      await this.#parts.changes.make({ kind: "takeOver", from, shards, to: [to], cause: "automatic" });
    } catch (error) {
      const message = "A storage node did not get its share of the shards of its store; trying again.";
      this.#parts.log.warn({ err: error, from, node: to }, message);
    }
  }
}
