import { describe, expect, it } from "vitest";
import { pause } from "../../../src/core/tasks/pause.js";
import { StopSource } from "../../../src/core/tasks/stop-signal.js";
import { FakeClock, settle } from "../../support/fake-clock.js";

/** Whether the pause is over. */
function watched(paused: Promise<void>): { isOver: boolean } {
  const watch = { isOver: false };
  void paused.then(() => (watch.isOver = true));
  return watch;
}

describe("pause", () => {
  it("is over after its time, and not before", async () => {
    const clock = new FakeClock();
    const watch = watched(pause(clock, 100));
    await clock.advance(99);
    expect(watch.isOver).toBe(false);
    await clock.advance(1);
    expect(watch.isOver).toBe(true);
  });

  it("is over as soon as the signal is aborted, and leaves no timer", async () => {
    const clock = new FakeClock();
    const stop = new StopSource();
    const watch = watched(pause(clock, 100, stop));
    stop.abort();
    await settle();
    expect(watch.isOver).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not begin when the signal is aborted already", async () => {
    const clock = new FakeClock();
    const stop = new StopSource();
    stop.abort();
    await pause(clock, 100, stop);
    expect(clock.pendingTimers).toBe(0);
  });
});
