/** Metrics whose values are kept elsewhere and read only when the metrics text is requested. */
import { Counter, Gauge, type Registry } from "prom-client";

export type CollectedKind = typeof Counter | typeof Gauge;

interface Description {
  /** Without the prefix `shardgate_`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
}

type Series = () => Iterable<readonly [labels: Record<string, string | number>, value: number]>;

/** Returns a function that registers such metrics with `registry`. */
export function collectedBy(
  registry: Registry,
): (Kind: CollectedKind, description: Description, series: Series) => void {
  return (Kind, { name, ...description }, series) => {
    const metric = new Kind({
      ...description,
      name: `shardgate_${name}`,
      registers: [],
      collect() {
        this.reset();
        for (const [labels, value] of series()) this.inc(labels, value);
      },
    });
    registry.registerMetric(metric);
  };
}
