/** How shards change hands: each change raises the shard's epoch and goes into its history. The one place that does so. */
import { ShardgateError } from "../core/error.js";
import { assignmentHistoryMax, epochMax } from "../core/limits.js";
import type { ShardNumber } from "../core/shard.js";
import type { AssignmentCause, ClusterMap, ShardRecord } from "./cluster-map.js";

export interface ShardChange {
  /** The new primary; null: nobody. */
  readonly node: string | null;
  readonly cause: AssignmentCause;
  /** The new epoch is at least this; 0 leaves it to the shard's own count. */
  readonly epochMin: number;
}

/** The next version of `map` with these changes, or `map` itself when there are none. Throws BAD_REQUEST for a huge epoch. */
export function changeShards(
  map: ClusterMap,
  changes: ReadonlyMap<ShardNumber, ShardChange>,
  nowMs: number,
): ClusterMap {
  if (changes.size === 0) return map;
  const shards = map.shards.map((record) => {
    const change = changes.get(record.shard);
    return change === undefined ? record : changedShard(record, change, nowMs);
  });
  return { ...map, version: map.version + 1, shards };
}

function changedShard(record: ShardRecord, { node, cause, epochMin }: ShardChange, nowMs: number): ShardRecord {
  const epoch = Math.max(record.epoch + 1, epochMin);
  if (epoch > epochMax) {
    throw new ShardgateError(
      "BAD_REQUEST",
      `Shard ${record.shard} cannot take epoch ${epoch}; the last is ${epochMax}.`,
    );
  }
  const history = [{ epoch, node, atMs: nowMs, cause }, ...record.history].slice(0, assignmentHistoryMax);
  return { shard: record.shard, epoch, primary: node, history };
}
