/** What this gateway remembers of each storage node beyond the cluster map and its liveness. Lost with the process. */
import type { NodeState } from "../registry/liveness.js";
import type { HostedShard } from "../wire/membership.js";

export interface NodeMemory {
  /** Null when the node never said one. */
  incarnation: string | null;
  /** What it last reported to have; null when it was never asked. */
  held: readonly HostedShard[] | null;
  /** Monotonic; null when it never sent a heartbeat. */
  heartbeatMs: number | null;
  /** The last state that was logged. */
  loggedState: NodeState | null;
}

export class NodeMemories {
  readonly #memories = new Map<string, NodeMemory>();

  /** The memory of a registered node; empty at first. The caller may change it. */
  of(name: string): NodeMemory {
    const known = this.#memories.get(name);
    if (known !== undefined) return known;
    const memory = { incarnation: null, held: null, heartbeatMs: null, loggedState: null };
    this.#memories.set(name, memory);
    return memory;
  }

  /** Drops every node that `isRegistered` does not know any more; returns their names. */
  keepOnly(isRegistered: (name: string) => boolean): readonly string[] {
    const forgotten = [...this.#memories.keys()].filter((name) => !isRegistered(name));
    for (const name of forgotten) this.#memories.delete(name);
    return forgotten;
  }

  /** The highest epoch that any node reported of the shard; 0 when none did. */
  epochReported(shard: number): number {
    const reports = [...this.#memories.values()].flatMap(({ held }) => held ?? []);
    return Math.max(0, ...reports.filter(({ shardId }) => shardId === shard).map(({ epoch }) => epoch ?? 0));
  }
}
