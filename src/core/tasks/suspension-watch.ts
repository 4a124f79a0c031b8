/**
 * Notices that this process was suspended, or its event loop blocked for long: what others sent it meanwhile is still to be
 * taken, so that time is no silence of theirs.
 */
import type { Clock } from "../clock.js";

/** Interval of looking at the clock. */
const lookMs = 500;

/** A longer break than this between two looks is a suspension. Event loops are seldom blocked for so long. */
export const suspendedAfterMs = 1_500;

export class SuspensionWatch {
  readonly #clock: Clock;
  readonly #onEnd: (breakMs: number) => void;
  #lookedMs: number | null = null;
  #cancel: () => void = () => {};
  #isStopped = false;

  /** `onEnd` is called with the length of each suspension, as soon as it is noticed. */
  constructor(clock: Clock, onEnd: (breakMs: number) => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#lookedMs ??= this.#clock.monotonicMs();
    this.look();
    this.#cancel = this.#clock.after(lookMs, () => this.start());
  }

  /** For good. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel();
    this.#lookedMs = null;
  }

  /** Looks now. Call it before a decision on what was silent: timers may be late. Without effect before `start` and after `stop`. */
  look(): void {
    if (this.#lookedMs === null) return;
    const nowMs = this.#clock.monotonicMs();
    const breakMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (breakMs > suspendedAfterMs) this.#onEnd(breakMs);
  }
}
