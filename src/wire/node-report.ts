/** Facts about single storage nodes for operators, as the processes of a cluster exchange them. */
import type { ErrorCode } from "../core/error.js";

/** Why a storage node may not serve its shards, or cannot. */
export interface NodeProblem {
  readonly code: ErrorCode;
  readonly message: string;
  /** What to do. */
  readonly advice: string;
  /** The shards that the cluster map assigns to the node, and that cannot be served meanwhile. */
  readonly shards: readonly number[];
  /** Id of the store in the node's registration; null: the registration names none. */
  readonly storeId: string | null;
}

export interface NodeReport {
  /** Null: its last registration was accepted, and it reaches its store. */
  readonly problem: NodeProblem | null;
  /** Shards of which the node has entries that the present owner, another storage node, does not have. */
  readonly staleShards: readonly number[];
}

export type NodeReportRow = readonly [name: string, report: NodeReport];

/** The reports of all nodes with something to report, including nodes that are not in the cluster map. */
export type NodeReportRows = readonly NodeReportRow[];
