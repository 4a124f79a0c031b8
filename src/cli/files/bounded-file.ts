/** Reads files that a user named, which may be anything. */
import { open } from "node:fs/promises";
import { CommandFailure } from "../terminal/command-failure.js";

/** The text of `file`, of at most `bytesMax`. Throws CommandFailure, or the system's error; both name the file. */
export async function readBounded(file: string, bytesMax: number): Promise<string> {
  const handle = await open(file);
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw new CommandFailure(`Cannot use ${file}: it is a folder.`);
    if (stats.size <= bytesMax) return await handle.readFile("utf8");
    throw new CommandFailure(`Cannot use ${file}: it is longer than ${bytesMax} bytes.`);
  } finally {
    await handle.close();
  }
}
