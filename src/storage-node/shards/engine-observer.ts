/** Observes the engine's calls, for metrics. The same for every engine. */

/** Called on the hot path, so implementations must only count. Times are in milliseconds. */
export interface EngineObserver {
  readDone(operations: number, durationMs: number, isFailed: boolean): void;
  /** Called after each group commit. `bytes`: total size of the written values. */
  commitDone(event: {
    readonly operations: number;
    readonly bytes: number;
    readonly durationMs: number;
    readonly isFailed: boolean;
  }): void;
  sweepDone(event: { readonly expired: number; readonly tombstonesDropped: number; readonly isFailed: boolean }): void;
}
