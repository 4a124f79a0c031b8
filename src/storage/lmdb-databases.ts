/** The LMDB environment of one storage node and its four databases: how they are opened, and only by this program. */
import { open, type Database } from "lmdb";
import { ShardgateError } from "../core/error.js";
import { lmdbMapBytes } from "../core/limits.js";

export type Bytes = Database<Uint8Array, Uint8Array>;

export interface Databases {
  readonly root: Bytes;
  readonly entries: Bytes;
  readonly expiries: Bytes;
  readonly figures: Bytes;
  readonly documents: Bytes;
}

/**
 * Opens what `checkLmdbFolder` found good. Throws STORAGE_FAILED, leaving the file untouched, when another program or a
 * newer format wrote it, and what lmdb throws.
 */
export async function openDatabases(folder: string): Promise<Databases> {
  const root = open<Uint8Array, Uint8Array>({
    path: folder,
    ...binary,
    noSubdir: false,
    mapSize: lmdbMapBytes,
    maxDbs: databaseNames.length,
    // A commit is acknowledged when it is on disk.
    overlappingSync: false,
    // A batch around the transactions has a promise of its own that nobody could catch when the disk is full.
    eventTurnBatching: false,
  });
  try {
    const found = [...root.getKeys()].map((name) => Buffer.from(name).toString("utf8").replace(/\0$/, ""));
    if (found.some((name) => !databaseNames.includes(name))) throw foreignData(folder, "holds other data");
    const database = (name: string) => root.openDB<Uint8Array, Uint8Array>({ name, ...binary });
    const documents = database("documents");
    const written = documents.get(formatKey);
    if (written === undefined) await documents.put(formatKey, Buffer.from(format));
    else if (Buffer.from(written).toString() !== format) throw foreignData(folder, "has another format");
    return {
      root,
      documents,
      entries: database("entries"),
      expiries: database("expiries"),
      figures: database("figures"),
    };
  } catch (error) {
    await root.close();
    throw error;
  }
}

/** Of the document that says the format; always there. */
export const formatKey = Buffer.from("format");
/** Changes when data written by this program could not be read by an older one. */
const format = "1";
const databaseNames: readonly string[] = ["documents", "entries", "expiries", "figures"];
const binary = { keyEncoding: "binary", encoding: "binary", compression: false } as const;

function foreignData(folder: string, what: string): ShardgateError {
  return new ShardgateError(
    "STORAGE_FAILED",
    `The LMDB file in ${folder} ${what}. It was left untouched: use the version of this program that wrote it, or another folder.`,
  );
}
