/** An engine, by default in memory, that counts its calls and waits or fails on request. */
import type { WriteOutcome } from "../../../src/core/operation.js";
import type { ShardClaim, StorageEngine, Swept } from "../../../src/storage/engine.js";
import { MemoryEngine } from "../../../src/storage/memory/memory-engine.js";

export class ScriptedEngine implements StorageEngine {
  readonly name = "scripted";
  /** Whether it reports itself as durable; its data are in memory nevertheless. */
  isDurable = true;
  lanes = 1;
  isStoreLost = false;
  outdated: readonly ShardClaim[] = [];
  /** Sizes of the groups of writes and reads, in the order of the calls. */
  readonly writes: number[] = [];
  readonly reads: number[] = [];
  readonly sweeps: number[] = [];
  /** Number of calls that changed document or claims. */
  stateChanges = 0;
  isClosed = false;
  writeFailure: unknown = null;
  readFailure: unknown = null;
  sweepFailure: unknown = null;
  stateFailure: unknown = null;
  /** When set, the results of sweeps. */
  sweepAnswers: Swept[] = [];
  /** When set, the outcomes of writes, without writing anything. */
  writeAnswers: WriteOutcome[][] = [];
  /** When true, outcomes of writes and reads are lost, contrary to the contract. */
  losesOutcomes = false;
  readonly #inner: StorageEngine;
  #held: Promise<void> | null = null;
  #heldLane: number | null = null;
  #release = (): void => undefined;
  #heldReads: Promise<void> | null = null;

  constructor(inner: StorageEngine = new MemoryEngine()) {
    this.#inner = inner;
  }

  /** From now on writes and sweeps wait until `release`; with a lane, only writes of that lane do. */
  hold(lane: number | null = null): void {
    this.#heldLane = lane;
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** From now on reads of entries, document and claims wait until `release`. */
  holdReads(): void {
    this.hold();
    this.#heldReads = this.#held;
  }

  release(): void {
    this.#release();
    this.#held = null;
    this.#heldReads = null;
  }

  async read(...[operations, budget]: Parameters<StorageEngine["read"]>) {
    this.reads.push(operations.length);
    await this.#heldReads;
    if (this.readFailure !== null) throw this.readFailure;
    const outcomes = await this.#inner.read(operations, budget);
    return this.losesOutcomes ? [] : outcomes;
  }

  async write(...[operations, nowMs]: Parameters<StorageEngine["write"]>) {
    this.writes.push(operations.length);
    if (operations.some(({ operation }) => this.#isHeld(operation.shard))) await this.#held;
    if (this.writeFailure !== null) throw this.writeFailure;
    const outcomes = this.writeAnswers.shift() ?? (await this.#inner.write(operations, nowMs));
    return this.losesOutcomes ? [] : outcomes;
  }

  async sweep(nowMs: number, entriesMax: number): Promise<Swept> {
    this.sweeps.push(entriesMax);
    if (this.#heldLane === null) await this.#held;
    if (this.sweepFailure !== null) throw this.sweepFailure;
    return this.sweepAnswers.shift() ?? this.#inner.sweep(nowMs, entriesMax);
  }

  async state() {
    await this.#heldReads;
    if (this.stateFailure !== null) throw this.stateFailure;
    return this.#inner.state();
  }

  async changeState(...[decide]: Parameters<StorageEngine["changeState"]>) {
    await this.#heldReads;
    if (this.stateFailure !== null) throw this.stateFailure;
    return this.#inner.changeState((state) => {
      const change = decide(state);
      if (change !== null) this.stateChanges++;
      return change;
    });
  }

  async fileBytes() {
    return 8192;
  }

  changes(...[request]: Parameters<StorageEngine["changes"]>) {
    return this.#inner.changes(request);
  }

  stats(nowMs: number) {
    return this.#inner.stats(nowMs);
  }

  outdatedClaims(): readonly ShardClaim[] {
    return this.outdated;
  }

  async close() {
    this.isClosed = true;
  }

  #isHeld(shard: number): boolean {
    return this.#heldLane === null || shard % this.lanes === this.#heldLane;
  }
}
