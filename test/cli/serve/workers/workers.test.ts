import { describe, expect, it } from "vitest";
import { exitCodes } from "../../../../src/cli/terminal/exit-code.js";
import {
  Workers,
  type WorkersService,
  workerPauseMs,
  workerPauseMsMax,
  workerSteadyMs,
} from "../../../../src/cli/serve/workers/workers.js";
import type { WorkerCalls } from "../../../../src/cli/serve/workers/worker-calls.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { RecordLog } from "../../../support/record-log.js";
import { FakeSeat, type FakeWorker } from "./fake-seat.js";

function setUp(count: number, onFork: (worker: FakeWorker) => void = (worker) => void worker.serve()) {
  const seat = new FakeSeat(onFork);
  const clock = new FakeClock();
  const log = new RecordLog();
  const gone: unknown[] = [];
  const service: WorkersService<WorkerCalls> = {
    beginOf: () => ({ greeting: "hello" }),
    calls: {},
    metrics: async () => "all",
    onGone: (peer) => void gone.push(peer),
  };
  const workers = new Workers({ seat, count, clock, log, service });
  const pauses = () => log.lines.flatMap(({ facts }) => (facts["pauseMs"] === undefined ? [] : [facts["pauseMs"]]));
  return { seat, clock, log, gone, workers, pauses };
}

/** Turns of the event loop, for messages on their way. */
async function messages(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  await settle();
}

describe("Workers", () => {
  it("starts the first alone, and the others once it serves", async () => {
    const { seat, workers } = setUp(3, () => undefined);
    const started = workers.start();
    await messages();
    expect(seat.workers).toHaveLength(1);
    await seat.last.serve();
    await messages();
    expect(seat.workers).toHaveLength(3);
    await Promise.all(seat.workers.slice(1).map((worker) => worker.serve()));
    expect(await started).toBe("http://127.0.0.1:4001");
    expect(seat.workers.map(({ begun }) => begun)).toEqual([
      { greeting: "hello", worker: 1 },
      { greeting: "hello", worker: 2 },
      { greeting: "hello", worker: 3 },
    ]);
  });

  it.each([
    ["a code of its own", 2, { name: "ToldFailure", exitCode: exitCodes.usage }],
    ["0", 0, { name: "CommandFailure", exitCode: exitCodes.failed }],
    ["a signal", "SIGKILL", { name: "CommandFailure", exitCode: exitCodes.failed }],
    ["no process at all", "spawn failed", { message: expect.stringContaining("spawn failed") }],
  ] as const)("fails, and starts nothing again, when one ends with %s before it served", async (_, how, failure) => {
    const { seat, clock, workers } = setUp(2, (worker) => {
      if (worker.pid === 1000) void worker.serve();
      else worker.end(how);
    });
    await expect(workers.start()).rejects.toMatchObject(failure);
    await clock.advance(workerPauseMsMax);
    expect(seat.workers).toHaveLength(2);
  });

  it("starts again what ends, under its number, and says so", async () => {
    const { seat, clock, log, gone, workers } = setUp(2);
    await workers.start();
    seat.workers[0]?.end("SIGKILL");
    await messages();
    expect(gone).toHaveLength(1);
    expect(log.lines.at(-1)).toMatchObject({ level: "error", facts: { worker: 1, how: "SIGKILL" } });
    await clock.advance(workerPauseMs);
    await messages();
    expect(seat.workers).toHaveLength(3);
    expect(seat.last.begun).toEqual({ greeting: "hello", worker: 1 });
  });

  it("waits longer each time, up to a bound, and not at all for one that lived long", async () => {
    const { seat, clock, workers, pauses } = setUp(1);
    await workers.start();
    for (let round = 0; round < 9; round++) {
      seat.last.end(1);
      await messages();
      await clock.advance(workerPauseMsMax);
      await messages();
    }
    expect(pauses()).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    await clock.advance(workerSteadyMs);
    seat.last.end(0);
    await messages();
    expect(pauses().at(-1)).toBe(0);
  });

  it("goes on trying with one that cannot start any more", async () => {
    let isBroken = false;
    const { seat, clock, workers } = setUp(1, (worker) => (isBroken ? worker.end(1) : void worker.serve()));
    await workers.start();
    isBroken = true;
    seat.last.end("SIGKILL");
    for (let round = 0; round < 3; round++) {
      await messages();
      await clock.advance(workerPauseMsMax);
    }
    expect(seat.workers.length).toBeGreaterThan(4);
    isBroken = false;
    await clock.advance(workerPauseMsMax);
    await messages();
    expect(seat.last.begun).toMatchObject({ worker: 1 });
  });

  it("asks all to end, and starts none again", async () => {
    const { seat, clock, workers } = setUp(3);
    await workers.start();
    seat.workers[2]?.end("SIGKILL");
    await messages();
    await workers.stop(1000);
    await clock.advance(workerPauseMsMax);
    expect(seat.workers.map(({ signals }) => signals)).toEqual([["SIGTERM"], ["SIGTERM"], []]);
  });

  it("takes one that had not begun for one that ended well", async () => {
    const { seat, workers } = setUp(1, (worker) => {
      worker.onSigterm = () => worker.end("SIGTERM");
    });
    const started = workers.start();
    started.catch(() => undefined);
    await workers.stop(1000);
    expect(seat.last.signals).toEqual(["SIGTERM"]);
  });

  it("passes on that one did not end well", async () => {
    const { seat, workers } = setUp(2);
    await workers.start();
    seat.last.onSigterm = () => seat.last.end(1);
    await expect(workers.stop(1000)).rejects.toMatchObject({ name: "ToldFailure", exitCode: exitCodes.failed });
  });

  it("ends those that take too long", async () => {
    const { seat, clock, workers } = setUp(2);
    await workers.start();
    seat.last.onSigterm = () => undefined;
    const stopping = workers.stop(1000);
    const failed = expect(stopping).rejects.toThrow("Workers took longer than 1000 ms to stop and were ended.");
    await messages();
    await clock.advance(1000);
    await failed;
    expect(seat.last.signals).toEqual(["SIGTERM", "SIGKILL"]);
  });
});
