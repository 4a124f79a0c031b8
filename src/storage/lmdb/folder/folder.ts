/**
 * Checks a data folder before LMDB opens it, because LMDB would crash the process (SIGSEGV, SIGBUS) where this check
 * can still explain what is wrong: a file that is not LMDB's or is truncated, a folder that is not writable, a full
 * disk. It changes nothing, but creates a missing folder. It does not find damage within the file's pages: LMDB keeps
 * no checksums of them.
 */
import { access, constants, mkdir, open, stat, statfs, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { ShardgateError } from "../../../core/error.js";
import { areAllIn, freePages } from "./free-pages.js";

/**
 * Free disk space below which the disk counts as full: the first pages and the lock file of a new LMDB environment need
 * about as much.
 */
const lmdbFreeBytesMin = 64 * 1024;

/** The file with all entries. The only other file in the folder is LMDB's lock. */
export function lmdbFile(folder: string): string {
  return path.join(folder, "data.mdb");
}

/** Throws STORAGE_FULL, or STORAGE_FAILED naming the folder and what to do. */
export async function checkLmdbFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const size = await writableFileSize(lmdbFile(folder));
    await writableFileSize(path.join(folder, "lock.mdb"));
    if (size > 0) await checkFile(lmdbFile(folder));
    else if (!(await hasRoom(folder))) {
      throw new ShardgateError("STORAGE_FULL", `There is no disk space left to create a data file in ${folder}.`);
    }
  } catch (error) {
    if (error instanceof ShardgateError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new ShardgateError(
      "STORAGE_FAILED",
      `The data folder ${folder} cannot be used: ${message}. Give a folder that this process may read and write.`,
      {},
      error,
    );
  }
}

/** Whether the folder's disk has at least `lmdbFreeBytesMin` of free space. */
export async function hasRoom(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize >= lmdbFreeBytesMin;
}

/**
 * Size in bytes; zero when the file does not exist yet. LMDB treats an empty file as new; a crash at the first start
 * can leave one.
 */
async function writableFileSize(file: string): Promise<number> {
  const found = await stat(file).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
  if (found === null) return 0;
  if (!found.isFile()) throw new Error(`${file} is not a file`);
  await access(file, constants.R_OK | constants.W_OK);
  return found.size;
}

async function checkFile(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    const first = await readMeta(handle, 0);
    const second = first === null ? null : await readMeta(handle, first.pageBytes);
    if (first === null || second === null) {
      throw refusal(file, "is not a data file of this program, or its beginning is damaged");
    }
    const newest = first.transaction > second.transaction ? first : second;
    // The size is read after the page count: another process may be writing, and LMDB writes pages before it counts
    // them.
    const { size } = await handle.stat();
    if (size < newest.pages * newest.pageBytes && !(await areMissingPagesFree(handle, size, newest))) {
      throw refusal(file, `is cut short: it has ${size} bytes of ${newest.pages * newest.pageBytes}`);
    }
  } finally {
    await handle.close();
  }
}

async function areMissingPagesFree(handle: FileHandle, size: number, newest: Meta): Promise<boolean> {
  const { pageBytes, pages, freeRoot, transaction } = newest;
  const missing = { first: Math.floor(size / pageBytes), end: pages };
  let areFree = false;
  try {
    areFree = areAllIn(freePages({ fd: handle.fd, pageBytes }, freeRoot), missing);
  } catch {
    // A list that cannot be read counts as empty: its pages may be among the missing ones.
  }
  // A process that commits meanwhile has checked the file itself before opening it, and may have overwritten the list.
  return areFree || (await isNewerMeta(handle, pageBytes, transaction));
}

async function isNewerMeta(handle: FileHandle, pageBytes: number, transaction: bigint): Promise<boolean> {
  const metas = await Promise.all([readMeta(handle, 0), readMeta(handle, pageBytes)]);
  return metas.some((meta) => meta !== null && meta.transaction > transaction);
}

interface Meta {
  readonly pageBytes: number;
  readonly transaction: bigint;
  /** Number of pages that LMDB counts. The file may be shorter when the last ones are free. */
  readonly pages: number;
  /** The root page of the tree of free pages. */
  readonly freeRoot: bigint;
}

/** Offsets in LMDB's meta page (MDB_page header, then MDB_meta; format 2) on 64-bit little-endian machines. */
const metaFields = {
  magic: 24,
  format: 28,
  pageBytes: 48,
  freeRoot: 88,
  lastPage: 144,
  transaction: 152,
  length: 160,
} as const;
const metaMagic = 0xbeefc0de;
const metaFormat = 2;

/**
 * Reads a meta page; null when there is none. The first two pages of the file are meta pages that LMDB writes in turns;
 * the newer one is valid.
 */
async function readMeta(handle: FileHandle, position: number): Promise<Meta | null> {
  const bytes = Buffer.alloc(metaFields.length);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, position);
  if (bytesRead < bytes.length) return null;
  if (bytes.readUInt32LE(metaFields.magic) !== metaMagic) return null;
  if (bytes.readUInt32LE(metaFields.format) !== metaFormat) return null;
  const pageBytes = bytes.readUInt32LE(metaFields.pageBytes);
  if (pageBytes < metaFields.length) return null;
  return {
    pageBytes,
    freeRoot: bytes.readBigUInt64LE(metaFields.freeRoot),
    transaction: bytes.readBigUInt64LE(metaFields.transaction),
    pages: Number(bytes.readBigUInt64LE(metaFields.lastPage)) + 1,
  };
}

function refusal(file: string, what: string): ShardgateError {
  return new ShardgateError(
    "STORAGE_FAILED",
    `${file} ${what}. It was left untouched: restore it from a copy, or move it away to start without its data.`,
  );
}
