/** Summarizes the cluster in a few figures and one sentence. */
import type { ShardState } from "../../core/shard.js";
import type { ClusterState } from "./cluster-state.js";

export interface Summary {
  readonly level: "healthy" | "degraded" | "failing" | "empty";
  /** One sentence for people. */
  readonly text: string;
  readonly shards: Readonly<Record<ShardState, number>>;
  readonly nodesUp: number;
  /** The sum over the storage nodes that report it; null when none does. */
  readonly keys: number | null;
  readonly bytes: number | null;
  /** Whether a storage node did not report, so that keys and bytes are lower bounds. */
  readonly isPartial: boolean;
}

export function summaryOf({ nodes, shards }: ClusterState): Summary {
  const counts = { ACTIVE: 0, UNAVAILABLE: 0, UNASSIGNED: 0 };
  for (const { state } of shards) counts[state]++;
  const owners = nodes.filter(({ shards: owned }) => owned > 0);
  return {
    ...judge(counts, nodes),
    shards: counts,
    nodesUp: nodes.filter(({ state }) => state === "UP").length,
    keys: total(owners.map(({ keys }) => keys)),
    bytes: total(owners.map(({ bytes }) => bytes)),
    isPartial: owners.some(({ keys }) => keys === null),
  };
}

function judge(
  { UNAVAILABLE, UNASSIGNED }: Summary["shards"],
  nodes: ClusterState["nodes"],
): Pick<Summary, "level" | "text"> {
  if (nodes.length === 0) return { level: "empty", text: "No storage node has registered yet." };
  if (UNAVAILABLE + UNASSIGNED > 0) {
    const parts = [
      ...(UNAVAILABLE > 0 ? [`${count(UNAVAILABLE, "shard")} unavailable`] : []),
      ...(UNASSIGNED > 0 ? [`${count(UNASSIGNED, "shard")} without a storage node`] : []),
    ];
    return { level: "failing", text: `${parts.join(", ")}.` };
  }
  const troubled = nodes.filter(({ problem }) => problem !== null);
  if (troubled.length > 0) {
    const text = `Every shard is served; ${count(troubled.length, "storage node")} with a problem.`;
    return { level: "degraded", text };
  }
  const silent = nodes.filter(({ state }) => state !== "UP");
  if (silent.length > 0) {
    return { level: "degraded", text: `Every shard is served; ${count(silent.length, "storage node")} not up.` };
  }
  return { level: "healthy", text: "Every shard has a live primary." };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function total(figures: readonly (number | null)[]): number | null {
  const told = figures.filter((figure) => figure !== null);
  return told.length === 0 ? null : told.reduce((sum, figure) => sum + figure, 0);
}
