/**
 * The LMDB environment of one storage node and its databases; open-databases.ts decides which folders may be opened.
 */
import { open, type Database, type RootDatabase } from "lmdb";
import { entryKeyEncoder, type EntryId } from "./record.js";

/**
 * Address space that LMDB reserves initially: neither memory nor disk. It grows by itself, but growing remaps the file.
 */
const lmdbMapBytes = 1024 * 1024 * 1024;

export type Bytes = Database<Uint8Array, Uint8Array>;
export type Root = RootDatabase<Uint8Array, Uint8Array>;

export interface Databases {
  readonly root: Root;
  /** The format, the store's document, and the counter of fence changes. */
  readonly documents: Bytes;
  /** Shard -> header. */
  readonly shards: Bytes;
  /** Shard and key -> entry. */
  readonly records: Bytes;
  /**
   * The same database, for lookups of single entries: a separate buffer for each key took half of the lookup's time.
   */
  readonly entries: Database<Uint8Array, EntryId>;
  /** Shard and last version -> list of changes; see storage/lmdb/records/change-index.ts. */
  readonly changes: Bytes;
  /** Commit number -> the keys that the commit put. */
  readonly journal: Bytes;
  /** Shard, moment of expiry and key -> the entry's size. */
  readonly expiring: Bytes;
  /** Shard and version -> tombstone. */
  readonly tombstones: Bytes;
  /** Shard and key -> version of the key's tombstone. */
  readonly buried: Bytes;
}

/** The databases of the first format; empty after an upgrade. */
export interface FirstFormat {
  readonly oldEntries: Bytes;
  readonly oldExpiries: Bytes;
  readonly oldFigures: Bytes;
}

const firstFormatNames = { oldEntries: "entries", oldExpiries: "expiries", oldFigures: "figures" } as const;
const names = ["documents", "shards", "records", "changes", "journal", "expiring", "tombstones", "buried"] as const;
/** The databases of all formats. */
export const knownNames: readonly string[] = [...names, ...Object.values(firstFormatNames)];
const binaryValues = { encoding: "binary", compression: false } as const;
const binary = { ...binaryValues, keyEncoding: "binary" } as const;
const entriesOptions = { ...binaryValues, name: "records", keyEncoder: entryKeyEncoder };

export function openRoot(folder: string, readOnly: boolean): Root {
  return open<Uint8Array, Uint8Array>({
    path: folder,
    ...binary,
    readOnly,
    noSubdir: false,
    mapSize: lmdbMapBytes,
    maxDbs: knownNames.length,
    // A commit must be on disk before it is acknowledged.
    overlappingSync: false,
    // A batch around the transactions would have a promise of its own, whose rejection on a full disk could not be
    // caught.
    eventTurnBatching: false,
  });
}

/** Undefined when the environment is read-only and does not have the database. */
export function openDocuments(root: Root): Bytes | undefined {
  return root.openDB<Uint8Array, Uint8Array>({ name: "documents", ...binary });
}

export function openAll(root: Root): Databases {
  const database = (name: (typeof names)[number]): Bytes => root.openDB<Uint8Array, Uint8Array>({ name, ...binary });
  return {
    root,
    documents: database("documents"),
    shards: database("shards"),
    records: database("records"),
    entries: root.openDB<Uint8Array, EntryId>(entriesOptions),
    changes: database("changes"),
    journal: database("journal"),
    expiring: database("expiring"),
    tombstones: database("tombstones"),
    buried: database("buried"),
  };
}

export function openFirstFormat(root: Root): FirstFormat {
  const database = (name: string): Bytes => root.openDB<Uint8Array, Uint8Array>({ name, ...binary });
  return {
    oldEntries: database(firstFormatNames.oldEntries),
    oldExpiries: database(firstFormatNames.oldExpiries),
    oldFigures: database(firstFormatNames.oldFigures),
  };
}
