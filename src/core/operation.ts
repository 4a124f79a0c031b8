/**
 * The operations on one shard and their outcomes, as plain data. The same two unions are used from the gateway's router
 * over the network to the engine, so that nothing is translated twice and a later log can record them.
 */
import type { JsonEntry, EntryFacts } from "./entry.js";
import { unreachable, type ErrorCode } from "./error.js";
import type { JsonText } from "./text/json-text.js";
import type { Key } from "./key.js";
import type { ShardNumber } from "./shard.js";
import type { Version } from "./version.js";

/** The condition under which a write happens. */
export type OperationCondition =
  | { readonly kind: "ifVersion"; readonly version: Version }
  | { readonly kind: "ifAbsent" }
  | { readonly kind: "ifPresent" };

/** When an entry expires: seconds from now by the storage node's clock, or a moment (milliseconds since 1970). */
export type OperationExpiry =
  { readonly kind: "ttl"; readonly seconds: number } | { readonly kind: "at"; readonly atMs: number };

export interface GetOperation {
  readonly kind: "get";
  readonly shard: ShardNumber;
  readonly key: Key;
}

export interface PutOperation {
  readonly kind: "put";
  readonly shard: ShardNumber;
  readonly key: Key;
  readonly value: JsonText;
  readonly expiry: OperationExpiry | null;
  readonly condition: OperationCondition | null;
}

export interface DeleteOperation {
  readonly kind: "delete";
  readonly shard: ShardNumber;
  readonly key: Key;
  readonly condition: OperationCondition | null;
}

/** A page of one shard: keys that start with `prefix`, strictly between `after` and `before`, in bytewise order. */
export interface ScanOperation {
  readonly kind: "scan";
  readonly shard: ShardNumber;
  readonly prefix: string;
  readonly after: string | null;
  readonly before: string | null;
  /** 1 to `pageEntriesMax`. */
  readonly limit: number;
  /** The page ends with `hasMore` once its values have this many bytes; the first entry always fits. */
  readonly bytesMax: number;
  /** Whether the scan starts at the last key and lists entries in descending order. */
  readonly isReverse: boolean;
}

export type WriteOperation = PutOperation | DeleteOperation;
export type Operation = GetOperation | ScanOperation | WriteOperation;

/**
 * An operation as the gateway sends it, with the epoch of the shard's assignment in the gateway's cluster map; null
 * sends no epoch.
 */
export interface RoutedOperation {
  readonly operation: Operation;
  readonly epoch: number | null;
}

export interface FoundOutcome {
  readonly kind: "found";
  readonly entry: JsonEntry;
}
/** Outcome of a get or a delete: there is no entry with the key. */
export interface NotFoundOutcome {
  readonly kind: "notFound";
}
/** Outcome of a put. */
export interface WrittenOutcome {
  readonly kind: "written";
  readonly isNew: boolean;
  readonly facts: EntryFacts;
}
/** Outcome of a delete, with the version that was deleted. */
export interface DeletedOutcome {
  readonly kind: "deleted";
  readonly version: Version | null;
}
/** The write's condition did not hold. `current` is the current entry; null when the key does not exist. */
export interface ConflictOutcome {
  readonly kind: "conflict";
  readonly current: JsonEntry | null;
}
/** Outcome of a scan. `hasMore`: there are further keys in the scan's direction. */
export interface PageOutcome {
  readonly kind: "page";
  readonly entries: readonly JsonEntry[];
  readonly hasMore: boolean;
}
/**
 * The operation was certainly not executed, except with OUTCOME_UNKNOWN. `epoch`: the storage node's own epoch, with
 * STALE_EPOCH.
 */
export interface RefusedOutcome {
  readonly kind: "refused";
  readonly code: ErrorCode;
  readonly message: string;
  readonly epoch?: number | null;
}

export type GetOperationOutcome = FoundOutcome | NotFoundOutcome;
export type WriteOutcome = WrittenOutcome | DeletedOutcome | NotFoundOutcome | ConflictOutcome;
export type Outcome = GetOperationOutcome | WriteOutcome | PageOutcome | RefusedOutcome;

/** Whether a write with this condition may happen. `current` is the live entry of its key. */
export function conditionHolds(condition: OperationCondition | null, current: JsonEntry | null): boolean {
  if (condition === null) return true;
  switch (condition.kind) {
    case "ifAbsent":
      return current === null;
    case "ifPresent":
      return current !== null;
    case "ifVersion":
      return current?.version === condition.version;
    default:
      return unreachable(condition);
  }
}
