/** A wait that ends early when its result is no longer wanted. */
import type { Clock } from "../clock.js";
import type { StopSignal } from "./stop-signal.js";

/** Resolves after `pauseMs`, or as soon as `signal` is aborted. */
export function pause(clock: Pick<Clock, "after">, pauseMs: number, signal?: StopSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const end = (): void => {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(pauseMs, end);
    signal?.addEventListener("abort", end, { once: true });
  });
}
