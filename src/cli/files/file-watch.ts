/**
 * Files that others replace, looked at by name again and again. Notices of the operating system would miss links further up,
 * which Kubernetes sets anew, network file systems, and folders that were away for a while.
 */
import { statSync, type BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { RepeatingTask, type RepeatingTaskParts } from "../../core/tasks/repeating-task.js";

export type FileWatchParts = Omit<RepeatingTaskParts, "work">;

/**
 * Calls `look` at once and after each pause, with whether any file is another one than the last time or, the first time, than
 * when this was called. A file that is missing may come later. Resolves, when it is stopped, once no call is under way.
 */
export function watchFiles(
  paths: readonly string[],
  look: (isChanged: boolean) => unknown,
  parts: FileWatchParts,
): { stop(): Promise<void> } {
  // At once, so that nothing is missed that happens right after this call.
  let known = paths.map(firstFactsOf).join();
  const task = new RepeatingTask({
    ...parts,
    async work() {
      const newest = (await Promise.all(paths.map(newestFactsOf))).join();
      const isChanged = newest !== known;
      known = newest;
      await look(isChanged);
    },
  });
  task.start();
  return task;
}

/** What differs between a file and the one that replaces it, or that is written over it. Of a link, the file it leads to. */
function factsOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join(" ");
}

/** A file that cannot be looked at is one without facts: reading it says why. */
function firstFactsOf(path: string): string {
  try {
    return factsOf(statSync(path, { bigint: true }));
  } catch {
    return "";
  }
}

function newestFactsOf(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(factsOf, () => "");
}
