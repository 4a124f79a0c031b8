/**
 * The traffic of the last minutes, for the console: client requests second by second, and how long each storage node
 * takes for its batches. The gateway's metrics supply the events. Its memory is bounded, and it is cheap enough to run
 * without an open console.
 */
import type { Clock } from "../../../core/clock.js";
import { storageNodesMax } from "../../../core/limits.js";
import type { TrafficSecond } from "../../../wire/console-events.js";
import { HistogramRing, type LatencyHistogram } from "./latency-histogram.js";
import type { TrafficListener } from "../../metrics/gateway-metrics.js";

/** Seconds of traffic that a console shows: five minutes. */
export const trafficSecondsMax = 300;

/** Latencies of a storage node's batches are kept for the last minute, in periods of this length. */
const nodeLatencyPartMs = 10_000;

/** Number of such periods in the minute. */
const nodeLatencyParts = 6;

const secondMs = 1_000;

export class RecentTraffic implements TrafficListener {
  readonly #clock: Clock;
  /** From monotonic to wall time, determined once, so that seconds stay a second apart. */
  readonly #wallOffsetMs: number;
  readonly #firstSecond: number;
  /** One more than is shown, for the current second. */
  readonly #seconds = new HistogramRing(trafficSecondsMax + 1, secondMs);
  readonly #nodes = new Map<string, HistogramRing>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallOffsetMs = clock.nowMs() - clock.monotonicMs();
    this.#firstSecond = this.currentSecond;
  }

  /** The number of the current second. */
  get currentSecond(): number {
    return this.#seconds.partAt(this.#clock.monotonicMs());
  }

  /** Counts requests for data; heartbeats and health checks do not count. */
  requestAnswered({ route, durationMs }: Parameters<TrafficListener["requestAnswered"]>[0]): void {
    if (route !== "/graphql" && !route.startsWith("/data")) return;
    this.#seconds.record(this.#clock.monotonicMs(), durationMs);
  }

  batchAnswered({ node, serviceMs }: Parameters<TrafficListener["batchAnswered"]>[0]): void {
    let ring = this.#nodes.get(node);
    if (ring === undefined) {
      ring = new HistogramRing(nodeLatencyParts, nodeLatencyPartMs);
      this.#nodes.set(node, ring);
      this.#forgetOldest();
    }
    ring.record(this.#clock.monotonicMs(), serviceMs);
  }

  /**
   * The seconds from number `from` up to, but not including, the current one; oldest first, including those without
   * requests.
   */
  secondsFrom(from: number): readonly TrafficSecond[] {
    const current = this.currentSecond;
    const first = Math.max(from, this.#firstSecond, current - trafficSecondsMax);
    return Array.from({ length: Math.max(0, current - first) }, (_, index) => this.#second(first + index));
  }

  /** Quantiles of the batches that the storage node answered in the last minute. */
  nodeLatency(node: string): { readonly p50Ms: number | null; readonly p99Ms: number | null } {
    const recent = this.#nodes.get(node)?.recent(this.#clock.monotonicMs()) ?? null;
    return { p50Ms: quantile(recent, 0.5), p99Ms: quantile(recent, 0.99) };
  }

  #second(second: number): TrafficSecond {
    const histogram = this.#seconds.part(second);
    const atMs = Math.round(second * secondMs + this.#wallOffsetMs);
    return [atMs, histogram?.count ?? 0, quantile(histogram, 0.5), quantile(histogram, 0.99)];
  }

  /** Storage nodes come and go over months; names are bounded as the nodes themselves are. */
  #forgetOldest(): void {
    for (const name of this.#nodes.keys()) {
      if (this.#nodes.size <= storageNodesMax) return;
      this.#nodes.delete(name);
    }
  }
}

/** With three significant digits: more would be noise, and bytes. */
function quantile(histogram: LatencyHistogram | null, share: number): number | null {
  const ms = histogram?.quantileMs(share) ?? null;
  return ms === null ? null : Number(ms.toPrecision(3));
}
