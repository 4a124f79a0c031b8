/**
 * The metrics of a storage node, in Prometheus form, in a registry of their own. Labels are routes, methods and
 * statuses, never text from a caller. Gauges are read when the text is requested. docs/reference/metrics.md lists all
 * metrics.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EngineObserver } from "./shards/engine-observer.js";

/** The node's current figures, read each time the text is requested. */
export interface NodeGauges {
  readonly requestsInFlight: number;
  readonly queuedWrites: number;
  /** Number of shards that the node owns. */
  readonly hostedShards: number;
  readonly isDraining: boolean;
  /** Whether a gateway has acknowledged this start, or none is needed. */
  readonly isAcknowledged: boolean;
  /** Number of live entries in all shards of the store; of a shared one, in the shards that the node owns. */
  readonly entries: number;
  readonly entryBytes: number;
  /** Null for an engine without files. */
  readonly fileBytes: number | null;
}

export class NodeMetrics implements EngineObserver {
  readonly #registry = new Registry();
  readonly #requests: Counter;
  readonly #requestSeconds: Histogram;
  readonly #batchOperations: Histogram;
  readonly #readSeconds: Histogram;
  readonly #readOperations: Counter;
  readonly #commitSeconds: Histogram;
  readonly #commitOperations: Histogram;
  readonly #commitBytes: Counter;
  readonly #failures: Counter;
  readonly #sweeps: Counter;
  readonly #swept: Counter;
  readonly #tombstonesDropped: Counter;
  readonly #gauges: readonly (readonly [Gauge, (figures: NodeGauges) => number | null])[];

  constructor() {
    const registers = [this.#registry];
    const named = (name: string, help: string) => ({ name: `shardgate_storage_${name}`, help, registers });
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ ...named(name, help), labelNames });
    const histogram = (name: string, help: string, buckets: number[], labelNames: string[] = []) =>
      new Histogram({ ...named(name, help), buckets, labelNames });
    // Gauges of requests are summed over the workers; gauges of data are the same in each.
    const gauge = (name: string, help: string, valueOf: (figures: NodeGauges) => number | null) =>
      [new Gauge({ ...named(name, help), aggregator: "sum" }), valueOf] as const;
    const commonGauge = (name: string, help: string, valueOf: (figures: NodeGauges) => number | null) =>
      [new Gauge({ ...named(name, help), aggregator: "max" }), valueOf] as const;

    this.#requests = counter("requests_total", "Requests answered.", ["route", "method", "status"]);
    this.#requestSeconds = histogram("request_seconds", "Time to answer a request.", secondBuckets, ["route"]);
    this.#batchOperations = histogram("batch_operations", "Operations in one batch.", sizeBuckets);
    this.#readSeconds = histogram("read_seconds", "Time of one engine read.", secondBuckets);
    this.#readOperations = counter("read_operations_total", "Gets and scans passed to the engine.");
    this.#commitSeconds = histogram("commit_seconds", "Time of one group commit, until it is durable.", secondBuckets);
    this.#commitOperations = histogram("commit_operations", "Writes in one group commit.", sizeBuckets);
    this.#commitBytes = counter("commit_bytes_total", "Bytes of the values passed to the engine.");
    this.#failures = counter("engine_failures_total", "Failed engine calls.", ["call"]);
    this.#sweeps = counter("sweeps_total", "Sweeps for expired entries.");
    this.#swept = counter("swept_entries_total", "Expired entries removed.");
    this.#tombstonesDropped = counter(
      "dropped_tombstones_total",
      "Records of deletes and expiries that were dropped because of their age or number.",
    );
    this.#gauges = [
      gauge("requests_in_flight", "Requests in progress.", (figures) => figures.requestsInFlight),
      gauge("queued_writes", "Writes waiting for a group commit.", (figures) => figures.queuedWrites),
      commonGauge("hosted_shards", "Shards that this storage node owns.", (figures) => figures.hostedShards),
      commonGauge(
        "entries",
        "Live entries; in a shared store, of the shards that this storage node owns.",
        (figures) => figures.entries,
      ),
      commonGauge(
        "entry_bytes",
        "Bytes of the live keys and values of the same shards.",
        (figures) => figures.entryBytes,
      ),
      commonGauge("file_bytes", "Bytes of the engine's file; absent without one.", (figures) => figures.fileBytes),
      commonGauge("acknowledged", "1 after a gateway has accepted this start, else 0.", ({ isAcknowledged }) =>
        isAcknowledged ? 1 : 0,
      ),
      commonGauge("draining", "1 while the storage node shuts down, else 0.", ({ isDraining }) => (isDraining ? 1 : 0)),
    ];
    for (const call of ["read", "write", "sweep"]) this.#failures.inc({ call }, 0);
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Media type of `text()`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in the Prometheus text format. */
  text(figures: NodeGauges): Promise<string> {
    this.#set(figures);
    return this.#registry.metrics();
  }

  /** All metrics as data, to be added to those of other processes. */
  data(figures: NodeGauges): Promise<readonly object[]> {
    this.#set(figures);
    return this.#registry.getMetricsAsJSON();
  }

  #set(figures: NodeGauges): void {
    for (const [gauge, valueOf] of this.#gauges) {
      const value = valueOf(figures);
      if (value === null) gauge.remove();
      else gauge.set(value);
    }
  }

  /** `route`: the pattern of the route, not the path. */
  requestAnswered(request: {
    readonly route: string;
    readonly method: string;
    readonly status: number;
    readonly durationMs: number;
  }): void {
    const { route, method, status, durationMs } = request;
    this.#requests.inc({ route, method, status });
    this.#requestSeconds.observe({ route }, durationMs / 1000);
  }

  batchTaken(operations: number): void {
    this.#batchOperations.observe(operations);
  }

  readDone(operations: number, durationMs: number, isFailed: boolean): void {
    this.#readSeconds.observe(durationMs / 1000);
    this.#readOperations.inc(operations);
    if (isFailed) this.#failures.inc({ call: "read" });
  }

  commitDone({ operations, bytes, durationMs, isFailed }: Parameters<EngineObserver["commitDone"]>[0]): void {
    this.#commitSeconds.observe(durationMs / 1000);
    this.#commitOperations.observe(operations);
    this.#commitBytes.inc(bytes);
    if (isFailed) this.#failures.inc({ call: "write" });
  }

  sweepDone({ expired, tombstonesDropped, isFailed }: Parameters<EngineObserver["sweepDone"]>[0]): void {
    this.#sweeps.inc();
    this.#swept.inc(expired);
    this.#tombstonesDropped.inc(tombstonesDropped);
    if (isFailed) this.#failures.inc({ call: "sweep" });
  }
}

/** In seconds: from a read in memory to a disk that hardly responds. */
const secondBuckets = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Up to `groupCommitOperationsMax`. */
const sizeBuckets = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 4000];
