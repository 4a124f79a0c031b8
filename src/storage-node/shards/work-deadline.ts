/** A deadline around work that cannot be called off: the work goes on, and its late result is dropped. */
import type { Clock } from "../../core/clock.js";

/** What `work` resolves to, or `late` once the time is over. Rejects when `work` does within the time. */
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
