import { accessSync, constants } from "node:fs";
import path from "node:path";

/** Where a program is installed, in the folders of PATH or in further ones; undefined: in none. */
export function programPath(name: string, ...moreFolders: readonly string[]): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), ...moreFolders];
  return folders.map((folder) => path.join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
