/**
 * The result for one key: a discriminated union over `kind` for each kind of call, with one member for each member of
 * the union in the GraphQL schema, and two that only a client can produce (`mismatch`, `refused`). Keys fail
 * independently, so outcomes are values; `valueOf` and `orThrow` convert them to exceptions where that is more
 * convenient.
 */
import type { Entry } from "./client-entry.js";
import type { SchemaIssue } from "./standard-schema.js";

/** The outcome of a read. */
export type GetOutcome<Value> = Found<Value> | NotFound | Mismatch | InvalidKey | Forbidden | Unavailable | Refused;

/** The outcome of a write. `Value` is the type of values as they are read, `Input` as they are passed. */
export type PutOutcome<Value, Input = Value> =
  | Written<Input>
  | Conflict<Value>
  | Mismatch
  | InvalidKey
  | InvalidValue
  | ExpiryPassed
  | Forbidden
  | NotSupported
  | Unavailable
  | Unknown
  | Refused;

/** The outcome of a deletion. */
export type DeleteOutcome<Value> =
  | Deleted
  | NotFound
  | Conflict<Value>
  | Mismatch
  | InvalidKey
  | Forbidden
  | NotSupported
  | Unavailable
  | Unknown
  | Refused;

/** The key exists. */
export interface Found<Value> extends Entry<Value> {
  readonly kind: "found";
}

/** The entry was written; `value` is the value that was passed. */
export interface Written<Input> extends Entry<Input> {
  readonly kind: "written";
  /** False when an entry was replaced. */
  readonly isNew: boolean;
}

/** The entry was deleted. */
export interface Deleted {
  readonly kind: "deleted";
  readonly key: string;
  /** The version that was deleted; null when the storage node keeps no versions. */
  readonly version: string | null;
}

/** The members that all failures have. */
interface Problem<Kind extends string, Code extends string> {
  readonly kind: Kind;
  readonly key: string;
  /** For programs; stable. */
  readonly code: Code;
  /** For people; may change. */
  readonly message: string;
  /** Whether the same call may succeed later. */
  readonly isRetryable: boolean;
}

/** No entry has this key. */
export type NotFound = Problem<"notFound", "KEY_NOT_FOUND">;

/** The key is empty, too long or not valid UTF-8, has control characters, or is `.` or `..`. */
export type InvalidKey = Problem<"invalidKey", "INVALID_KEY">;

/** The value is too large, nested too deep, has a name twice in one object, or is not JSON. */
export type InvalidValue = Problem<"invalidValue", "INVALID_VALUE">;

/** The expiry of a write has passed by the clock of the shard's storage node; nothing was written. */
export type ExpiryPassed = Problem<"expiryPassed", "EXPIRY_PASSED">;

/** The caller may not read or write this key. */
export type Forbidden = Problem<"forbidden", "FORBIDDEN">;

/** The shard's storage node keeps no versions, so conditions cannot be checked; nothing was written. */
export type NotSupported = Problem<"notSupported", "NOT_SUPPORTED">;

/** The shard's storage node could not be reached, or failed. A write certainly did not happen. */
export interface Unavailable extends Problem<
  "unavailable",
  "SHARD_UNAVAILABLE" | "OVERLOADED" | "STORAGE_FULL" | "STORAGE_FAILED" | "ENTRY_DAMAGED"
> {
  /** Number of the shard that owns the key. */
  readonly shard: number;
}

/** The write was sent and its answer was lost: it may or may not have happened. */
export interface Unknown extends Problem<"unknown", "OUTCOME_UNKNOWN"> {
  /** Number of the shard that owns the key. */
  readonly shard: number;
}

/** The condition of a write did not hold; nothing was written. */
export interface Conflict<Value> extends Problem<"conflict", "VERSION_CONFLICT"> {
  /** The current entry; null when the key does not exist. */
  readonly current: Entry<Value> | null;
}

/**
 * A value does not fit the schema of the client or the call. For a read, or for the current entry of a conflict,
 * `entry` has the value. When `entry` is null, the value to be written does not fit, and nothing was sent.
 */
export interface Mismatch extends Problem<"mismatch", "SCHEMA_MISMATCH"> {
  readonly issues: readonly SchemaIssue[];
  readonly entry: Entry<unknown> | null;
}

/** A problem of a type that is newer than this client; see its `code`. */
export type Refused = Problem<"refused", string>;

type Success<Value> = Found<Value> | Written<Value> | Deleted;
type Outcome = GetOutcome<unknown> | PutOutcome<unknown> | DeleteOutcome<unknown>;

/** Thrown by `valueOf`, `orThrow` and `scan` for an outcome other than success. */
export class ShardgateOutcomeError extends Error {
  override readonly name = "ShardgateOutcomeError";
  readonly outcome: Exclude<Outcome, Success<unknown>>;

  constructor(outcome: Exclude<Outcome, Success<unknown>>) {
    super(`${outcome.message} (${outcome.code})`);
    this.outcome = outcome;
  }

  /** The outcome's code, for example `SHARD_UNAVAILABLE`. */
  get code(): string {
    return this.outcome.code;
  }
}

/** The value of a read; undefined when the key does not exist. Throws ShardgateOutcomeError for all other outcomes. */
export function valueOf<Value>(outcome: GetOutcome<Value>): Value | undefined {
  return outcome.kind === "notFound" ? undefined : orThrow(outcome).value;
}

/** The outcome, if it is `found`, `written` or `deleted`. Throws ShardgateOutcomeError for all others. */
export function orThrow<O extends Outcome>(outcome: O): Extract<O, Success<unknown>> {
  if (isSuccess(outcome)) return outcome;
  throw new ShardgateOutcomeError(outcome as Exclude<Outcome, Success<unknown>>);
}

function isSuccess<O extends Outcome>(outcome: O): outcome is Extract<O, Success<unknown>> {
  return outcome.kind === "found" || outcome.kind === "written" || outcome.kind === "deleted";
}
