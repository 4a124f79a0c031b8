/**
 * How busy this process is: the share of the time for which its event loop runs instead of waiting. It is measured on
 * request, so that an idle process needs no timer.
 */
import { performance, type EventLoopUtilization } from "node:perf_hooks";

/**
 * Interval of measuring the event loop's utilization, and the time after which an old measurement has half of its
 * weight.
 */
export const utilizationSampleMs = 20;
export const utilizationHalfLifeMs = 40;

export interface LoopReading {
  nowMs(): number;
  /** The utilization since the process began, or since `since`. */
  utilization(since?: EventLoopUtilization): EventLoopUtilization;
}

const systemReading: LoopReading = {
  nowMs: () => performance.now(),
  utilization: (since) => performance.eventLoopUtilization(since),
};

/** Returns a function that returns the smoothed recent utilization. */
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
