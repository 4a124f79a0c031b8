/**
 * Removes expired entries and old tombstones, and runs the engine's deferred maintenance, in the background, one sweep
 * at a time. Readers do not depend on it: an expired entry is gone for them at the moment of its expiry.
 */
import type { Clock } from "../../core/clock.js";
import type { Log } from "../../core/log.js";
import type { StorageEngine } from "../../storage/engine.js";
import type { EngineObserver } from "./engine-observer.js";
import { FailureStreak, loggedOnce } from "./failure-streak.js";

/** Interval of removing expired entries from a storage node's engine. */
export const sweepIntervalMs = 1_000;

/** Most entries that one sweep removes, so that it never delays writes for long. */
export const sweepEntriesMax = 1_000;

export interface Sweeper {
  /** Resolves when the running sweep has ended; no further one starts. */
  stop(): Promise<void>;
}

export interface SweeperOptions {
  readonly engine: Pick<StorageEngine, "sweep">;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: sweeps are not counted. */
  readonly observer?: Pick<EngineObserver, "sweepDone">;
  /** Called before each sweep; false postpones it. */
  readonly mayRun: () => boolean;
}

export function startSweeper({ engine, clock, log, observer, mayRun }: SweeperOptions): Sweeper {
  const failures = new FailureStreak();
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
        failures.ended();
      }
    } catch (error) {
      observer?.sweepDone({ expired: 0, tombstonesDropped: 0, isFailed: true });
      if (failures.isNew(error)) {
        log.error({ err: error }, `A sweep of expired entries failed; the next one tries again. ${loggedOnce}`);
      }
    }
    // If there is more to do the next sweep follows at once, after a timer that lets requests run in between.
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
