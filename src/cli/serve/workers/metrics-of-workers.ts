/**
 * The metrics of a command's workers as one text. Counters are added up and include those of ended workers, so that
 * they never fall; each gauge declares how its values are combined.
 */
import { AggregatorRegistry, collectDefaultMetrics, Registry } from "prom-client";
import { ShardgateError } from "../../../core/error.js";
import { NoAnswer, type Peer } from "../../../wire/peer.js";
import type { WorkerCalls } from "./worker-calls.js";

type Figures = readonly object[];
type Worker = Pick<Peer<WorkerCalls>, "ask">;

export class MetricsOfWorkers {
  /** The last metrics that each serving worker reported. */
  readonly #last = new Map<Worker, Figures>();
  /** The counters of ended workers. */
  #past: Figures = [];
  readonly #own = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#own });
  }

  came(worker: Worker): void {
    this.#last.set(worker, []);
  }

  /** Counts since the last report of an ended worker are lost. */
  async gone(worker: Worker): Promise<void> {
    const last = this.#last.get(worker) ?? [];
    this.#last.delete(worker);
    this.#past = await sum([this.#past, last.filter(isCounting)]).getMetricsAsJSON();
  }

  /** Rejects with OVERLOADED when a worker gives no answer in time. */
  async text(): Promise<string> {
    const all = await Promise.all([...this.#last.keys()].map((worker) => this.#ask(worker)));
    // The primary serves no requests, so only its process metrics count.
    const own = (await this.#own.getMetricsAsJSON()).filter(({ name }) => name.startsWith("process_"));
    return sum([...all, own, this.#past]).metrics();
  }

  async #ask(worker: Worker): Promise<Figures> {
    try {
      const figures = await worker.ask("figures", null);
      if (this.#last.has(worker)) this.#last.set(worker, figures);
      return figures;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new ShardgateError("OVERLOADED", "A worker did not report its metrics in time.");
    }
  }
}

function sum(all: readonly Figures[]): Registry {
  return AggregatorRegistry.aggregate([...all]);
}

function isCounting(metric: object): boolean {
  return "type" in metric && (metric.type === "counter" || metric.type === "histogram");
}
