/**
 * How busy this process is: the share of the time in which its event loop works instead of waiting. It is read when it is
 * asked for, so that an idle process needs no timer.
 */
import { performance, type EventLoopUtilization } from "node:perf_hooks";

/** How often the event loop's utilization is looked at, and in what time an old one counts half. */
export const utilizationSampleMs = 20;
export const utilizationHalfLifeMs = 40;

export interface LoopReading {
  nowMs(): number;
  /** Since the process began, or since `since`. */
  utilization(since?: EventLoopUtilization): EventLoopUtilization;
}

const systemReading: LoopReading = {
  nowMs: () => performance.now(),
  utilization: (since) => performance.eventLoopUtilization(since),
};

/** Returns a function that says the utilization of late, smoothed. */
export function loopUtilization(reading = systemReading): () => number {
  let last = reading.utilization();
  let lastMs = reading.nowMs();
  let smoothed = 0;
  return () => {
    const nowMs = reading.nowMs();
    const elapsedMs = nowMs - lastMs;
    if (elapsedMs < utilizationSampleMs) return smoothed;
    const { utilization } = reading.utilization(last);
    smoothed = utilization + (smoothed - utilization) * 0.5 ** (elapsedMs / utilizationHalfLifeMs);
    last = reading.utilization();
    lastMs = nowMs;
    return smoothed;
  };
}
