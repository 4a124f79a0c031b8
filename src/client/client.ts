/**
 * The client's interface. It separates two kinds of failure: the result for one key is an outcome, returned as data;
 * the failure of a whole request is thrown as ShardgateRequestError. An aborted `signal` makes a call throw the
 * signal's reason at once; a write that was already sent may have happened nevertheless.
 */
import type { DeleteItem, Expiry, PutItem, ShardOfKey, WriteCondition } from "./client-entry.js";
import type { DeleteOutcome, GetOutcome, PutOutcome } from "./outcome.js";
import type { EntryScan, ScanOptions } from "./entry-scan.js";
import type { InferInput, InferOutput, StandardSchema } from "./standard-schema.js";
import type { UpdateOptions } from "./writing/update.js";

/** Options of every call. */
export interface CallOptions {
  /** Aborts only this call, even when its key shares a request with other calls. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of one write. */
export interface PutOptions extends CallOptions {
  /** Without it the entry never expires, even if it replaces one that would have. */
  readonly expiry?: Expiry | undefined;
  /** Without it the write always happens. */
  readonly condition?: WriteCondition | undefined;
}

/** Options of one deletion. */
export interface DeleteOptions extends CallOptions {
  /** Without it the deletion always happens. */
  readonly condition?: WriteCondition | undefined;
}

/** The schema for one call, in place of the client's schema. */
export interface WithSchema<Schema extends StandardSchema> {
  readonly schema: Schema;
}

/**
 * Reads and writes entries through a gateway. `Output` is the type of values as they are read, `Input` as they are
 * written; they differ only for schemas that transform. The methods do not use `this`.
 */
export interface Client<Output = unknown, Input = Output> {
  /**
   * Reads one key. All `get` and `getMany` calls of one tick share one request (up to 1000 different keys), and each
   * key is read once. Reads whose shard is unavailable, or that got no answer, are retried within `timeoutMs` and
   * `attemptsMax`.
   */
  get<S extends StandardSchema>(key: string, options: CallOptions & WithSchema<S>): Promise<GetOutcome<InferOutput<S>>>;
  get(key: string, options?: CallOptions): Promise<GetOutcome<Output>>;

  /** Reads any number of keys, as `get` does: one outcome per key, in order. More than 1000 take several requests. */
  getMany<S extends StandardSchema>(
    keys: readonly string[],
    options: CallOptions & WithSchema<S>,
  ): Promise<GetOutcome<InferOutput<S>>[]>;
  getMany(keys: readonly string[], options?: CallOptions): Promise<GetOutcome<Output>[]>;

  /**
   * Writes one entry, in a request of its own. It is retried only when the gateway reports that nothing was written
   * (SHARD_UNAVAILABLE, OVERLOADED). After a lost answer it is never retried, because a repeated write could undo a
   * later one: the outcome is then `unknown`, or the ShardgateRequestError has `isOutcomeUnknown`. A value that does
   * not fit the schema is not sent (`mismatch`); one that fits is stored as it was passed. Throws TypeError for a value
   * that is not JSON.
   */
  put<S extends StandardSchema>(
    key: string,
    value: InferInput<S>,
    options: PutOptions & WithSchema<S>,
  ): Promise<PutOutcome<InferOutput<S>, InferInput<S>>>;
  put(key: string, value: Input, options?: PutOptions): Promise<PutOutcome<Output, Input>>;

  /**
   * Writes any number of entries, as `put` does: one outcome per item, in order. Items are independent: this is not a
   * transaction. Items with the same key are applied in order and are never retried. More than 1000 items, or more than
   * 2 MiB of them, take several requests, one after another, each with a `timeoutMs` of its own. When one of these
   * fails, no further request is sent, and the ShardgateRequestError describes the result of each item in `outcomes`
   * and `unsentFrom`.
   */
  putMany<S extends StandardSchema>(
    items: readonly PutItem<InferInput<S>>[],
    options: CallOptions & WithSchema<S>,
  ): Promise<PutOutcome<InferOutput<S>, InferInput<S>>[]>;
  putMany(items: readonly PutItem<Input>[], options?: CallOptions): Promise<PutOutcome<Output, Input>[]>;

  /** Deletes one entry, in a request of its own; retried as `put` is. */
  delete<S extends StandardSchema>(
    key: string,
    options: DeleteOptions & WithSchema<S>,
  ): Promise<DeleteOutcome<InferOutput<S>>>;
  delete(key: string, options?: DeleteOptions): Promise<DeleteOutcome<Output>>;

  /** Deletes any number of entries: one outcome per item, in order; in several requests as `putMany`. */
  deleteMany<S extends StandardSchema>(
    items: readonly (string | DeleteItem)[],
    options: CallOptions & WithSchema<S>,
  ): Promise<DeleteOutcome<InferOutput<S>>[]>;
  deleteMany(items: readonly (string | DeleteItem)[], options?: CallOptions): Promise<DeleteOutcome<Output>[]>;

  /**
   * Replaces the value of `key` by the result of `fn` for the current value (undefined when the key does not exist), by
   * compare-and-set: reads, calls `fn`, writes on condition that the version is still the one read, and starts again
   * after a conflict.
   *
   * Guarantees: `written` replaced exactly the value that `fn` was given, so no other write is lost; and the result
   * takes effect at most once. `fn` may be called several times; an error that it throws is rethrown, and nothing more
   * is written.
   *
   * When the answer to a write is lost, the entry is read again. If it has the version from before, the write did not
   * happen and is repeated under the same condition, so that only one of the two can take effect. (A key that is absent
   * again counts as never written.) If it has another version, the result cannot be determined, and the call ends with
   * the outcome `unknown`, or with the ShardgateRequestError that has `isOutcomeUnknown`. For an `fn` that may take
   * effect twice, set `isIdempotent`: then the update continues with the current value.
   *
   * A storage node without versions gives `notSupported`, and nothing is written.
   */
  update<S extends StandardSchema>(
    key: string,
    fn: (current: InferOutput<S> | undefined) => InferInput<S> | Promise<InferInput<S>>,
    options: UpdateOptions & WithSchema<S>,
  ): Promise<PutOutcome<InferOutput<S>, InferInput<S>>>;
  update(
    key: string,
    fn: (current: Output | undefined) => Input | Promise<Input>,
    options?: UpdateOptions,
  ): Promise<PutOutcome<Output, Input>>;

  /**
   * All entries with a prefix in key order, for `for await`. Throws ShardgateRequestError (SHARD_UNAVAILABLE when
   * entries would be missing), and ShardgateOutcomeError for a value that does not fit the schema; the scan can then be
   * continued from its `cursor`.
   */
  scan<S extends StandardSchema>(options: ScanOptions & WithSchema<S>): EntryScan<InferOutput<S>>;
  scan(options?: ScanOptions): EntryScan<Output>;

  /**
   * The shard that owns `key`, whether or not the key exists. Throws ShardgateRequestError, for example INVALID_KEY.
   */
  shardFor(key: string, options?: CallOptions): Promise<ShardOfKey>;
}
