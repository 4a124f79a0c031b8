/**
 * A registry store in one file, for the one gateway of one machine: a lock beside the file refuses a second one. A
 * change is written to a temporary file, synced, renamed over the file, and the folder synced: after a crash at any
 * point, either the old or the new document is complete. A damaged or foreign file is refused and never changed. Where
 * the path is a symbolic link, the file it leads to is replaced, not the link.
 */
import { closeSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  hasCode,
  linkTarget,
  orUnavailable,
  readWhole,
  syncFolder,
  unavailable,
  writeTemporary,
} from "./durable-file.js";
import { decodeFile, encodeFile, headBytesMax, versionInHead } from "./file-document.js";
import { FileLog } from "./file-log.js";
import type { FileLock, LockFile } from "./store-lock.js";
import {
  isSameMark,
  type RegistryStore,
  type StoredDocument,
  type StoredRegistry,
  type StoreMark,
} from "../../registry-store.js";

export interface FileStoreOptions {
  readonly lockFile: LockFile;
  readonly watchFile: WatchFile;
}

/** Calls `onChange` after another file took the place of the one at `path`, or it was changed, until what it returns is called. */
export type WatchFile = (path: string, onChange: () => void) => () => void;

export class FileStore implements RegistryStore {
  readonly #path: string;
  readonly #lock: FileLock;
  readonly #log: FileLog;
  readonly #watchFile: WatchFile;
  readonly #watches = new Set<() => void>();
  /** In memory only: the lock already proves that no other gateway is there to watch it. */
  #beat = 0;
  #isClosed = false;
  /** Settles when the last write that was asked for is done; further ones queue up behind it. */
  #lastWrite: Promise<unknown> = Promise.resolve();

  /**
   * Makes the folder when it is missing, and takes the lock; the file comes with the first write. Throws
   * REGISTRY_UNAVAILABLE, also when another process has the registry open.
   */
  static async open(path: string, { lockFile, watchFile }: FileStoreOptions): Promise<FileStore> {
    const absolute = resolve(path);
    return orUnavailable(absolute, async () => {
      await mkdir(dirname(absolute), { recursive: true });
      const target = await linkTarget(absolute);
      return new FileStore(target, await lockFile(`${target}.lock`), watchFile);
    });
  }

  private constructor(path: string, lock: FileLock, watchFile: WatchFile) {
    this.#path = path;
    this.#lock = lock;
    this.#watchFile = watchFile;
    this.#log = new FileLog(`${path}.log`);
  }

  load(): Promise<StoredRegistry | null> {
    return orUnavailable(this.#path, async () => {
      const bytes = await readWhole(this.#path);
      return bytes === null ? null : { ...decodeFile(bytes, this.#path), beat: this.#beat };
    });
  }

  mark(): Promise<StoreMark | null> {
    return orUnavailable(this.#path, async () => {
      const version = currentVersion(this.#path);
      return version === null ? null : { version, beat: this.#beat };
    });
  }

  compareAndSet(expected: StoreMark | null, next: StoredDocument, logRecord: string | null): Promise<boolean> {
    return this.#alone(() => this.#replace(expected, next, logRecord));
  }

  beat(expectedVersion: number): Promise<number | null> {
    return this.#alone(async () => (currentVersion(this.#path) === expectedVersion ? ++this.#beat : null));
  }

  log(): Promise<readonly string[]> {
    return this.#alone(async () => this.#log.read(currentVersion(this.#path) ?? 0));
  }

  watch(onChange: () => void): () => void {
    try {
      statSync(dirname(this.#path));
    } catch (error) {
      throw unavailable(this.#path, error);
    }
    const stop = this.#watchFile(this.#path, onChange);
    this.#watches.add(stop);
    return () => {
      this.#watches.delete(stop);
      stop();
    };
  }

  /** Waits for the write in progress, and releases the lock. */
  async close(): Promise<void> {
    for (const stop of this.#watches) stop();
    this.#watches.clear();
    await this.#lastWrite;
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#lock.release();
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastWrite.then(() => orUnavailable(this.#path, work));
    this.#lastWrite = result.catch(() => undefined);
    return result;
  }

  async #replace(expected: StoreMark | null, next: StoredDocument, record: string | null): Promise<boolean> {
    const current = await this.load();
    if (!isSameMark(current, expected)) return false;
    const temporaryPath = await writeTemporary(this.#path, encodeFile(next));
    let isRenamed = false;
    try {
      await this.#log.append(expected?.version ?? 0, next.version, record);
      // A person may have replaced the file meanwhile. There must be no `await` from here to the rename.
      if (currentVersion(this.#path) === (expected?.version ?? null)) {
        renameSync(temporaryPath, this.#path);
        isRenamed = true;
      }
    } finally {
      if (!isRenamed) await rm(temporaryPath, { force: true });
    }
    if (!isRenamed) return false;
    await syncFolder(dirname(this.#path));
    this.#log.confirm();
    return true;
  }
}

/** What the registry file at `path` has, without its lock: a gateway may have it open, and goes on writing. Throws as `load`. */
export function readRegistryFile(path: string): Promise<{ stored: StoredRegistry | null; records: readonly string[] }> {
  return orUnavailable(path, async () => {
    const bytes = await readWhole(path);
    if (bytes === null) return { stored: null, records: [] };
    const document = decodeFile(bytes, path);
    const log = new FileLog(`${await linkTarget(path)}.log`);
    return { stored: { ...document, beat: 0 }, records: await log.read(document.version) };
  });
}

/** The version of the file as it is right now, without the check of the whole; null when there is none. */
function currentVersion(path: string): number | null {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
  try {
    const head = Buffer.alloc(headBytesMax);
    return versionInHead(head.subarray(0, readSync(file, head)), path);
  } finally {
    closeSync(file);
  }
}
