/** What an operator has to know of single storage nodes, as the processes of a cluster pass it on to each other. */
import type { ErrorCode } from "../core/error.js";

/** Why a storage node may not serve its shards. */
export interface NodeProblem {
  readonly code: ErrorCode;
  readonly message: string;
  /** What to do. */
  readonly advice: string;
  /** Those that the cluster map gives to the node, and that cannot be served meanwhile. */
  readonly shards: readonly number[];
  /** Id of the store that the node came with; null: it named none. */
  readonly storeId: string | null;
}

export interface NodeReport {
  /** Null: its last registration was accepted. */
  readonly problem: NodeProblem | null;
  /** Shards of which it has entries that another storage node, the owner since, does not know. */
  readonly staleShards: readonly number[];
}

export type NodeReportRow = readonly [name: string, report: NodeReport];

/** Of all nodes that there is something to say about; also of such that are not in the cluster map. */
export type NodeReportRows = readonly NodeReportRow[];
