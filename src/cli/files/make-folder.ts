/**
 * Creates a folder for data. Node's own recursive mkdir consumes memory without end where an existing folder accepts no
 * subfolders, as in /proc, and reports a read-only file system as a missing folder.
 */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Creates the folder and all missing ones above it. Rejects with the system's error. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeLast(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    if (!(await isFolder(dirname(path)))) await makeFolder(dirname(path));
    // Tried even when the parent exists, because another process may have just created it. If the parent accepts no
    // folders, this reports why.
    await makeLast(path);
  }
}

/** Creates the folder itself, unless it exists. */
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
