/** The file in which a PostgreSQL server says who it is and whether it takes connections; its own tools read it, too. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface PostmasterFile {
  readonly pid: number;
  readonly isReady: boolean;
}

export function postmasterPath(database: string): string {
  return join(database, "postmaster.pid");
}

/** Null when the file is missing or incomplete. */
export async function readPostmasterFile(database: string): Promise<PostmasterFile | null> {
  const text = await readFile(postmasterPath(database), "utf8").catch(() => "");
  // The process id is in the first line, and the state in the eighth.
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  return Number.isSafeInteger(pid) && pid > 0 ? { pid, isReady: lines[7]?.trim() === "ready" } : null;
}
