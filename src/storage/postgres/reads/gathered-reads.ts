/**
 * Lets calls that read single keys share statements: a statement costs the server and this process much more than a key
 * does. A call never waits while a statement may be sent; those that arrive meanwhile form the next one.
 */
import { nodeBatchOperationsMax } from "../../../core/limits.js";

/** Statements at a time: two for each of the connections for reads, so that none is idle between two of them. */
const statementsMax = 4;

interface Waiting<Call> {
  readonly call: Call;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class GatheredReads<Call extends { readonly size: number }> {
  readonly #fetch: (calls: readonly Call[]) => Promise<void>;
  readonly #waiting: Waiting<Call>[] = [];
  #running = 0;

  /** `fetch` reads for all of its calls with one statement. */
  constructor(fetch: (calls: readonly Call[]) => Promise<void>) {
    this.#fetch = fetch;
  }

  /** Resolves when `call` was fetched, alone or with others. */
  fetch(call: Call): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ call, done, failed });
      if (this.#running < statementsMax) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running++;
    while (this.#waiting.length > 0) {
      const group = this.#take();
      try {
        await this.#fetch(group.map(({ call }) => call));
        for (const { done } of group) done();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#running--;
  }

  /** The first calls, up to `nodeBatchOperationsMax` operations, and at least one. */
  #take(): readonly Waiting<Call>[] {
    let size = 0;
    const end = this.#waiting.findIndex(({ call }) => (size += call.size) > nodeBatchOperationsMax);
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : Math.max(1, end));
  }
}
