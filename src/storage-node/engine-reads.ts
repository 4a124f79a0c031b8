/** Reads of the engine with a deadline and a span; each read is one snapshot. Failures become refusals. */
import type { Clock } from "../core/clock.js";
import { engineTimeoutMs } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { Outcome } from "../core/operation.js";
import { startShared, type Tracer } from "../core/tracing.js";
import type { FencedRead, StorageEngine } from "../storage/engine.js";
import type { Caller } from "./caller.js";
import { resultWithin } from "./deadline.js";
import { notInTime, refusalBeforeWrite, refused } from "./engine-failure.js";

export interface EngineReadsOptions {
  readonly engine: Pick<StorageEngine, "name" | "read">;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer;
}

export class EngineReads {
  readonly #options: EngineReadsOptions;

  constructor(options: EngineReadsOptions) {
    this.#options = options;
  }

  /** One outcome per read, in order. `answerBytesMax`: see ReadBudget. Never rejects. */
  async run(reads: readonly FencedRead[], answerBytesMax: number, caller: Caller): Promise<readonly Outcome[]> {
    const { engine, clock, tracer } = this.#options;
    const attributes = { "shardgate.engine": engine.name, "shardgate.operations": reads.length };
    const served = caller.span === undefined ? [] : [caller.span];
    const span = startShared(tracer, "engine read", served, { kind: "internal", attributes });
    try {
      const reading = engine.read(reads, { nowMs: clock.nowMs(), answerBytesMax });
      const outcomes = await resultWithin(clock, engineTimeoutMs, reading, null);
      if (outcomes !== null) return reads.map((_, index) => outcomes[index] ?? unanswered);
      const error = new Error(`The storage engine did not answer within ${engineTimeoutMs} ms.`);
      this.#report(error, reads.length, caller);
      span?.fail(notInTime.code);
      return reads.map(() => notInTime);
    } catch (error) {
      const refusal = refusalBeforeWrite(error);
      this.#report(error, reads.length, caller);
      span?.fail(refusal.code);
      return reads.map(() => refusal);
    } finally {
      span?.end();
    }
  }

  #report(error: unknown, operations: number, { requestId }: Caller): void {
    this.#options.log.error(
      { err: error, requestId, operations },
      "The storage engine failed to read; `err` has the cause. Check the disk.",
    );
  }
}

/** An engine that breaks its contract must not leave a caller without an answer. */
const unanswered = refused("STORAGE_FAILED", "The storage engine gave no outcome for the read.");
