import type { EventLoopUtilization } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import {
  loopUtilization,
  utilizationSampleMs,
  utilizationHalfLifeMs,
} from "../../../src/cli/environment/loop-utilization.js";

/** A process whose event loop is busy for the share of the time that `pass` sets. */
function openLoop() {
  let [idle, active, nowMs] = [0, 0, 0];
  const ofTotal = (since: EventLoopUtilization = { idle: 0, active: 0, utilization: 0 }): EventLoopUtilization => {
    const [idleNow, activeNow] = [idle - since.idle, active - since.active];
    return { idle: idleNow, active: activeNow, utilization: activeNow / Math.max(1, idleNow + activeNow) };
  };
  const utilization = loopUtilization({
    nowMs: () => nowMs,
    utilization: (since) => (since === undefined ? { ...ofTotal(), utilization: 0 } : ofTotal(since)),
  });
  const pass = (ms: number, share: number): number => {
    nowMs += ms;
    active += ms * share;
    idle += ms * (1 - share);
    return utilization();
  };
  return { pass };
}

describe("loopUtilization", () => {
  it("reports half of a change after the half-life of a measurement", () => {
    const { pass } = openLoop();
    expect(pass(utilizationHalfLifeMs, 1)).toBeCloseTo(0.5);
    expect(pass(utilizationHalfLifeMs, 1)).toBeCloseTo(0.75);
    expect(pass(utilizationHalfLifeMs, 0)).toBeCloseTo(0.375);
  });

  it("converges to a constant load, and forgets a long time in one measurement", () => {
    const { pass } = openLoop();
    for (let look = 0; look < 50; look++) pass(utilizationSampleMs, 0.8);
    expect(pass(utilizationSampleMs, 0.8)).toBeCloseTo(0.8);
    expect(pass(60_000, 0)).toBeCloseTo(0);
  });

  it("does not measure again too soon", () => {
    const { pass } = openLoop();
    expect(pass(utilizationSampleMs - 1, 1)).toBe(0);
    expect(pass(1, 1)).toBeGreaterThan(0);
  });

  it("reports a share of this process's own time", () => {
    expect(loopUtilization()()).toBe(0);
  });
});
