/** As the command line watches a registry's file, but so often that tests need not wait long. */
import { watchFiles } from "../../src/cli/files/file-watch.js";
import { systemClock } from "../../src/cli/environment/system-clock.js";
import { RecordLog } from "./record-log.js";

export function watchFile(path: string, onChange: () => void): () => void {
  const parts = { clock: systemClock, log: new RecordLog(), pauseMs: 5 };
  const watch = watchFiles([path], (isChanged) => (isChanged ? onChange() : undefined), parts);
  return () => void watch.stop();
}
