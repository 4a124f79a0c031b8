/** How `import` and `export` try again: as the client does, but more often and for longer, so that a storage node can restart. */
import type { Retries } from "../../client/request/retry.js";
import type { Clock } from "../../core/clock.js";

/** Most attempts of `import` and `export` at one request; with the pauses about ten seconds, a storage node's restart. */
const clientAttemptsMax = 10;

/** First pause of `import` and `export` before they try again; doubles with each attempt, drawn at random up to itself. */
export const clientPauseMs = 100;

/** Longest of those pauses. */
const clientPauseMsMax = 5_000;

export interface RetryParts {
  readonly clock: Clock;
  random(): number;
  /** When aborted, the pause under way is over: what comes next is the last attempt. */
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
