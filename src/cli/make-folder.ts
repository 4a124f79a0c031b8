/**
 * Makes a folder for data. Node's own recursive mkdir takes memory without end where a folder that is there takes no
 * others, as in /proc, and calls a read-only file system a folder that does not exist.
 */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** The folder with all above it, when they are missing. Rejects with the system's error. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder(path)) return;
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isMissing || (await isFolder(dirname(path)))) throw error;
    await makeFolder(dirname(path));
    await makeFolder(path);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
