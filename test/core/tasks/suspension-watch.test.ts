import { describe, expect, it } from "vitest";
import { SuspensionWatch, suspendedAfterMs } from "../../../src/core/tasks/suspension-watch.js";
import { FakeClock } from "../../support/fake-clock.js";

function watched() {
  const clock = new FakeClock();
  const breaks: number[] = [];
  return { clock, breaks, watch: new SuspensionWatch(clock, (breakMs) => breaks.push(breakMs)) };
}

describe("SuspensionWatch", () => {
  it("says how long the process was suspended, once, at the first look after that", async () => {
    const { clock, breaks, watch } = watched();
    watch.start();
    await clock.advance(10_000);
    expect(breaks).toEqual([]);
    clock.suspend(5_000);
    watch.look();
    watch.look();
    expect(breaks).toEqual([5_000]);
    await clock.advance(10_000);
    clock.suspend(60_000);
    await clock.advance(0);
    expect(breaks).toEqual([5_000, 60_000]);
    watch.stop();
  });

  it("takes a late timer for no suspension", async () => {
    const { clock, breaks, watch } = watched();
    watch.start();
    clock.suspend(suspendedAfterMs);
    await clock.advance(0);
    expect(breaks).toEqual([]);
    watch.stop();
  });

  it("says nothing of the time before its start and after its stop", async () => {
    const { clock, breaks, watch } = watched();
    watch.look();
    await clock.advance(10_000);
    watch.look();
    watch.start();
    watch.stop();
    await clock.advance(10_000);
    watch.look();
    watch.start();
    expect([breaks, clock.pendingTimers]).toEqual([[], 0]);
  });
});
