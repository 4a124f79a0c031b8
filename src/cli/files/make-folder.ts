/**
 * Makes a folder for data. Node's own recursive mkdir takes memory without end where a folder that is there takes no
 * others, as in /proc, and calls a read-only file system a folder that does not exist.
 */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** The folder with all above it, when they are missing. Rejects with the system's error. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeLast(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    if (!(await isFolder(dirname(path)))) await makeFolder(dirname(path));
    // Also when the parent is there: another process may just have made it. Where it takes no folders, this says so.
    await makeLast(path);
  }
}

/** The folder itself, unless it is there. */
async function makeLast(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!(await isFolder(path))) throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
