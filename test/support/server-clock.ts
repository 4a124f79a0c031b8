/**
 * The real clock for stores on real servers, on a machine that is busy with other tests: deadlines of calls are ten times as
 * long, and what is waited for longer than those goes by a hundred times as fast.
 */
import { systemClock } from "../../src/cli/environment/system-clock.js";
import type { Clock } from "../../src/core/clock.js";
import { registryCallMs } from "../../src/core/limits.js";

export const serverClock: Clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => systemClock.monotonicMs(),
  after: (delayMs, callback) => systemClock.after(delayMs > registryCallMs ? delayMs / 100 : delayMs * 10, callback),
};
