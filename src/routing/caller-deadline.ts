/** How long a caller waits: until its deadline, or until it aborts. */
import type { Clock } from "../core/clock.js";
import type { RouteContext } from "./mailbox/submission.js";

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
