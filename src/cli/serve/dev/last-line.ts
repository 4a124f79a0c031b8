/** What a program said last, for the message that says how it ended. */
import type { Readable } from "node:stream";

/** How much of the end of a process's output is searched for the reason of its end. */
export const saidBytesMax = 16 * 1024;

/** Reads `said` to its end; the function returned gives the last line that names an error, or else the last one. */
export function lastLine(said: Readable): () => string {
  let tail = "";
  said.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-saidBytesMax);
  });
  return () => {
    const lines = tail.split("\n").map((line) => line.trim());
    return lines.findLast((line) => /FATAL|error:/.test(line)) ?? lines.findLast((line) => line !== "") ?? "";
  };
}
