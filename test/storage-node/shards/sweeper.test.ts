import { describe, expect, it, vi } from "vitest";
import { startSweeper, sweepIntervalMs, sweepEntriesMax } from "../../../src/storage-node/shards/sweeper.js";
import { FakeClock } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";
import { ScriptedEngine } from "./scripted-engine.js";

function setUp(mayRun = () => true) {
  const engine = new ScriptedEngine();
  const clock = new FakeClock();
  const log = new RecordLog();
  return { engine, clock, log, sweeper: startSweeper({ engine, clock, log, mayRun }) };
}

/** Whether there is more to do does not depend on how many entries have expired. */
const endsAtBound = { expired: 0, tombstonesDropped: sweepEntriesMax, isMore: true };
const isThrough = { expired: sweepEntriesMax, tombstonesDropped: 0, isMore: false };

describe("the sweeper", () => {
  it("sweeps at every interval", async () => {
    const { engine, clock, sweeper } = setUp();
    await clock.advance(3 * sweepIntervalMs);
    expect(engine.sweeps).toEqual([sweepEntriesMax, sweepEntriesMax, sweepEntriesMax]);
    await sweeper.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it("waits until it may run", async () => {
    let isAcknowledged = false;
    const { engine, clock, sweeper } = setUp(() => isAcknowledged);
    await clock.advance(3 * sweepIntervalMs);
    expect(engine.sweeps).toEqual([]);
    isAcknowledged = true;
    await clock.advance(sweepIntervalMs);
    expect(engine.sweeps).toHaveLength(1);
    await sweeper.stop();
  });

  it("continues at once while there is more to do", async () => {
    const { engine, clock, sweeper } = setUp();
    engine.sweepAnswers = [endsAtBound, endsAtBound, isThrough];
    await clock.advance(sweepIntervalMs);
    expect(engine.sweeps).toHaveLength(3);
    await sweeper.stop();
  });

  it("lets requests run between sweeps that follow at once", async () => {
    const { engine, clock, sweeper } = setUp();
    engine.sweepAnswers = [endsAtBound, endsAtBound, isThrough];
    const seen = new Set<number>();
    const look = (): void => {
      seen.add(engine.sweeps.length);
      if (engine.sweeps.length < 3) setImmediate(look);
    };
    look();
    await clock.advance(sweepIntervalMs);
    expect([...seen]).toEqual([0, 1, 2, 3]);
    await sweeper.stop();
  });

  it("never runs two sweeps at once, and waits for the last one when it stops", async () => {
    const { engine, clock, sweeper } = setUp();
    engine.hold();
    engine.sweepAnswers = [endsAtBound, endsAtBound];
    await clock.advance(5 * sweepIntervalMs);
    expect(engine.sweeps).toHaveLength(1);
    const stopped = vi.fn();
    const stopping = sweeper.stop().then(stopped);
    await clock.advance(sweepIntervalMs);
    expect(stopped).not.toHaveBeenCalled();
    engine.release();
    await stopping;
    await clock.advance(5 * sweepIntervalMs);
    expect(engine.sweeps).toHaveLength(1);
  });

  it("tries again after a failed sweep, and logs the failure once until one succeeds", async () => {
    const { engine, clock, log, sweeper } = setUp();
    engine.sweepFailure = new Error("No disk.");
    await clock.advance(2 * sweepIntervalMs);
    expect(engine.sweeps).toHaveLength(2);
    expect(log.lines.map(({ level }) => level)).toEqual(["error"]);
    engine.sweepFailure = null;
    await clock.advance(sweepIntervalMs);
    engine.sweepFailure = new Error("No disk.");
    await clock.advance(sweepIntervalMs);
    expect(log.lines.map(({ level }) => level)).toEqual(["error", "error"]);
    await sweeper.stop();
  });
});
