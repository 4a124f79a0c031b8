/** A storage engine that tells what its calls cost: what metrics count is the same for every engine, and no engine's matter. */
import type { Clock } from "../core/clock.js";
import { utf8Bytes } from "../core/key.js";
import type { FencedWrite, StorageEngine } from "../storage/engine.js";

/** Called on the hot path: it adds up and returns. Times are milliseconds. */
export interface EngineObserver {
  readDone(event: { readonly operations: number; readonly durationMs: number; readonly isFailed: boolean }): void;
  /** One group commit. `bytes`: of the values in it. */
  commitDone(event: {
    readonly operations: number;
    readonly bytes: number;
    readonly durationMs: number;
    readonly isFailed: boolean;
  }): void;
  sweepDone(event: { readonly expired: number; readonly tombstonesDropped: number; readonly isFailed: boolean }): void;
}

export function observedEngine(engine: StorageEngine, clock: Clock, observer: EngineObserver): StorageEngine {
  /** Runs `call`, and tells how long it took and whether it failed. */
  async function timed<T>(call: () => Promise<T>, tell: (durationMs: number, result: T | null) => void): Promise<T> {
    const startMs = clock.monotonicMs();
    try {
      const result = await call();
      tell(clock.monotonicMs() - startMs, result);
      return result;
    } catch (error) {
      tell(clock.monotonicMs() - startMs, null);
      throw error;
    }
  }
  return {
    name: engine.name,
    isDurable: engine.isDurable,
    read: (operations, budget) =>
      timed(
        () => engine.read(operations, budget),
        (durationMs, result) =>
          observer.readDone({ operations: operations.length, durationMs, isFailed: result === null }),
      ),
    write: (operations, nowMs) =>
      timed(
        () => engine.write(operations, nowMs),
        (durationMs, result) =>
          observer.commitDone({
            operations: operations.length,
            bytes: valueBytes(operations),
            durationMs,
            isFailed: result === null,
          }),
      ),
    sweep: (nowMs, entriesMax) =>
      timed(
        () => engine.sweep(nowMs, entriesMax),
        (_, swept) =>
          observer.sweepDone({ ...(swept ?? { expired: 0, tombstonesDropped: 0 }), isFailed: swept === null }),
      ),
    stats: (nowMs) => engine.stats(nowMs),
    fileBytes: () => engine.fileBytes(),
    changes: (request) => engine.changes(request),
    state: () => engine.state(),
    changeState: (decide) => engine.changeState(decide),
    close: () => engine.close(),
  };
}

function valueBytes(writes: readonly FencedWrite[]): number {
  return writes.reduce((sum, { operation }) => sum + (operation.kind === "put" ? utf8Bytes(operation.value) : 0), 0);
}
