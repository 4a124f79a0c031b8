/** The LMDB environment of one storage node and its databases: how they are opened, and only by this program. */
import { open, type Database, type RootDatabase } from "lmdb";
import { ShardgateError } from "../../../core/error.js";
import { firstFormat, format, formatKey, upgradingFormat } from "./record-format.js";
import { decodeText, encodeText, entryKeyEncoder, type EntryId } from "./record.js";
import { upgradeDatabases } from "./upgrade.js";

/** Address space that LMDB reserves at first: neither memory nor disk. It grows by itself, but growing remaps the file. */
const lmdbMapBytes = 1024 * 1024 * 1024;

export type Bytes = Database<Uint8Array, Uint8Array>;
type Root = RootDatabase<Uint8Array, Uint8Array>;

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

/**
 * Opens what `checkLmdbFolder` found good, upgrading data of the first format. Throws STORAGE_FAILED, leaving the file
 * untouched, when another program or a newer format wrote it, and what lmdb throws.
 */
export async function openDatabases(folder: string): Promise<Databases> {
  const root = openRoot(folder, false);
  try {
    refuseOtherData(folder, root);
    const written = formatOf(root.openDB<Uint8Array, Uint8Array>({ name: "documents", ...binary }));
    const isKnown = written === null || written === format || upgradableFormats.includes(written);
    if (!isKnown) throw foreignData(folder, "has another format");
    const databases = openAll(root);
    if (written === null) await databases.documents.put(formatKey, encodeText(format));
    else if (written !== format) await upgradeDatabases({ ...databases, ...openFirstFormat(root) });
    return databases;
  } catch (error) {
    await root.close();
    throw error;
  }
}

/** Databases of the first format, or some steps later, and those that they are upgraded to. */
export function openForUpgrade(folder: string): Databases & FirstFormat {
  const root = openRoot(folder, false);
  return { ...openAll(root), ...openFirstFormat(root) };
}

/** As `openDatabases`, for reading alone: nothing is made or upgraded, and older formats are refused too. */
export async function openDatabasesReadOnly(folder: string): Promise<Databases> {
  const root = openRoot(folder, true);
  try {
    refuseOtherData(folder, root);
    const documents = root.openDB<Uint8Array, Uint8Array>({ name: "documents", ...binary });
    const written = documents === undefined ? null : formatOf(documents);
    if (written !== null && upgradableFormats.includes(written)) {
      throw foreignData(folder, "was written by an older version; start its storage node once to upgrade it, or");
    }
    if (written !== format) throw foreignData(folder, "has another format");
    return openAll(root);
  } catch (error) {
    await root.close();
    throw error;
  }
}

const upgradableFormats: readonly string[] = [firstFormat, upgradingFormat];

/** The databases of the first format, empty after an upgrade. */
export interface FirstFormat {
  readonly oldEntries: Bytes;
  readonly oldExpiries: Bytes;
  readonly oldFigures: Bytes;
}

const firstFormatNames = { oldEntries: "entries", oldExpiries: "expiries", oldFigures: "figures" } as const;
const names = ["documents", "shards", "records", "changes", "journal", "expiring", "tombstones", "buried"] as const;
const knownNames: readonly string[] = [...names, ...Object.values(firstFormatNames)];
const binaryValues = { encoding: "binary", compression: false } as const;
const binary = { ...binaryValues, keyEncoding: "binary" } as const;
const entriesOptions = { ...binaryValues, name: "records", keyEncoder: entryKeyEncoder };

function openRoot(folder: string, readOnly: boolean): Root {
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

function refuseOtherData(folder: string, root: Root): void {
  const found = [...root.getKeys()].map((name) => Buffer.from(name).toString("utf8").replace(/\0$/, ""));
  if (found.some((name) => !knownNames.includes(name))) throw foreignData(folder, "holds other data");
}

function openAll(root: Root): Databases {
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

function openFirstFormat(root: Root): FirstFormat {
  const database = (name: string): Bytes => root.openDB<Uint8Array, Uint8Array>({ name, ...binary });
  return {
    oldEntries: database(firstFormatNames.oldEntries),
    oldExpiries: database(firstFormatNames.oldExpiries),
    oldFigures: database(firstFormatNames.oldFigures),
  };
}

function formatOf(documents: Bytes): string | null {
  const written = documents.get(formatKey);
  return written === undefined ? null : decodeText(written);
}

function foreignData(folder: string, what: string): ShardgateError {
  return new ShardgateError(
    "STORAGE_FAILED",
    `The LMDB file in ${folder} ${what}. It was left untouched: use the version of this program that wrote it, or another folder.`,
  );
}
