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
  let isStopped = false;
  let sweeping: Promise<void> = Promise.resolve();
  let cancel = schedule(sweepIntervalMs);

  function schedule(delayMs: number): () => void {
    return clock.after(delayMs, () => {
      sweeping = sweep();
    });
  }

  async function sweep(): Promise<void> {
    let removed = 0;
    try {
      removed = await engine.sweep(clock.nowMs(), sweepEntriesMax);
    } catch (error) {
      log.error({ err: error }, "A sweep of expired entries failed; the next one tries again.");
    }
    // A full sweep means that there is more, so the next follows at once; a timer lets requests in between.
    if (!isStopped) cancel = schedule(removed < sweepEntriesMax ? sweepIntervalMs : 0);
  }

  return {
    async stop() {
      isStopped = true;
      cancel();
      await sweeping;
    },
  };
}
