/** The calls between a primary process and its workers that are the same for every command. */

/** The calls from a worker to its primary. */
export type PrimaryCalls = {
  /** The first call; the answer has what the worker begins with, as its command has it. */
  readonly begin: (nothing: null) => WorkerBegin;
  /** Reports that the worker now serves, at this URL. */
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
  /** Counted from 1; a worker that replaces another one takes its number. */
  readonly worker: number;
}
