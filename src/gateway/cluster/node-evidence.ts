/**
 * What a gateway's requests for keys show of storage nodes: which of them served one, and which refused a connection. The
 * leader judges by it whether they live, beside their heartbeats and its probes. WorkerEvidence has it of all workers of
 * a gateway.
 */
import type { Clock } from "../../core/clock.js";
import { storageNodesMax } from "../../core/limits.js";
import type { NodePool } from "../../routing/node-pool.js";

/** Shortest pause between two reports that the same storage node refuses connections: many requests may meet that at once. */
export const refusedReportMs = 200;

export interface NodeEvidence {
  /** Milliseconds since each of the storage nodes last served a request for keys; null: it has not, as far as is known. Never rejects. */
  silences(nodes: readonly string[]): Promise<readonly (number | null)[]>;
  /** Storage nodes that have refused a connection since the last call, and answered nothing since. */
  takeRefused(): readonly string[];
  /** Calls `listener` with a storage node that has just refused a connection; returns the function that stops it. */
  onRefused(listener: (node: string) => void): () => void;
}

export type EvidencePool = Pick<NodePool, "lastServedMs" | "takeRefused" | "onRefused">;

/** The evidence of this process's own requests. */
export function evidenceOf(pool: EvidencePool, clock: Pick<Clock, "monotonicMs">): NodeEvidence {
  return {
    async silences(nodes) {
      const nowMs = clock.monotonicMs();
      return nodes.map((node) => {
        const servedMs = pool.lastServedMs(node);
        return servedMs === null ? null : nowMs - servedMs;
      });
    },
    takeRefused: () => pool.takeRefused(),
    onRefused(listener) {
      const reportedMs = new Map<string, number>();
      return pool.onRefused((node) => {
        const nowMs = clock.monotonicMs();
        if (nowMs - (reportedMs.get(node) ?? -Infinity) < refusedReportMs) return;
        if (reportedMs.size >= storageNodesMax) reportedMs.clear();
        reportedMs.set(node, nowMs);
        listener(node);
      });
    },
  };
}

/** The evidence of a process that has no requests for keys. */
export const noEvidence: NodeEvidence = {
  silences: async (nodes) => nodes.map(() => null),
  takeRefused: () => [],
  onRefused: () => () => {},
};
