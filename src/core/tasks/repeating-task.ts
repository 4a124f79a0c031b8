/** Repeats work with a pause in between, never two runs at once. Failures of the work do not escape from the timer. */
import type { Clock } from "../clock.js";
import type { Log } from "../log.js";

export interface RepeatingTaskParts {
  readonly clock: Clock;
  readonly log: Log;
  /** From the end of one run to the start of the next. */
  readonly pauseMs: number;
  readonly work: () => Promise<void>;
}

export class RepeatingTask {
  readonly #parts: RepeatingTaskParts;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();
  #cancelPause: () => void = () => {};

  constructor(parts: RepeatingTaskParts) {
    this.#parts = parts;
  }

  /** Runs at once, and then after each pause. May be called once only. */
  start(): void {
    if (!this.#isStopped) this.#running = this.#run();
  }

  /** Prevents further runs; resolves when the current one has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelPause();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log, pauseMs, work } = this.#parts;
    try {
      await work();
    } catch (error) {
      log.error({ err: error }, "A periodic task failed. It runs again after its interval; `err` has the cause.");
    }
    if (!this.#isStopped) this.#cancelPause = clock.after(pauseMs, () => this.start());
  }
}
