/**
 * A registry store in one file, for the gateway of one machine. A change is written to a temporary file beside it,
 * synced, renamed over it, and the folder synced: whatever happens in between, the old or the new document is there
 * whole. A file that is broken or not ours is refused and never touched.
 *
 * Several handles in one process may write at the same time. Several processes see each other's changes, but two that
 * write within the same few microseconds may lose one: gateways on more machines need a distributed store.
 */
import { closeSync, openSync, readSync, renameSync, watch, type FSWatcher } from "node:fs";
import { mkdir, open, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { ShardgateError } from "../core/error.js";
import { registryFileBytesMax } from "../core/limits.js";
import { corruptFile, decodeFile, encodeFile, headBytesMax, versionInHead } from "./file-document.js";
import type { RegistryStore, StoredDocument } from "./registry-store.js";

export class FileStore implements RegistryStore {
  readonly #path: string;
  readonly #watchers = new Set<FSWatcher>();
  /** Settles when the last write that was asked for is done; writes of one handle queue up behind it. */
  #lastWrite: Promise<unknown> = Promise.resolve();

  /** Makes the folder when it is missing; the file comes with the first write. Throws REGISTRY_UNAVAILABLE. */
  static async open(path: string): Promise<FileStore> {
    const absolute = resolve(path);
    await orUnavailable(absolute, () => mkdir(dirname(absolute), { recursive: true }));
    return new FileStore(absolute);
  }

  private constructor(path: string) {
    this.#path = path;
  }

  load(): Promise<StoredDocument | null> {
    return orUnavailable(this.#path, async () => {
      const bytes = await readWhole(this.#path);
      return bytes === null ? null : decodeFile(bytes, this.#path);
    });
  }

  compareAndSet(expectedVersion: number | null, next: StoredDocument): Promise<boolean> {
    const bytes = encodeFile(next);
    const replace = (): Promise<boolean> => this.#replace(expectedVersion, bytes);
    const write = this.#lastWrite.then(() => orUnavailable(this.#path, replace));
    this.#lastWrite = write.catch(() => undefined);
    return write;
  }

  watch(onChange: () => void): () => void {
    try {
      // The folder, because a rename replaces the file itself and a watch on that would follow the old one.
      const watcher = watch(dirname(this.#path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(this.#path)) onChange();
      });
      // The watch is over, for example with its folder. The reader finds out what happened when it looks.
      watcher.on("error", () => onChange());
      this.#watchers.add(watcher);
      return () => {
        this.#watchers.delete(watcher);
        watcher.close();
      };
    } catch (error) {
      throw unavailable(this.#path, error);
    }
  }

  async close(): Promise<void> {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers.clear();
    await this.#lastWrite;
  }

  async #replace(expectedVersion: number | null, bytes: Buffer): Promise<boolean> {
    const current = await this.load();
    if ((current?.version ?? null) !== expectedVersion) return false;
    const temporaryPath = await writeTemporary(this.#path, bytes);
    let isRenamed = false;
    try {
      // Nothing may be awaited from here to the rename: so no other handle of this process writes in between.
      if (currentVersion(this.#path) === expectedVersion) {
        renameSync(temporaryPath, this.#path);
        isRenamed = true;
      }
    } finally {
      if (!isRenamed) await rm(temporaryPath, { force: true });
    }
    if (isRenamed) await syncFolder(dirname(this.#path));
    return isRenamed;
  }
}

async function readWhole(path: string): Promise<Buffer | null> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
  try {
    const { size } = await file.stat();
    if (size > registryFileBytesMax) throw corruptFile(path, `it is ${size} bytes long, longer than any cluster map`);
    return await file.readFile();
  } finally {
    await file.close();
  }
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

/** Writes a new file beside `path`, durably, and returns its path. */
async function writeTemporary(path: string, bytes: Buffer): Promise<string> {
  const [temporaryPath, file] = await openTemporary(path);
  try {
    await file.writeFile(bytes);
    await file.sync();
    return temporaryPath;
  } catch (error) {
    await rm(temporaryPath, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Takes the next free number: other handles may be writing, and a process that was killed leaves its file behind. */
async function openTemporary(path: string): Promise<[path: string, file: FileHandle]> {
  for (let number = 0; ; number++) {
    const temporaryPath = `${path}.${process.pid}-${number}.tmp`;
    try {
      return [temporaryPath, await open(temporaryPath, "wx")];
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
}

/** Makes the rename itself durable. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function orUnavailable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ShardgateError ? error : unavailable(path, error);
  }
}

function unavailable(path: string, cause: unknown): ShardgateError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ShardgateError("REGISTRY_UNAVAILABLE", `The registry file ${path} cannot be used: ${reason}`, {}, cause);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
