/**
 * How shards change hands: each change raises the shard's epoch, ends its move, and is handed out for the log. The one
 * place that does so.
 */
import { ShardgateError } from "../../core/error.js";
import { epochMax } from "../../core/limits.js";
import type { ShardNumber } from "../../core/shard.js";
import type { AssignmentCause, AssignmentChange, ClusterMap, ShardRecord } from "../cluster-map.js";

/** The result of a command: the next map, and the changes of assignments that go into the log. */
export interface Changed {
  readonly map: ClusterMap;
  readonly changes: readonly AssignmentChange[];
}

export interface ShardChange {
  /** The new primary, possibly the one it has; null: none. */
  readonly node: string | null;
  readonly cause: AssignmentCause;
  /** The new epoch is at least this; absent: the next one. */
  readonly epochMin?: number;
  /** Data may have been lost or hidden, so that versions of before and after do not compare. */
  readonly isNewLineage?: boolean;
}

export function unchanged(map: ClusterMap): Changed {
  return { map, changes: [] };
}

/** The next version of `map` with these changes, or `map` itself when there are none. Throws BAD_REQUEST for a huge epoch. */
export function changeShards(map: ClusterMap, changes: ReadonlyMap<ShardNumber, ShardChange>, nowMs: number): Changed {
  if (changes.size === 0) return unchanged(map);
  const shards = [...map.shards];
  const logged: AssignmentChange[] = [];
  for (const [shard, change] of changes) {
    const record = changedShard(requireRecord(map, shard), change);
    shards[shard] = record;
    logged.push({ shard, epoch: record.epoch, node: record.primary, atMs: nowMs, cause: change.cause });
  }
  const isRecovered = map.isRecovered && shards.some(({ primary }) => primary === null);
  return { map: { ...map, version: map.version + 1, shards, isRecovered }, changes: logged };
}

/** The record of a shard that the map must have. */
export function requireRecord(map: ClusterMap, shard: ShardNumber): ShardRecord {
  const record = map.shards[shard];
  if (record === undefined) throw new Error(`The cluster map has no record of shard ${shard}.`);
  return record;
}

function changedShard(record: ShardRecord, change: ShardChange): ShardRecord {
  const { shard, lineage } = record;
  const epoch = Math.max(record.epoch + 1, change.epochMin ?? 0);
  if (epoch > epochMax) {
    throw new ShardgateError("BAD_REQUEST", `Shard ${shard} cannot take epoch ${epoch}; the last is ${epochMax}.`);
  }
  return { shard, epoch, primary: change.node, lineage: change.isNewLineage ? lineage + 1 : lineage, move: null };
}
