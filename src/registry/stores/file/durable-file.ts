/** Files that are replaced as a whole and durably: a temporary file beside the old one is synced, then renamed over it. */
import { open, readlink, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ShardgateError } from "../../../core/error.js";
import { registryFileBytesMax } from "../../../core/limits.js";
import { corruptFile } from "./file-document.js";

/** The bytes of the file; null when there is none. Throws REGISTRY_CORRUPT when it is longer than any of ours. */
export async function readWhole(path: string): Promise<Buffer | null> {
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

/** Writes a new file beside `path`, durably, and returns its path. */
export async function writeTemporary(path: string, bytes: Buffer): Promise<string> {
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

/** Replaces the file, or creates it. */
export async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  await rename(await writeTemporary(path, bytes), path);
  await syncFolder(dirname(path));
}

/** Makes a rename in the folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * The path that the symbolic links at `path` lead to, also if no file is there yet: a rename onto the path itself would
 * replace the link. Throws ELOOP for circular links.
 */
export async function linkTarget(path: string): Promise<string> {
  let target = resolve(path);
  for (let followed = 0; followed <= linksMax; followed++) {
    const next = await linkAt(target);
    if (next === null) return target;
    target = resolve(dirname(target), next);
  }
  throw Object.assign(new Error(`ELOOP: too many symbolic links at ${path}`), { code: "ELOOP" });
}

/** Runs `work`; what it throws becomes REGISTRY_UNAVAILABLE, naming the file. */
export async function orUnavailable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ShardgateError ? error : unavailable(path, error);
  }
}

export function unavailable(path: string, cause: unknown): ShardgateError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ShardgateError("REGISTRY_UNAVAILABLE", `The registry file ${path} cannot be used: ${reason}`, {}, cause);
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.some((code) => error.code === code);
}

/** As many as Linux follows. */
const linksMax = 40;

async function linkAt(path: string): Promise<string | null> {
  try {
    return await readlink(path);
  } catch (error) {
    // The path is not a link, or does not exist.
    if (hasCode(error, "EINVAL", "ENOENT")) return null;
    throw error;
  }
}

/** Takes the next free number: a process that was killed leaves its file behind. */
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
