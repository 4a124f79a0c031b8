/**
 * The metrics of a command's workers as one text. Counters are added up, and go on with what workers counted that are gone,
 * so that they never fall; of gauges each says for itself how several make one.
 */
import { AggregatorRegistry, collectDefaultMetrics, Registry } from "prom-client";
import { ShardgateError } from "../../../core/error.js";
import { NoAnswer, type Peer } from "../../../wire/peer.js";
import type { WorkerCalls } from "./worker-calls.js";

type Figures = readonly object[];
type Worker = Pick<Peer<WorkerCalls>, "ask">;

export class MetricsOfWorkers {
  /** Of each worker that serves, the last that it said. */
  readonly #last = new Map<Worker, Figures>();
  /** The counters of those that are gone. */
  #past: Figures = [];
  readonly #own = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#own });
  }

  came(worker: Worker): void {
    this.#last.set(worker, []);
  }

  /** What it counted since it was asked last is lost. */
  async gone(worker: Worker): Promise<void> {
    const last = this.#last.get(worker) ?? [];
    this.#last.delete(worker);
    this.#past = await sum([this.#past, last.filter(isCounting)]).getMetricsAsJSON();
  }

  /** Rejects with OVERLOADED when a worker gives no answer in time. */
  async text(): Promise<string> {
    const all = await Promise.all([...this.#last.keys()].map((worker) => this.#ask(worker)));
    // Of this process only what it takes of the machine: it serves nobody.
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
