/** Entries, and the options of a write besides its value, in the terms of the GraphQL schema. */

/** A stored key with its value. */
export interface Entry<Value> {
  readonly key: string;
  readonly value: Value;
  /** Changes with every write of this key; pass it to `ifVersion`. Null when the storage node keeps no versions. */
  readonly version: string | null;
  /** When the key was first written. Null when the storage node keeps no times. */
  readonly createdAt: Date | null;
  /** When the value was last written. Null when the storage node keeps no times. */
  readonly updatedAt: Date | null;
  /** When the entry expires; null means never. */
  readonly expiresAt: Date | null;
}

/**
 * When an entry expires, by the clock of its storage node: in a number of whole seconds, from 1 to 2,147,483,647; or at
 * a moment in the future, at most the end of the year 9999.
 */
export type Expiry = { readonly ttlSeconds: number } | { readonly at: Date };

/** The condition under which a write happens; if it does not hold, the outcome is `conflict`. */
export type WriteCondition =
  | { readonly ifVersion: string }
  /** The key does not exist. */
  | { readonly ifAbsent: true }
  /** The key exists. */
  | { readonly ifPresent: true };

/** One write of `putMany`. */
export interface PutItem<Value> {
  readonly key: string;
  /** Anything that `JSON.stringify` (or the client's `stringifyValue`) can serialize; replaces the whole value. */
  readonly value: Value;
  /** Without it the entry never expires, even if it replaces one that would have. */
  readonly expiry?: Expiry | undefined;
  /** Without it the write always happens. */
  readonly condition?: WriteCondition | undefined;
}

/** One deletion of `deleteMany`. */
export interface DeleteItem {
  readonly key: string;
  /** Without it the deletion always happens. */
  readonly condition?: WriteCondition | undefined;
}

/** The shard that owns a key. */
export interface ShardOfKey {
  /** 0 to the cluster's shard count - 1. */
  readonly number: number;
  readonly state: "ACTIVE" | "UNAVAILABLE" | "UNASSIGNED";
  /** Grows with every change of the shard's assignment. */
  readonly epoch: number;
  /** The storage node that accepts the shard's writes; null if there is none. */
  readonly primary: {
    readonly name: string;
    readonly url: string;
    readonly state: "UP" | "SUSPECT" | "DOWN";
  } | null;
}
