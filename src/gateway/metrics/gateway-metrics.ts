/**
 * The metrics of the gateway, in Prometheus form: requests by route, and the work of routing. Each instance has a
 * prom-client registry of its own, so that several gateways fit into one process. Labels are bounded: routes are
 * patterns, codes are from a closed list and nodes are registered names, never text of a client.
 * docs/reference/metrics.md lists all metrics.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { ErrorCode } from "../../core/error.js";
import type { RoutingObserver } from "../../routing/observer.js";
import { ClusterGauges, type ClusterFigures, type MakeGauge } from "./cluster-gauges.js";
import { collectedBy, type CollectedKind } from "./collected-metric.js";
import { NodeTallies, type NodeTally } from "./node-tallies.js";
import { TalliedHistogram } from "./tallied-histogram.js";

/** One answered client request. */
export interface AnsweredRequest {
  /** The route's pattern, for example `/data/:key`. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
}

/** Why the edge refused a request or closed a connection; "client-…" when the client has used up its own share. */
export type RequestRefusal =
  | "requests"
  | "client-requests"
  | "bodies"
  | "client-bodies"
  | "answers"
  | "client-answers"
  | "connections"
  | "client-connections"
  | "slow-body"
  | "unfetched-answer"
  | "headers"
  | "host"
  | "origin";

/** Records the traffic of the last minutes for the console: see gateway/pages/console/recent-traffic.ts. */
export interface TrafficListener {
  requestAnswered(request: Pick<AnsweredRequest, "route" | "durationMs">): void;
  batchAnswered(batch: { readonly node: string; readonly serviceMs: number }): void;
}

const silentListener: TrafficListener = { requestAnswered() {}, batchAnswered() {} };

export class Metrics implements RoutingObserver {
  readonly #registry = new Registry();
  readonly #requestSeconds: TalliedHistogram;
  readonly #requestsRefused: Counter;
  readonly #failures: Counter;
  readonly #retries: Counter;
  readonly #batchOperations: TalliedHistogram;
  readonly #waitSeconds: TalliedHistogram;
  readonly #serviceSeconds: TalliedHistogram;
  readonly #breaker: Gauge;
  readonly #unsent: Counter;
  readonly #refused: Counter;
  readonly #waiting: Gauge;
  readonly #waitsEnded: Counter;
  readonly #errors: Counter;
  readonly #requestsInFlight: Gauge;
  readonly #cluster: ClusterGauges;
  readonly #traffic: TrafficListener;
  readonly #tallies = new NodeTallies();
  /** Keyed by method, status and route together. */
  readonly #answered = new Map<string, AnsweredTally>();
  /** Most requests are of one kind, which then needs no lookup. */
  #lastAnswered: AnsweredTally | null = null;
  #requestsUnderWay = 0;

  /** `traffic` is called for each answered request and batch too. */
  constructor(traffic: TrafficListener = silentListener) {
    this.#traffic = traffic;
    const registers = [this.#registry];
    const counter = (name: string, help: string, labelNames: string[]): Counter =>
      new Counter({ name: `shardgate_${name}`, help, labelNames, registers });
    const histogram = (name: string, help: string, label: string, buckets: readonly number[]): TalliedHistogram => {
      const metric = new TalliedHistogram({ name: `shardgate_${name}`, help, label, buckets });
      this.#registry.registerMetric(metric);
      return metric;
    };
    // `aggregator`: how the gauges of several processes of one gateway are combined.
    const gauge: MakeGauge = (name, help, labelNames, aggregator) =>
      new Gauge({ name: `shardgate_${name}`, help, labelNames, registers, aggregator });
    const node = ["node"];

    const answered = this.#answered;
    const labelNames = ["route", "method", "status"];
    const collected = collectedBy(this.#registry);
    collected(Counter, { name: "requests_total", help: "Client requests answered.", labelNames }, function* () {
      for (const { requests, ...labels } of answered.values()) yield [labels, requests] as const;
    });
    const tallied = (Kind: CollectedKind, name: string, help: string, valueOf: (tally: NodeTally) => number): void =>
      collected(Kind, { name, help, labelNames: node }, () => this.#tallies.series(valueOf));
    this.#requestSeconds = histogram("request_seconds", "Time to answer a client request.", "route", secondBuckets);
    this.#requestsInFlight = gauge("requests_in_flight", "Client requests in progress.", [], "sum");
    this.#errors = counter("errors_total", "Errors returned to clients: GraphQL errors and REST problems.", ["code"]);
    this.#refused = counter("operations_refused_total", "Operations that failed after all retries.", ["code"]);
    this.#waiting = gauge(
      "waiting_operations",
      "Operations that wait until another storage node of a shared store has taken over their shard.",
      [],
      "sum",
    );
    this.#waitsEnded = counter("waits_ended_total", "Operations whose wait for a takeover ended, or was refused.", [
      "end",
    ]);
    this.#requestsRefused = counter(
      "requests_refused_total",
      "Requests and connections refused before they were read.",
      ["reason"],
    );
    tallied(Counter, "node_batches_total", "Batches sent to a storage node.", ({ batches }) => batches);
    tallied(Counter, "node_operations_total", "Operations sent to a storage node.", ({ operations }) => operations);
    this.#failures = counter("node_failures_total", "Batches without a usable answer.", [...node, "reason"]);
    this.#retries = counter("node_retries_total", "Operations sent again.", node);
    this.#batchOperations = histogram("node_batch_operations", "Operations in one batch.", "node", sizeBuckets);
    this.#waitSeconds = histogram(
      "node_batch_wait_seconds",
      "Time for which a batch collected operations.",
      "node",
      secondBuckets,
    );
    this.#serviceSeconds = histogram(
      "node_batch_service_seconds",
      "Time from sending a batch to its answer.",
      "node",
      secondBuckets,
    );
    this.#breaker = gauge(
      "node_breaker_state",
      "State of the circuit breaker: 0 closed, 1 half open, 2 open.",
      node,
      "max",
    );
    tallied(Gauge, "node_queued_operations", "Operations waiting for a storage node.", ({ queued }) => queued);
    tallied(Gauge, "node_batches_in_flight", "Batches in progress.", ({ inFlight }) => inFlight);
    this.#unsent = counter("node_unsent_operations_total", "Operations that were not sent to their storage node.", [
      ...node,
      "reason",
    ]);
    this.#cluster = new ClusterGauges(gauge);
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Media type of `text()`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in the Prometheus text format. */
  text(): Promise<string> {
    this.#requestsInFlight.set(this.#requestsUnderWay);
    return this.#registry.metrics();
  }

  /** All metrics as data, to be added to those of other processes. */
  data(): Promise<readonly object[]> {
    this.#requestsInFlight.set(this.#requestsUnderWay);
    return this.#registry.getMetricsAsJSON();
  }

  /**
   * The sum of one counter or gauge over all series that have `labels`; 0 when there is none. For tests and the
   * console.
   */
  async total(name: string, labels: Readonly<Record<string, string | number>> = {}): Promise<number> {
    const metric = await this.#registry.getSingleMetric(name)?.get();
    if (metric === undefined) throw new Error(`There is no metric ${name}.`);
    const wanted = Object.entries(labels);
    return metric.values
      .filter((series) => wanted.every(([label, value]) => String(series.labels[label]) === String(value)))
      .reduce((sum, series) => sum + series.value, 0);
  }

  requestAnswered({ route, method, status, durationMs }: AnsweredRequest): void {
    let answered = this.#lastAnswered;
    if (answered?.route !== route || answered.method !== method || answered.status !== status) {
      const kind = `${method} ${status} ${route}`;
      answered = this.#answered.get(kind) ?? { route, method, status, requests: 0 };
      this.#answered.set(kind, answered);
      this.#lastAnswered = answered;
    }
    answered.requests++;
    this.#requestSeconds.tally(route, durationMs / 1000);
    this.#traffic.requestAnswered({ route, durationMs });
  }

  requestBegan(): void {
    this.#requestsUnderWay++;
  }

  /** Called when the answer was sent, or the client is gone. */
  requestEnded(): void {
    this.#requestsUnderWay--;
  }

  requestRefused(reason: RequestRefusal): void {
    this.#requestsRefused.inc({ reason });
  }

  errorTold(code: ErrorCode): void {
    this.#errors.inc({ code });
  }

  /** Called just before the text is read. */
  clusterSeen(figures: ClusterFigures): void {
    this.#cluster.seen(figures);
  }

  batchSent({ node, operations, waitMs }: Parameters<RoutingObserver["batchSent"]>[0]): void {
    const tally = this.#tallies.of(node);
    tally.batches++;
    tally.operations += operations;
    tally.inFlight++;
    this.#batchOperations.tally(node, operations);
    this.#waitSeconds.tally(node, waitMs / 1000);
  }

  batchAnswered({ node, serviceMs }: Parameters<RoutingObserver["batchAnswered"]>[0]): void {
    this.#serviceSeconds.tally(node, serviceMs / 1000);
    this.#tallies.of(node).inFlight--;
    this.#traffic.batchAnswered({ node, serviceMs });
  }

  batchFailed({ node, reason }: Parameters<RoutingObserver["batchFailed"]>[0]): void {
    this.#failures.inc({ node, reason });
    this.#tallies.of(node).inFlight--;
  }

  unsent({ node, reason, operations }: Parameters<RoutingObserver["unsent"]>[0]): void {
    this.#unsent.inc({ node, reason }, operations);
  }

  refused({ code, operations }: Parameters<RoutingObserver["refused"]>[0]): void {
    this.#refused.inc({ code }, operations);
  }

  retried({ node, operations }: Parameters<RoutingObserver["retried"]>[0]): void {
    this.#retries.inc({ node }, operations);
  }

  breakerChanged({ node, state }: Parameters<RoutingObserver["breakerChanged"]>[0]): void {
    this.#breaker.set({ node }, breakerStates[state]);
  }

  queueDepth({ node, operations }: Parameters<RoutingObserver["queueDepth"]>[0]): void {
    this.#tallies.of(node).queued = operations;
  }

  waiting({ operations }: Parameters<RoutingObserver["waiting"]>[0]): void {
    this.#waiting.set(operations);
  }

  waitEnded({ end, operations }: Parameters<RoutingObserver["waitEnded"]>[0]): void {
    this.#waitsEnded.inc({ end }, operations);
  }
}

/** Number of answered requests of one kind. */
interface AnsweredTally extends Omit<AnsweredRequest, "durationMs"> {
  requests: number;
}

const breakerStates = { closed: 0, halfOpen: 1, open: 2 } as const;

/** In seconds: from a hit on loopback to a request's whole deadline. */
const secondBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Up to `nodeBatchOperationsMax`. */
const sizeBuckets = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000];
