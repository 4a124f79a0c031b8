/**
 * Where the registry is kept: one small text document under a version, a log of its changes, and a beat, with
 * compare-and-set and watch, and nothing more, so that a file, PostgreSQL or etcd can implement it. Implementations:
 * MemoryStore, FileStore, PostgresStore, EtcdStore; all pass test/conformance/registry-store.ts. Texts are opaque here;
 * cluster-map-text.ts writes them.
 */

export interface StoredDocument {
  /** The cluster map's version; grows with every compareAndSet that succeeds. */
  readonly version: number;
  readonly text: string;
}

/** What a compareAndSet compares with. */
export interface StoreMark {
  readonly version: number;
  /** Raised by the leader; another gateway takes the lead only from a leader whose beat has stopped. */
  readonly beat: number;
}

/** Whether nothing was written and no beat raised between the two; null: nothing is stored. */
export function isSameMark(one: StoreMark | null, other: StoreMark | null): boolean {
  return one?.version === other?.version && one?.beat === other?.beat;
}

export interface StoredRegistry extends StoreMark {
  readonly text: string;
}

export interface RegistryStore {
  /** The current document; null when none was ever written. Throws REGISTRY_UNAVAILABLE or REGISTRY_CORRUPT. */
  load(): Promise<StoredRegistry | null>;

  /** Version and beat of the current document, read cheaply; null when none was ever written. Throws as `load`. */
  mark(): Promise<StoreMark | null>;

  /**
   * Writes `next` durably, and `logRecord` (one line of text; null: nothing) behind the log, if version and beat are
   * still the expected ones (null: nothing is stored). Resolves to false, with nothing written, when they are not.
   * Throws REGISTRY_UNAVAILABLE when the store failed; the write may then have happened, which the next load shows.
   */
  compareAndSet(expected: StoreMark | null, next: StoredDocument, logRecord: string | null): Promise<boolean>;

  /** Raises the beat if the version is still the expected one; resolves to the new beat, or null when it is not. */
  beat(expectedVersion: number): Promise<number | null>;

  /** The records of the log, the oldest first: at least the newest ones of what was written, bounded and compacted. */
  log(): Promise<readonly string[]>;

  /**
   * Calls `onChange` after each change by any process; returns the function that stops it. Calls may be skipped or
   * doubled.
   */
  watch(onChange: () => void): () => void;

  close(): Promise<void>;
}
