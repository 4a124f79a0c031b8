import { describe, expect, it } from "vitest";
import { RepeatingTask } from "../../../src/core/tasks/repeating-task.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";

function open(work: () => Promise<void>) {
  const [clock, log] = [new FakeClock(), new RecordLog()];
  return { clock, log, task: new RepeatingTask({ clock, log, pauseMs: 100, work }) };
}

describe("RepeatingTask", () => {
  it("runs at once, and again when a pause has passed since the last run ended", async () => {
    let runs = 0;
    let end = (): void => {};
    const { clock, task } = open(() => {
      runs++;
      return new Promise((resolve) => (end = resolve));
    });
    task.start();
    await clock.advance(1_000);
    expect(runs).toBe(1);
    end();
    await clock.advance(99);
    expect(runs).toBe(1);
    await clock.advance(1);
    expect(runs).toBe(2);
  });

  it("logs a run that fails, and continues", async () => {
    let runs = 0;
    const { clock, log, task } = open(async () => {
      if (++runs === 1) throw new Error("Once.");
    });
    task.start();
    await clock.advance(100);
    expect([runs, log.lines.map(({ level }) => level)]).toEqual([2, ["error"]]);
  });

  it("begins no run once it is stopped, and waits for the current one", async () => {
    let end = (): void => {};
    let isStopped = false;
    const { clock, task } = open(() => new Promise((resolve) => (end = resolve)));
    task.start();
    const stopped = task.stop().then(() => (isStopped = true));
    await settle();
    expect(isStopped).toBe(false);
    end();
    await stopped;
    task.start();
    await clock.advance(1_000);
    expect(clock.pendingTimers).toBe(0);
  });
});
