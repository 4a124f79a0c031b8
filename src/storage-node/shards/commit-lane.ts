/**
 * One lane of a storage node's group commit: collects the writes that arrive during a commit into the next one, so that
 * many small writes share one durable commit. The engine decides within the commit who may write. Every caller is
 * answered within a deadline: with OUTCOME_UNKNOWN if its write has started, with a refusal if it still waits.
 */
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import { engineTimeoutMs, requestIdsLoggedMax } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { Outcome, RefusedOutcome } from "../../core/operation.js";
import { startShared, type Span, type Tracer } from "../../core/tracing.js";
import type { FencedWrite, StorageEngine } from "../../storage/engine.js";
import type { OperationCaller } from "../operation-caller.js";
import { notInTime, refusalOfCommit, refused } from "./engine-failure.js";
import type { EngineObserver } from "./engine-observer.js";
import { FailureStreak, loggedOnce } from "./failure-streak.js";

/** Most writes of one group commit; bounds how long the callers wait for their outcomes. */
export const groupCommitOperationsMax = 4_000;

/** Approximate bytes of values in one group commit: a transaction that the disk completes well within a second. */
export const groupCommitBytesMax = 16 * 1024 * 1024;

export interface CommitLaneOptions {
  readonly engine: Pick<StorageEngine, "name" | "write">;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: commits are not counted. */
  readonly observer?: Pick<EngineObserver, "commitDone">;
  /** Absent: commits are not traced. */
  readonly tracer?: Tracer;
}

/** The size of one submission, of a group, or of all that waits. */
export interface Load {
  readonly operations: number;
  readonly bytes: number;
}

/** Writes of one caller on shards of this lane. */
export interface LaneWrites {
  readonly writes: readonly FencedWrite[];
  /** Bytes of the values. */
  readonly bytes: number;
}

/** How many of the first loads form the next group: as many as fit, and at least one if there are any. */
export function groupLength(waiting: readonly Load[]): number {
  let operations = 0;
  let bytes = 0;
  for (const [index, load] of waiting.entries()) {
    operations += load.operations;
    bytes += load.bytes;
    if (index > 0 && (operations > groupCommitOperationsMax || bytes > groupCommitBytesMax)) return index;
  }
  return waiting.length;
}

export class CommitLane {
  readonly #options: CommitLaneOptions;
  readonly #onLeave: (load: Load) => void;
  readonly #waiting: Submission[] = [];
  #running: Promise<void> | null = null;
  /** Cancels the timer that refuses writes which have waited too long; null while the queue is empty. */
  #cancelExpiry: (() => void) | null = null;
  readonly #failures = new FailureStreak();

  /** `onLeave`: called with what no longer waits, because its commit begins or it is refused. */
  constructor(options: CommitLaneOptions, onLeave: (load: Load) => void) {
    this.#options = options;
    this.#onLeave = onLeave;
  }

  /**
   * Resolves to one outcome per write, in order, once they are durable. The writes stay together and in order. Never
   * rejects.
   */
  submit({ writes, bytes }: LaneWrites, caller: OperationCaller): Promise<readonly Outcome[]> {
    const { clock } = this.#options;
    const sinceMs = clock.monotonicMs();
    return new Promise((resolve) => {
      this.#waiting.push({ writes, operations: writes.length, bytes, caller, sinceMs, resolve });
      this.#cancelExpiry ??= clock.after(engineTimeoutMs, () => this.#expire());
      this.#running ??= this.#run();
    });
  }

  /** Refuses all waiting writes; a running commit continues. */
  discard(): void {
    const stopped = refused("DRAINING", "The storage node stopped before the write ran.");
    for (const submission of this.#take(this.#waiting.length)) refuse(submission, stopped);
  }

  /** Resolves when no write waits and no commit is running. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // Lets writes that arrive in the same turn join the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#commit(this.#take(groupLength(this.#waiting)));
    this.#cancelExpiry?.();
    this.#cancelExpiry = null;
    // Set in the same turn as the last check of the queue, so that no write waits for a loop that has ended.
    this.#running = null;
  }

  #take(count: number): readonly Submission[] {
    const group = this.#waiting.splice(0, count);
    for (const submission of group) this.#onLeave(submission);
    return group;
  }

  /** Refuses writes that have waited for `engineTimeoutMs`, and schedules itself for the next one. */
  #expire(): void {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() - engineTimeoutMs;
    const inTime = this.#waiting.findIndex(({ sinceMs }) => sinceMs > untilMs);
    for (const submission of this.#take(inTime < 0 ? this.#waiting.length : inTime)) refuse(submission, notInTime);
    const [next] = this.#waiting;
    this.#cancelExpiry = next === undefined ? null : clock.after(next.sinceMs - untilMs, () => this.#expire());
  }

  /**
   * Resolves when the engine is done, because later groups must not overtake this one. Callers may be answered earlier,
   * at the deadline.
   */
  async #commit(group: readonly Submission[]): Promise<void> {
    const cancel = this.#options.clock.after(engineTimeoutMs, () => {
      const error = new ShardgateError("OUTCOME_UNKNOWN", `A commit took longer than ${engineTimeoutMs} ms.`);
      const refusal = this.#failed(error, group);
      for (const submission of group) refuse(submission, refusal);
    });
    try {
      const outcomes = await this.#write(group);
      let from = 0;
      for (const { writes, resolve } of group) {
        const own = writes.map((_, index) => outcomes[from + index] ?? unanswered);
        from += writes.length;
        resolve(own);
      }
    } catch (error) {
      const refusal = this.#failed(error, group);
      for (const submission of group) refuse(submission, refusal);
    } finally {
      cancel();
    }
  }

  async #write(group: readonly Submission[]): Promise<readonly Outcome[]> {
    const { engine, clock, observer } = this.#options;
    const writes = group.flatMap((submission) => submission.writes);
    const span = this.#span(group, writes.length);
    const startMs = clock.monotonicMs();
    let isFailed = false;
    try {
      const outcomes = await engine.write(writes, clock.nowMs());
      this.#failures.ended();
      return outcomes;
    } catch (error) {
      isFailed = true;
      span?.fail(refusalOfCommit(error).code);
      throw error;
    } finally {
      span?.end();
      const bytes = group.reduce((sum, submission) => sum + submission.bytes, 0);
      const durationMs = clock.monotonicMs() - startMs;
      observer?.commitDone({ operations: writes.length, bytes, durationMs, isFailed });
    }
  }

  #span(group: readonly Submission[], operations: number): Span | undefined {
    const { engine, tracer } = this.#options;
    if (tracer === undefined) return undefined;
    const attributes = { "shardgate.engine": engine.name, "shardgate.operations": operations };
    const spans = group.flatMap(({ caller }) => caller.span ?? []);
    return startShared(tracer, "engine commit", spans, { kind: "internal", attributes });
  }

  #failed(error: unknown, group: readonly Submission[]): RefusedOutcome {
    const refusal = refusalOfCommit(error);
    if (!this.#failures.isNew(error)) return refusal;
    const requestIds = group.flatMap(({ caller }) => caller.requestId ?? []).slice(0, requestIdsLoggedMax);
    const operations = group.reduce((sum, submission) => sum + submission.operations, 0);
    const what =
      refusal.code === "OUTCOME_UNKNOWN" ? "it is unknown whether they were written" : "none of them was written";
    this.#options.log.error(
      { err: error, operations, requestIds },
      `The storage engine failed a group of writes; ${what}. Check its disk or database. ${loggedOnce}`,
    );
    return refusal;
  }
}

interface Submission extends LaneWrites, Load {
  readonly caller: OperationCaller;
  /** When the submission was queued, on the monotonic clock. */
  readonly sinceMs: number;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
}

function refuse({ writes, resolve }: Submission, refusal: RefusedOutcome): void {
  resolve(writes.map(() => refusal));
}

/** Guards against an engine that breaks its contract: no caller may be left without an answer. */
export const unanswered = refused("OUTCOME_UNKNOWN", "The storage engine gave no outcome for the write.");
