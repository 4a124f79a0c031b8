/** What the primary process of a command with several workers and its workers ask and tell each other, whatever the command. */

/** What a worker asks and tells its primary. */
export type PrimaryCalls = {
  /** The first call; the answer has what the worker begins with, as its command has it. */
  readonly begin: (nothing: null) => WorkerBegin;
  /** A statement: the worker serves now, at this URL. */
  readonly listening: (url: string) => void;
  /** The metrics of all workers together, in the Prometheus text format. */
  readonly metrics: (nothing: null) => Promise<string>;
};

/** What the primary asks a worker. */
export type WorkerCalls = {
  /** What this worker has counted, as prom-client's registry has it as JSON. */
  readonly figures: (nothing: null) => Promise<readonly object[]>;
};

export interface WorkerBegin {
  /** From 1 on; one that takes the place of another has its number. */
  readonly worker: number;
}
