/** Waits that end early at a caller's deadline or abort. */
import type { Clock } from "../core/clock.js";
import type { StopSignal } from "../core/tasks/stop-signal.js";
import type { RouteContext } from "./mailbox/submission.js";

/** Resolves after `pauseMs`, or as soon as the caller aborts. */
export function pause(clock: Clock, pauseMs: number, signal?: StopSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(pauseMs, end);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** Resolves when `work` has resolved or rejected, at the caller's deadline at the latest. */
export function endOrDeadline(clock: Clock, work: Promise<unknown>, { deadlineMs }: RouteContext): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(deadlineMs - clock.monotonicMs(), resolve);
    const end = (): void => {
      cancel();
      resolve();
    };
    work.then(end, end);
  });
}

/** Whether the caller will still want an answer in `aheadMs`. */
export function isWanted(clock: Clock, { deadlineMs, signal }: RouteContext, aheadMs = 0): boolean {
  return signal?.aborted !== true && clock.monotonicMs() + aheadMs < deadlineMs;
}
