/**
 * A histogram of prom-client's whose observations are added up as plain numbers until somebody reads them. What its own
 * `observe` does with the labels of each costs more than the rest of the counting, and there are several per request.
 */
import { Histogram } from "prom-client";

export interface TalliedHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** The one label. */
  readonly label: string;
  /** Upper bounds, growing; there is none for what is greater than the last. */
  readonly buckets: readonly number[];
}

/** What was observed with one value of the label. */
interface Series {
  /** Per bucket, those in the ones below not included. */
  readonly counts: number[];
  count: number;
  sum: number;
}

export class TalliedHistogram extends Histogram {
  readonly #options: TalliedHistogramOptions;
  readonly #series = new Map<string, Series>();

  constructor(options: TalliedHistogramOptions) {
    const { name, help, label, buckets } = options;
    super({ name, help, labelNames: [label], buckets: [...buckets], registers: [] });
    this.#options = options;
  }

  /** Observes `value` where the label has the value `of`. */
  tally(of: string, value: number): void {
    const { buckets } = this.#options;
    let series = this.#series.get(of);
    if (series === undefined) this.#series.set(of, (series = { counts: buckets.map(() => 0), count: 0, sum: 0 }));
    series.count++;
    series.sum += value;
    const bucket = buckets.findIndex((bound) => value <= bound);
    if (bucket >= 0) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
  }

  /** What prom-client's registry reads, for its text, and through `get`. */
  async getForPromString(): Promise<object> {
    const { name, help } = this.#options;
    const values = [...this.#series].flatMap(([of, series]) => this.#valuesOf(of, series));
    return { name, help, type: "histogram", aggregator: "sum", values };
  }

  #valuesOf(of: string, { counts, count, sum }: Series): readonly object[] {
    const { name, label, buckets } = this.#options;
    const labels = { [label]: of };
    const value = (part: string, number: number, le?: number | string): object => {
      return {
        metricName: `${name}_${part}`,
        labels: le === undefined ? labels : { le, ...labels },
        sharedLabels: {},
        value: number,
      };
    };
    let upTo = 0;
    const below = buckets.map((le, index) => value("bucket", (upTo += counts[index] ?? 0), le));
    return [...below, value("bucket", count, "+Inf"), value("sum", sum), value("count", count)];
  }
}
