/**
 * Removes expired entries, old tombstones and what else the engine puts off, in the background, one sweep after another and
 * never two at once. Readers do not depend on it: an expired entry is gone for them at its moment.
 */
import type { Clock } from "../../core/clock.js";
import type { Log } from "../../core/log.js";
import type { StorageEngine } from "../../storage/engine.js";
import type { EngineObserver } from "./engine-observer.js";

/** How often expired entries are removed from a storage node's engine. */
export const sweepIntervalMs = 1_000;

/** Most entries one sweep removes, so that it never holds up writes for long. */
export const sweepEntriesMax = 1_000;

export interface Sweeper {
  /** Resolves when the sweep under way has ended; no other begins. */
  stop(): Promise<void>;
}

export interface SweeperOptions {
  readonly engine: Pick<StorageEngine, "sweep">;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is counted. */
  readonly observer?: Pick<EngineObserver, "sweepDone">;
  /** Asked before each sweep; false: not yet. */
  readonly mayRun: () => boolean;
}

export function startSweeper({ engine, clock, log, observer, mayRun }: SweeperOptions): Sweeper {
  let isStopped = false;
  let sweeping: Promise<void> = Promise.resolve();
  let cancel = schedule(sweepIntervalMs);

  function schedule(delayMs: number): () => void {
    return clock.after(delayMs, () => {
      sweeping = sweep();
    });
  }

  async function sweep(): Promise<void> {
    let isMore = false;
    try {
      if (mayRun()) {
        const swept = await engine.sweep(clock.nowMs(), sweepEntriesMax);
        ({ isMore } = swept);
        observer?.sweepDone({ ...swept, isFailed: false });
      }
    } catch (error) {
      observer?.sweepDone({ expired: 0, tombstonesDropped: 0, isFailed: true });
      log.error({ err: error }, "A sweep of expired entries failed; the next one tries again.");
    }
    // Where there is more the next one follows at once; a timer lets requests in between.
    if (!isStopped) cancel = schedule(isMore ? 0 : sweepIntervalMs);
  }

  return {
    async stop() {
      isStopped = true;
      cancel();
      await sweeping;
    },
  };
}
