/** What the calls of the engine cost, as metrics count it: the same for every engine. */

/** Called on the hot path: it adds up and returns. Times are milliseconds. */
export interface EngineObserver {
  readDone(operations: number, durationMs: number, isFailed: boolean): void;
  /** One group commit. `bytes`: of the values in it. */
  commitDone(event: {
    readonly operations: number;
    readonly bytes: number;
    readonly durationMs: number;
    readonly isFailed: boolean;
  }): void;
  sweepDone(event: { readonly expired: number; readonly tombstonesDropped: number; readonly isFailed: boolean }): void;
}
