/**
 * Watches files that others replace, by polling their names. Notifications of the operating system would miss replaced
 * links further up, as Kubernetes uses them, network file systems, and folders that are missing for a while.
 */
import { statSync, type BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { RepeatingTask, type RepeatingTaskParts } from "../../core/tasks/repeating-task.js";

export type FileWatchParts = Omit<RepeatingTaskParts, "work">;

/**
 * Calls `look` at once and after each pause, with whether any file has changed since the last call or, the first time,
 * since this function was called. A missing file may appear later. `stop` ends this and resolves once no call is
 * running.
 */
export function watchFiles(
  paths: readonly string[],
  look: (isChanged: boolean) => unknown,
  parts: FileWatchParts,
): { stop(): Promise<void> } {
  // Read at once, so that changes right after this call are not missed.
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

/** The facts that change when a file is replaced or overwritten. For a link, those of its target. */
function factsOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join(" ");
}

/** A file that cannot be examined has no facts: reading it reports why. */
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
