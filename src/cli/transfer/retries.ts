/**
 * The retries of `import` and `export`: as the client's, but more often and for longer, so that a storage node can
 * restart meanwhile.
 */
import type { Retries } from "../../client/request/repeat.js";
import type { Clock } from "../../core/clock.js";

/**
 * Most attempts of `import` and `export` at one request; with the pauses about ten seconds, enough for a storage node
 * to restart.
 */
const clientAttemptsMax = 10;

/**
 * Upper bound of the pause before the second attempt of `import` and `export`. It doubles with each attempt; the pause
 * is random from zero to the bound.
 */
export const clientPauseMs = 100;

/** Longest of those pauses. */
const clientPauseMsMax = 5_000;

export interface RetryParts {
  readonly clock: Clock;
  random(): number;
  /** When aborted, the current pause ends at once, and the next attempt is the last. */
  readonly signal?: AbortSignal;
}

export function retriesOf({ clock, random, signal }: RetryParts): Retries {
  return {
    attemptsMax: clientAttemptsMax,
    pauseMs: clientPauseMs,
    pauseMsMax: clientPauseMsMax,
    random,
    after(delayMs, callback) {
      const end = () => {
        cancel();
        callback();
      };
      const cancelTimer = clock.after(delayMs, end);
      const cancel = () => {
        cancelTimer();
        signal?.removeEventListener("abort", end);
      };
      if (signal?.aborted) end();
      else signal?.addEventListener("abort", end);
      return cancel;
    },
  };
}
