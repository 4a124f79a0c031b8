/** Reads from the engine with a deadline, metrics and a span. Each read is one snapshot. Failures become refusals. */
import type { Clock } from "../../core/clock.js";
import { engineTimeoutMs } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { Outcome } from "../../core/operation.js";
import { startShared, type Span, type Tracer } from "../../core/tracing.js";
import type { FencedRead, StorageEngine } from "../../storage/engine.js";
import type { OperationCaller } from "../operation-caller.js";
import { resultWithin } from "./work-deadline.js";
import { notInTime, refusalBeforeWrite, refused } from "./engine-failure.js";
import type { EngineObserver } from "./engine-observer.js";
import { FailureStreak, loggedOnce } from "./failure-streak.js";

export interface EngineReadsOptions {
  readonly engine: Pick<StorageEngine, "name" | "read">;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: reads are not counted. */
  readonly observer?: Pick<EngineObserver, "readDone">;
  /** Absent: reads are not traced. */
  readonly tracer?: Tracer;
}

export class EngineReads {
  readonly #options: EngineReadsOptions;
  readonly #failures = new FailureStreak();

  constructor(options: EngineReadsOptions) {
    this.#options = options;
  }

  /** Resolves to one outcome per read, in order. `answerBytesMax`: see ReadBudget. Never rejects. */
  async run(
    reads: readonly FencedRead[],
    answerBytesMax: number,
    caller: OperationCaller,
  ): Promise<readonly Outcome[]> {
    const { engine, clock, observer } = this.#options;
    const span = caller.span === undefined ? undefined : this.#span(caller.span, reads.length);
    const startMs = clock.monotonicMs();
    const count = (isFailed: boolean): void =>
      observer?.readDone(reads.length, clock.monotonicMs() - startMs, isFailed);
    try {
      const reading = engine.read(reads, { nowMs: clock.nowMs(), answerBytesMax });
      const outcomes = await resultWithin(clock, engineTimeoutMs, reading, null);
      if (outcomes !== null) {
        count(false);
        this.#failures.ended();
        return outcomes.length === reads.length ? outcomes : reads.map((_, index) => outcomes[index] ?? unanswered);
      }
      // The read continues after the deadline, and its whole duration is counted.
      reading.then(
        () => count(false),
        () => count(true),
      );
      const error = new Error(`The storage engine did not answer within ${engineTimeoutMs} ms.`);
      this.#report(error, reads.length, caller);
      span?.fail(notInTime.code);
      return reads.map(() => notInTime);
    } catch (error) {
      count(true);
      const refusal = refusalBeforeWrite(error);
      this.#report(error, reads.length, caller);
      span?.fail(refusal.code);
      return reads.map(() => refusal);
    } finally {
      span?.end();
    }
  }

  #span(served: Span, operations: number): Span | undefined {
    const { engine, tracer } = this.#options;
    const attributes = { "shardgate.engine": engine.name, "shardgate.operations": operations };
    return startShared(tracer, "engine read", [served], { kind: "internal", attributes });
  }

  #report(error: unknown, operations: number, { requestId }: OperationCaller): void {
    if (!this.#failures.isNew(error)) return;
    this.#options.log.error(
      { err: error, requestId, operations },
      `The storage engine failed to read; \`err\` has the cause. Check its disk or database. ${loggedOnce}`,
    );
  }
}

/** Guards against an engine that breaks its contract: no caller may be left without an answer. */
const unanswered = refused("STORAGE_FAILED", "The storage engine gave no outcome for the read.");
