/** A storage engine that counts its calls and can be told to wait or to fail; what it keeps is a MemoryEngine's matter. */
import type { GetOperation, ScanOperation } from "../../src/core/operation.js";
import type { ReadBudget, StorageEngine } from "../../src/storage/engine.js";
import { MemoryEngine } from "../../src/storage/memory-engine.js";

export class ScriptedEngine implements StorageEngine {
  readonly name = "scripted";
  /** Sizes of the groups of writes and reads, in the order of the calls. */
  readonly writes: number[] = [];
  readonly reads: number[] = [];
  readonly sweeps: number[] = [];
  documentWrites = 0;
  isClosed = false;
  writeFailure: unknown = null;
  readFailure: unknown = null;
  sweepFailure: unknown = null;
  documentFailure: unknown = null;
  /** When set, what a sweep says it removed. */
  sweepAnswers: number[] = [];
  /** When true, outcomes of writes get lost, against the contract. */
  losesOutcomes = false;
  readonly #inner = new MemoryEngine();
  #held: Promise<void> | null = null;
  #release = (): void => undefined;

  /** From now on writes and sweeps wait until `release`. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#release();
    this.#held = null;
  }

  async read(operations: readonly (GetOperation | ScanOperation)[], budget: ReadBudget) {
    this.reads.push(operations.length);
    if (this.readFailure !== null) throw this.readFailure;
    return this.#inner.read(operations, budget);
  }

  async write(...[operations, nowMs, rules]: Parameters<StorageEngine["write"]>) {
    this.writes.push(operations.length);
    await this.#held;
    if (this.writeFailure !== null) throw this.writeFailure;
    const outcomes = await this.#inner.write(operations, nowMs, rules);
    return this.losesOutcomes ? [] : outcomes;
  }

  async sweep(nowMs: number, entriesMax: number) {
    this.sweeps.push(entriesMax);
    await this.#held;
    if (this.sweepFailure !== null) throw this.sweepFailure;
    return this.sweepAnswers.shift() ?? this.#inner.sweep(nowMs, entriesMax);
  }

  async writeDocument(text: string, documentVersion?: number) {
    this.documentWrites++;
    if (this.documentFailure !== null) throw this.documentFailure;
    return this.#inner.writeDocument(text, documentVersion);
  }

  async fileBytes() {
    return 8192;
  }

  stats(nowMs: number) {
    return this.#inner.stats(nowMs);
  }

  readDocument() {
    return this.#inner.readDocument();
  }

  async close() {
    this.isClosed = true;
  }
}
