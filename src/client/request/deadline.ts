/** Waits that end when the work is done, when the caller's signal is aborted, or when the time of a call is over. */
import { ShardgateRequestError } from "./request-error.js";
import type { Settings } from "../options.js";

/**
 * Runs `work` with a signal that is aborted when `signal` is, or after `timeoutMs`. If `signal` is already aborted,
 * rejects with its reason without starting anything.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, after }: Settings,
  signal: AbortSignal | undefined,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const forward = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", forward);
  const cancelTimer = after(timeoutMs, () => controller.abort(new TimeIsOver(timeoutMs)));
  try {
    return await work(controller.signal);
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", forward);
  }
}

/** Settles as `work` does; rejects with the signal's reason as soon as it is aborted. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    void work.then(resolve, reject).then(() => signal.removeEventListener("abort", stop));
  });
}

/** Resolves after `delayMs`; if `signal` is aborted before that, rejects with the result of `abortError`. */
export function pause(delayMs: number, { after }: Pick<Settings, "after">, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancelTimer();
      reject(abortError(signal?.reason, false));
    };
    const cancelTimer = after(delayMs, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
  });
}

/** The error for a signal's reason: TIMEOUT when the time of the call is over, else the reason itself. */
export function abortError(reason: unknown, isOutcomeUnknown: boolean): unknown {
  if (!(reason instanceof TimeIsOver)) return reason;
  const message = `There was no answer within ${reason.timeoutMs} ms.`;
  return new ShardgateRequestError("TIMEOUT", message, { isRetryable: true, isOutcomeUnknown, status: null });
}

class TimeIsOver {
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }
}
