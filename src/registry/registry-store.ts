/**
 * Where the registry is kept: one small text document under a version, with compare-and-set and watch, and nothing
 * more, so that a file, etcd or a NATS key-value bucket can stand behind it alike. Implementations: MemoryStore,
 * FileStore; all pass test/conformance/registry-store.ts. The text is opaque here; cluster-map-text.ts writes it.
 */

export interface StoredDocument {
  /** The cluster map's version; grows with every compareAndSet that succeeds. */
  readonly version: number;
  readonly text: string;
}

export interface RegistryStore {
  /** The current document; null when none was ever written. Throws REGISTRY_UNAVAILABLE or REGISTRY_CORRUPT. */
  load(): Promise<StoredDocument | null>;

  /**
   * Writes `next` durably if the stored version is still `expectedVersion` (null: nothing is stored). Resolves to false,
   * with nothing written, when it is not. Throws REGISTRY_UNAVAILABLE when the store failed; the write may then have
   * happened, which the next load tells.
   */
  compareAndSet(expectedVersion: number | null, next: StoredDocument): Promise<boolean>;

  /** Calls `onChange` after each change, by whomever; returns the function that stops it. Calls may be skipped or doubled. */
  watch(onChange: () => void): () => void;

  close(): Promise<void>;
}
