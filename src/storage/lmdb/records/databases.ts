/** The LMDB environment of one storage node and its databases, as lmdb opens them; open-databases.ts says which folders may be. */
import { open, type Database, type RootDatabase } from "lmdb";
import { entryKeyEncoder, type EntryId } from "./record.js";

/** Address space that LMDB reserves at first: neither memory nor disk. It grows by itself, but growing remaps the file. */
const lmdbMapBytes = 1024 * 1024 * 1024;

export type Bytes = Database<Uint8Array, Uint8Array>;
export type Root = RootDatabase<Uint8Array, Uint8Array>;

export interface Databases {
  readonly root: Root;
  /** The format, the store's document, and how often a fence changed. */
  readonly documents: Bytes;
  /** Each shard's header. */
  readonly shards: Bytes;
  /** Shard and key -> entry. */
  readonly records: Bytes;
  /** The same database for single entries; half of the time of finding one was for a key in a buffer of its own. */
  readonly entries: Database<Uint8Array, EntryId>;
  /** Shard and ceiling -> list of changes; see storage/lmdb/records/change-index.ts. */
  readonly changes: Bytes;
  /** Number -> what a commit put. */
  readonly journal: Bytes;
  /** Shard, moment of expiry and key -> the entry's size. */
  readonly expiring: Bytes;
  /** Shard and version -> tombstone. */
  readonly tombstones: Bytes;
  /** Shard and key -> version of its tombstone. */
  readonly buried: Bytes;
}

/** The databases of the first format, empty after an upgrade. */
export interface FirstFormat {
  readonly oldEntries: Bytes;
  readonly oldExpiries: Bytes;
  readonly oldFigures: Bytes;
}

const firstFormatNames = { oldEntries: "entries", oldExpiries: "expiries", oldFigures: "figures" } as const;
const names = ["documents", "shards", "records", "changes", "journal", "expiring", "tombstones", "buried"] as const;
/** Databases of all formats. */
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
    // A commit is acknowledged when it is on disk.
    overlappingSync: false,
    // A batch around the transactions has a promise of its own that nobody could catch when the disk is full.
    eventTurnBatching: false,
  });
}

/** Undefined when the environment is open for reading alone, and does not have it. */
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
