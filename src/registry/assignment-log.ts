/**
 * The log of earlier assignments: the text of its records, which a registry store keeps beside the map, their
 * compaction, and the history of each shard. The history is for people; no decision depends on it.
 */
import { assignmentHistoryMax } from "../core/limits.js";
import { parseShard, type ShardNumber } from "../core/shard.js";
import type { AssignmentCause, AssignmentChange } from "./cluster-map.js";

/** Changes kept in the registry's log in all: 32 of each shard up to 2,048 shards, four of each with the most. */
export const assignmentLogChangesMax = 65_536;

/** One line for the log; null when nothing changed. */
export function recordOfChanges(changes: readonly AssignmentChange[]): string | null {
  if (changes.length === 0) return null;
  const groups = new Map<string, Group>();
  let last: Group | null = null;
  for (const { shard, epoch, node, atMs, cause } of changes) {
    // Thousands in a row belong to one group; making its key for each took half of the time.
    if (last === null || last[0] !== atMs || last[1] !== cause || last[2] !== node) {
      const key: string = `${atMs} ${cause} ${node ?? ""}`;
      last = groups.get(key) ?? [atMs, cause, node, [], []];
      groups.set(key, last);
    }
    last[3].push(shard);
    last[4].push(epoch);
  }
  return JSON.stringify([...groups.values()]);
}

/** The changes in a record, older ones of a shard before newer ones; none when the record makes no sense. */
export function changesInRecord(record: string): readonly AssignmentChange[] {
  try {
    const groups = JSON.parse(record) as readonly Group[];
    const changes = groups.flatMap(([atMs, cause, node, shards, epochs]) =>
      shards.map((number, index): AssignmentChange => {
        return { shard: parseShard(number), epoch: epochs[index] ?? 0, node, atMs, cause };
      }),
    );
    return changes.toSorted((a, b) => a.epoch - b.epoch);
  } catch {
    return [];
  }
}

/**
 * Shortens a log, given oldest record first, to the newest changes: of each shard, and in all. A record of which nothing is
 * left becomes null.
 */
export function compactedLog(records: readonly string[]): readonly (string | null)[] {
  const counts = new Map<ShardNumber, number>();
  let total = 0;
  const isKept = ({ shard }: AssignmentChange): boolean => {
    const count = counts.get(shard) ?? 0;
    if (count >= assignmentHistoryMax || total >= assignmentLogChangesMax) return false;
    counts.set(shard, count + 1);
    total++;
    return true;
  };
  const newestFirst = records.toReversed().map((record) => {
    const kept = changesInRecord(record).toReversed().filter(isKept);
    return recordOfChanges(kept.toReversed());
  });
  return newestFirst.toReversed();
}

/** The history of every shard, newest change first. */
export class AssignmentHistory {
  readonly #changesMax: number;
  #changes = new Map<number, readonly AssignmentChange[]>();

  constructor(shardCount: number) {
    this.#changesMax = Math.min(assignmentHistoryMax, Math.floor(assignmentLogChangesMax / shardCount));
  }

  of(shard: number): readonly AssignmentChange[] {
    return this.#changes.get(shard) ?? [];
  }

  add(changes: readonly AssignmentChange[]): void {
    for (const change of changes) {
      const history = this.of(change.shard).slice(0, this.#changesMax - 1);
      history.unshift(change);
      this.#changes.set(change.shard, history);
    }
  }

  /** Begins anew with what a store's log has. */
  reset(records: readonly string[]): void {
    this.#changes = new Map();
    for (const record of records) this.add(changesInRecord(record));
  }
}

/** When, why, and to which node (null: none) these shards went, under these epochs. */
type Group = [atMs: number, cause: AssignmentCause, node: string | null, shards: number[], epochs: number[]];
