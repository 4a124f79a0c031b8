/**
 * The workers of one command, from the primary's side: starts them, starts again what ends unexpectedly, and ends them
 * together. The first one is started alone, so that a fault that concerns all of them is reported and cleaned up once.
 */
import type { Clock } from "../../../core/clock.js";
import type { Log } from "../../../core/log.js";
import { Peer, type Calls } from "../../../wire/peer.js";
import { exitCodes, type ExitCode } from "../../terminal/exit-code.js";
import { CommandFailure, ToldFailure } from "../../terminal/command-failure.js";
import { within } from "../stop-request.js";
import type { PrimaryCalls, WorkerCalls } from "./worker-calls.js";
import type { PrimarySeat, WorkerExit, WorkerProcess } from "../../environment/worker-process.js";

/** First pause before a worker is started again that ended soon after its start; it doubles each time. */
export const workerPauseMs = 100;

/** Longest of those pauses. */
export const workerPauseMsMax = 5_000;

/** A worker that lived for this long is started again without a pause: it can serve, whatever ended it. */
export const workerSteadyMs = 10_000;

export interface WorkersParts<Theirs extends WorkerCalls> {
  readonly seat: PrimarySeat;
  readonly count: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly service: WorkersService<Theirs>;
}

/** What the primary does for its workers. */
export interface WorkersService<Theirs extends WorkerCalls> {
  /** What a worker that has just started begins with. */
  beginOf(peer: Peer<Theirs>): object;
  /** The calls that workers of this command may make, beside those of every command. */
  readonly calls: Calls;
  metrics(): Promise<string>;
  /** A worker is gone. */
  onGone(peer: Peer<Theirs>): void;
}

interface Running<Theirs extends WorkerCalls> {
  readonly process: WorkerProcess;
  readonly peer: Peer<Theirs>;
}

export class Workers<Theirs extends WorkerCalls = WorkerCalls> {
  readonly #parts: WorkersParts<Theirs>;
  readonly #running = new Map<number, Running<Theirs>>();
  /** By worker number: how often in a row the worker ended soon after its start. */
  readonly #failures = new Map<number, number>();
  readonly #pauses = new Map<number, () => void>();
  #isStopping = false;

  constructor(parts: WorkersParts<Theirs>) {
    this.#parts = parts;
  }

  /** Resolves to the URL they serve when all do. Rejects with ToldFailure or CommandFailure when one ends before. */
  async start(): Promise<string> {
    const url = await this.#start(1, false);
    const others = Array.from({ length: this.#parts.count - 1 }, (_, index) => index + 2);
    await Promise.all(others.map((worker) => this.#start(worker, false)));
    return url;
  }

  /**
   * Asks all to end with `signal`, and ends those that take longer than `timeoutMs`. Rejects when a worker did not end
   * well; the worker has reported why itself, unless it was killed here.
   */
  async stop(timeoutMs: number, signal: "SIGTERM" | "SIGINT" = "SIGTERM"): Promise<void> {
    this.#isStopping = true;
    for (const cancel of this.#pauses.values()) cancel();
    const processes = [...this.#running.values()].map(({ process }) => process);
    for (const process of processes) process.kill(signal);
    const exits = Promise.all(processes.map(({ exited }) => exited));
    const inTime = await within(exits, timeoutMs, this.#parts.clock);
    if (inTime === null) {
      for (const process of processes) process.kill("SIGKILL");
      await exits;
      throw new CommandFailure(`Workers took longer than ${timeoutMs} ms to stop and were ended.`);
    }
    // The signal itself ends a worker that has no handler for it yet.
    const bad = inTime.find(({ code, how }) => code !== exitCodes.done && how !== signal);
    if (bad !== undefined) throw badEnd(bad);
  }

  /** Resolves to its URL when the worker serves; rejects when it ends before. */
  #start(worker: number, isAgain: boolean): Promise<string> {
    const { seat, clock, log, service } = this.#parts;
    const startedMs = clock.monotonicMs();
    const process = seat.fork();
    return new Promise((resolve, reject) => {
      let isServing = false;
      const calls: PrimaryCalls = {
        begin: () => ({ ...service.beginOf(peer), worker }),
        listening: (url) => {
          isServing = true;
          log.debug({ worker, pid: process.pid, url }, "A worker is serving requests.");
          resolve(url);
        },
        metrics: () => service.metrics(),
      };
      const peer = new Peer<Theirs>({ line: process.line, calls: { ...service.calls, ...calls }, clock, log });
      this.#running.set(worker, { process, peer });
      const ended = (exit: WorkerExit): void => {
        this.#running.delete(worker);
        peer.close();
        service.onGone(peer);
        reject(badEnd(exit));
        if (!this.#isStopping && (isServing || isAgain))
          this.#startAgain(worker, exit, clock.monotonicMs() - startedMs);
      };
      void process.exited.then(ended);
    });
  }

  #startAgain(worker: number, { how }: WorkerExit, livedMs: number): void {
    const { clock, log } = this.#parts;
    const failures = livedMs >= workerSteadyMs ? 0 : (this.#failures.get(worker) ?? 0) + 1;
    this.#failures.set(worker, failures);
    const pauseMs = failures === 0 ? 0 : Math.min(workerPauseMsMax, workerPauseMs * 2 ** (failures - 1));
    log.error(
      { worker, how, livedMs: Math.round(livedMs), pauseMs },
      "A worker ended unexpectedly and will be restarted after a pause. Its last log lines may show why.",
    );
    const cancel = clock.after(pauseMs, () => {
      this.#pauses.delete(worker);
      // If the new worker ends, whether or not it has served, that is logged and it is started again.
      this.#start(worker, true).catch(() => undefined);
    });
    this.#pauses.set(worker, cancel);
  }
}

/** A worker that ends with a code of the command line has said why; one that was killed has not. */
function badEnd({ code, how }: WorkerExit): CommandFailure | ToldFailure {
  const known = Object.values(exitCodes).find((each): each is ExitCode => each === code && each !== exitCodes.done);
  if (known !== undefined) return new ToldFailure(known);
  return new CommandFailure(`A worker ended unexpectedly (${how}). Its last log lines may show why.`);
}
