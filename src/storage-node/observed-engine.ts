/** A storage engine that tells what its calls cost: what metrics count is the same for every engine, and no engine's matter. */
import type { Clock } from "../core/clock.js";
import { utf8Bytes } from "../core/key.js";
import type { WriteOperation } from "../core/operation.js";
import { DocumentChanged, type StorageEngine } from "../storage/engine.js";

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
  sweepDone(event: { readonly removed: number; readonly isFailed: boolean }): void;
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
      // No failure: the call is made again on the newer document.
      if (error instanceof DocumentChanged) throw error;
      tell(clock.monotonicMs() - startMs, null);
      throw error;
    }
  }
  return {
    name: engine.name,
    read: (operations, budget) =>
      timed(
        () => engine.read(operations, budget),
        (durationMs, result) =>
          observer.readDone({ operations: operations.length, durationMs, isFailed: result === null }),
      ),
    write: (operations, nowMs, rules) =>
      timed(
        () => engine.write(operations, nowMs, rules),
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
        (_, removed) => observer.sweepDone({ removed: removed ?? 0, isFailed: removed === null }),
      ),
    stats: (nowMs) => engine.stats(nowMs),
    fileBytes: () => engine.fileBytes(),
    readDocument: () => engine.readDocument(),
    writeDocument: (text, documentVersion) => engine.writeDocument(text, documentVersion),
    close: () => engine.close(),
  };
}

function valueBytes(operations: readonly WriteOperation[]): number {
  return operations.reduce((sum, operation) => sum + (operation.kind === "put" ? utf8Bytes(operation.value) : 0), 0);
}
