/** Work that is done again and again with a pause between, never twice at once, and whose failures never escape a timer. */
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

  /** Runs at once, and from then on after each pause. To be called once. */
  start(): void {
    if (!this.#isStopped) this.#running = this.#run();
  }

  /** No run starts any more; resolves when the one under way has ended. */
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
