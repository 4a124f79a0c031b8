/**
 * Builds one page of a shard's change feed: the changes, the cursor for the next page, or a gap when changes after the
 * reader's cursor have been dropped. The engine supplies the changes in order of version.
 */
import { utf8Bytes } from "../core/key.js";
import { fenceRefusal } from "./claim.js";
import type { Change, ChangesCursor, ChangesOutcome, ChangesRequest } from "./engine.js";
import { damageRefusal } from "./read-operations.js";
import type { ShardHeader } from "./shard-header.js";

/** The feed's record of a key that was deleted or has expired. */
export type Tombstone = Extract<Change, { readonly kind: "deleted" | "expired" }>;

/** One snapshot of a shard. Both methods may throw ENTRY_DAMAGED. */
export interface ChangeSource {
  header(): ShardHeader;
  /** Yields the newest change of every key whose version is above `after`, in order of version. */
  changesAfter(after: number): Iterable<Change>;
}

export function readChanges(source: ChangeSource, request: ChangesRequest): ChangesOutcome {
  try {
    const header = source.header();
    const refusal = fenceRefusal(header, request.shard, request.epoch);
    if (refusal !== null) return refusal;
    const cursor = request.cursor ?? { lineage: header.lineage, after: 0, since: header.sequence };
    const isGap = cursor.lineage !== header.lineage || header.horizon > Math.max(cursor.since, cursor.after);
    return isGap ? { kind: "gap" } : pageOf(source.changesAfter(cursor.after), cursor, request);
  } catch (error) {
    return damageRefusal(error);
  }
}

export function versionOfChange(change: Change): number {
  return Number(change.kind === "put" ? change.entry.version : change.version);
}

function pageOf(all: Iterable<Change>, cursor: ChangesCursor, { limit, bytesMax }: ChangesRequest): ChangesOutcome {
  const changes: Change[] = [];
  let bytes = 0;
  let after = cursor.after;
  for (const change of all) {
    if (changes.length === limit || (bytes > 0 && bytes >= bytesMax)) {
      return { kind: "changes", changes, cursor: { ...cursor, after }, hasMore: true };
    }
    changes.push(change);
    after = versionOfChange(change);
    if (change.kind === "put") bytes += utf8Bytes(change.entry.value);
  }
  return { kind: "changes", changes, cursor: { ...cursor, after }, hasMore: false };
}
