/** The real clock, ten times as fast: for deadlines that end a wait for something real, such as a lock of the kernel. */
import { systemClock } from "../../src/cli/environment/system-clock.js";
import type { Clock } from "../../src/core/clock.js";

const factor = 10;

export const hurriedClock: Clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => factor * systemClock.monotonicMs(),
  after: (delayMs, callback) => systemClock.after(delayMs / factor, callback),
};
