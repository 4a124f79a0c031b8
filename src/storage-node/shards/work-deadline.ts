/** A deadline around work that cannot be cancelled: the work continues, and its late result is dropped. */
import type { Clock } from "../../core/clock.js";

/** Resolves to the result of `work`, or to `late` after `timeoutMs`. Rejects when `work` rejects before that. */
export function resultWithin<T, L>(clock: Clock, timeoutMs: number, work: Promise<T>, late: L): Promise<T | L> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => resolve(late));
    const settle = (result: T): void => {
      cancel();
      resolve(result);
    };
    const failed = (error: unknown): void => {
      cancel();
      reject(error);
    };
    work.then(settle, failed);
  });
}
