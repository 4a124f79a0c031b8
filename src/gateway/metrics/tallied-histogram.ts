/**
 * A prom-client histogram whose observations are added up as plain numbers until they are read. The label handling of
 * prom-client's `observe` costs more than all other counting, and there are several observations per request.
 */
import { Histogram } from "prom-client";

export interface TalliedHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Name of the only label. */
  readonly label: string;
  /** Upper bounds, ascending; values above the last are in no bucket. */
  readonly buckets: readonly number[];
}

/** The observations for one value of the label. */
interface Series {
  /** Observations per bucket, without those of lower buckets. */
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

  /** Observes `value` for the label value `of`. */
  tally(of: string, value: number): void {
    const { buckets } = this.#options;
    let series = this.#series.get(of);
    if (series === undefined) this.#series.set(of, (series = { counts: buckets.map(() => 0), count: 0, sum: 0 }));
    series.count++;
    series.sum += value;
    const bucket = buckets.findIndex((bound) => value <= bound);
    if (bucket >= 0) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
  }

  /** Called by prom-client's registry for its text, and by `get`. */
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
