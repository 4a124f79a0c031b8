/**
 * Loaded into each process of a soak before the program itself: at SIGUSR2 it collects garbage and prints what is left, on
 * one line of standard output. Ends the process with its parent, whose pipe to standard input closes then.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

process.on("SIGUSR2", () => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const timers = resources.filter((name) => name === "Timeout").length;
  const probed = { heapBytes: heapUsed + external, timers, handles: resources.length - timers };
  process.stdout.write(`probed ${JSON.stringify(probed)}\n`);
});

process.stdin.on("end", () => process.exit()).resume();
process.stdin.unref();
