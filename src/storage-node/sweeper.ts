/**
 * Removes expired entries from the engine in the background, one sweep after another and never two at once. Readers do
 * not depend on it: an expired entry is gone for them at its moment.
 */
import type { Clock } from "../core/clock.js";
import { sweepEntriesMax, sweepIntervalMs } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { StorageEngine } from "../storage/engine.js";

export interface Sweeper {
  /** Resolves when the sweep under way has ended; no other begins. */
  stop(): Promise<void>;
}

export interface SweeperOptions {
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly log: Log;
}

export function startSweeper({ engine, clock, log }: SweeperOptions): Sweeper {
  const stopped = new AbortController();
  let sweeping: Promise<void> = Promise.resolve();
  let cancel = schedule();

  function schedule(): () => void {
    return clock.after(sweepIntervalMs, () => {
      sweeping = sweep();
    });
  }

  async function sweep(): Promise<void> {
    try {
      // A full sweep means that there is more, so the next follows at once; writes come in between.
      let removed = sweepEntriesMax;
      while (removed >= sweepEntriesMax && !stopped.signal.aborted)
        removed = await engine.sweep(clock.nowMs(), sweepEntriesMax);
    } catch (error) {
      log.error({ err: error }, "A sweep of expired entries failed; the next one tries again.");
    }
    if (!stopped.signal.aborted) cancel = schedule();
  }

  return {
    async stop() {
      stopped.abort();
      cancel();
      await sweeping;
    },
  };
}
