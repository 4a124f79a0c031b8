/** Makes a folder for data, and tells why when it cannot. */
import { access, constants, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** The folder with all above it, when they are missing. Rejects with the system's error. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    // On a read-only file system Node says that the new folder does not exist; the one above it says what is so.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") await checkWritable(dirname(path));
    throw error;
  }
}

async function checkWritable(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere) return access(path, constants.W_OK);
  if (dirname(path) !== path) await checkWritable(dirname(path));
}
