/**
 * One immutable version of the registry's content: which storage nodes there are, and which of them owns each shard.
 * Changes are made by `applyCommand` only. What a storage node's silence means is not here but in liveness.ts: it
 * changes every second and is the belief of one gateway.
 */
import type { ShardNumber } from "../core/shard.js";

export interface ClusterMap {
  /** 1 for a new cluster; one more with every change. */
  readonly version: number;
  /** Drawn at random when the cluster is created; storage nodes keep it beside their data. */
  readonly clusterId: string;
  readonly clusterName: string;
  /** Fixed at creation. */
  readonly shardCount: number;
  /** Fixed at creation: `hashName` of core/shard.ts. */
  readonly hash: string;
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  /** Indexed by shard number; always `shardCount` long. */
  readonly shards: readonly ShardRecord[];
}

export interface NodeRecord {
  readonly name: string;
  /** Origin (scheme, host, port) and optional base path, without a trailing slash. */
  readonly url: string;
  readonly registeredAtMs: number;
}

export interface ShardRecord {
  readonly shard: ShardNumber;
  /** 0 before the first assignment; grows with every change. */
  readonly epoch: number;
  /** Name of the storage node that takes the writes; null while unassigned. */
  readonly primary: string | null;
  /** Newest first, at most `assignmentHistoryMax`. */
  readonly history: readonly AssignmentChange[];
}

export interface AssignmentChange {
  readonly epoch: number;
  /** Who owns the shard from then on; null: nobody. */
  readonly node: string | null;
  readonly atMs: number;
  readonly cause: AssignmentCause;
}

/** Why an assignment changed: a person asked, the gateway spread unassigned shards, or a node came with data or without. */
export type AssignmentCause = "operator" | "automatic" | "registration";
