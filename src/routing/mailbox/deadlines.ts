/** Finds submissions whose deadline has passed, with one timer for all of them: nearly all are answered long before. */
import type { Clock } from "../../core/clock.js";
import { LinkedList, type Linked } from "../../core/tasks/linked-list.js";

export interface DeadlinesOptions<Waiting> {
  readonly clock: Clock;
  /** Called once for each submission that is still waiting at its deadline. */
  readonly onPassed: (waiting: Waiting) => void;
}

export interface WithDeadline<Waiting> extends Linked<Waiting> {
  /** On the monotonic clock. */
  readonly deadlineMs: number;
}

export class Deadlines<Waiting extends WithDeadline<Waiting>> {
  readonly #options: DeadlinesOptions<Waiting>;
  readonly #waiting = new LinkedList<Waiting>();
  /** When the timer is due; null without a timer. There is a timer while anything waits. */
  #dueMs: number | null = null;
  #cancelTimer: () => void = () => {};

  constructor(options: DeadlinesOptions<Waiting>) {
    this.#options = options;
  }

  add(waiting: Waiting): void {
    this.#waiting.add(waiting);
    if (this.#dueMs === null || waiting.deadlineMs < this.#dueMs) this.#setTimer(waiting.deadlineMs);
  }

  delete(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    if (this.#waiting.size > 0 || this.#dueMs === null) return;
    this.#cancelTimer();
    this.#dueMs = null;
  }

  #setTimer(dueMs: number): void {
    const { clock } = this.#options;
    this.#cancelTimer();
    this.#dueMs = dueMs;
    this.#cancelTimer = clock.after(dueMs - clock.monotonicMs(), () => this.#look());
  }

  #look(): void {
    this.#dueMs = null;
    const nowMs = this.#options.clock.monotonicMs();
    for (const waiting of this.#waiting) {
      if (waiting.deadlineMs > nowMs) continue;
      this.#waiting.delete(waiting);
      this.#options.onPassed(waiting);
    }
    let nextMs = Infinity;
    for (const { deadlineMs } of this.#waiting) nextMs = Math.min(nextMs, deadlineMs);
    if (nextMs < Infinity) this.#setTimer(nextMs);
  }
}
