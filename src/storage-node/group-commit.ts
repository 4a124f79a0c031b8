/**
 * Gathers the writes that arrive while a commit is under way into the next one, so that many small writes cost one
 * durable commit. It also is the place where the epoch fence and an assignment change meet: the fence is asked when a
 * group is taken, and a change runs between two commits, before whatever waits.
 */
import type { Clock } from "../core/clock.js";
import { ShardgateError, type ErrorCode } from "../core/error.js";
import {
  assignmentChangesMax,
  groupCommitBytesMax,
  groupCommitOperationsMax,
  groupCommitQueueBytesMax,
  groupCommitQueueMax,
  requestIdsLoggedMax,
} from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { Outcome, RefusedOutcome, RoutedOperation, WriteOperation } from "../core/operation.js";
import { startShared, type Span, type Tracer } from "../core/tracing.js";
import { DocumentChanged, type SequenceFloor, type StorageEngine } from "../storage/engine.js";
import type { KeptState } from "./kept-state.js";

export interface RoutedWrite extends RoutedOperation {
  readonly operation: WriteOperation;
}

/** The request that operations came with. */
export interface Caller {
  /** When requests are traced. */
  readonly span?: Span | undefined;
  /** Of a gateway's batch: its id, as in the gateway's log. */
  readonly requestId?: string | undefined;
}

export interface GroupCommitOptions {
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer;
  /** The epoch fence as it is at the moment of asking. */
  readonly refusalOf: (write: RoutedWrite) => RefusedOutcome | null;
  /** Below which versions may have been given away by earlier owners of a shard, as it is at the moment of asking. */
  readonly floorOf: SequenceFloor;
  /** What the fence goes by. */
  readonly kept: Pick<KeptState, "run" | "version" | "confirm">;
}

/** How much of something: of one submission, of a group, of all that waits. */
export interface Load {
  readonly operations: number;
  readonly bytes: number;
}

/** How many of the first loads make the next group: as many as fit, and at least one when there are any. */
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

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #changes: (() => Promise<void>)[] = [];
  readonly #waiting: Submission[] = [];
  #queued: Load = { operations: 0, bytes: 0 };
  #running: Promise<void> | null = null;
  #lastFailure: string | null = null;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Writes that wait for their commit. */
  get queued(): number {
    return this.#queued.operations;
  }

  /** One outcome per write, in order, once they are durable; the writes stay together and in order. Never rejects. */
  submit(writes: readonly RoutedWrite[], caller: Caller = {}): Promise<readonly Outcome[]> {
    const bytes = writes.reduce(
      (sum, { operation }) => sum + (operation.kind === "put" ? operation.value.length : 0),
      0,
    );
    const queued = { operations: this.#queued.operations + writes.length, bytes: this.#queued.bytes + bytes };
    if (queued.operations > groupCommitQueueMax || queued.bytes > groupCommitQueueBytesMax) {
      return Promise.resolve(allRefused(writes, "OVERLOADED", "Too many writes wait at this storage node already."));
    }
    this.#queued = queued;
    return new Promise((resolve) => {
      this.#waiting.push({ writes, operations: writes.length, bytes, caller, resolve });
      this.#running ??= this.#run();
    });
  }

  /** Runs `change` while no commit is under way; what waits sees its effect. Rejects as `change` does, and with OVERLOADED. */
  change(change: () => Promise<void>): Promise<void> {
    if (this.#changes.length >= assignmentChangesMax) {
      const message = "Too many changes of the assignments wait at this storage node already.";
      return Promise.reject(new ShardgateError("OVERLOADED", message));
    }
    return new Promise((resolve, reject) => {
      this.#changes.push(() => change().then(resolve, reject));
      this.#running ??= this.#run();
    });
  }

  /** Refuses everything that waits; a commit under way goes on. */
  discard(): void {
    for (const { writes, resolve } of this.#take(this.#waiting.length)) {
      resolve(allRefused(writes, "DRAINING", "The storage node stopped before the write ran."));
    }
  }

  /** Resolves when nothing waits and nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // What arrives in the same moment joins the first group.
    await Promise.resolve();
    while (this.#changes.length > 0 || this.#waiting.length > 0) {
      const change = this.#changes.shift();
      if (change === undefined) await this.#commit(this.#take(groupLength(this.#waiting)));
      else await change();
    }
    // In the same moment as the last look at the queues, so that nobody waits for a loop that has ended.
    this.#running = null;
  }

  #take(count: number): readonly Submission[] {
    const group = this.#waiting.splice(0, count);
    for (const { operations, bytes } of group) {
      this.#queued = { operations: this.#queued.operations - operations, bytes: this.#queued.bytes - bytes };
    }
    return group;
  }

  async #commit(group: readonly Submission[]): Promise<void> {
    const writes = group.flatMap((submission) => submission.writes);
    const callers = group.map(({ caller }) => caller);
    const outcomes = await this.#options.kept
      .run(() => this.#writeAdmitted(writes, callers))
      .catch((error: unknown) => this.#failed(error, writes, callers));
    let start = 0;
    for (const { operations, resolve } of group) resolve(outcomes.slice(start, (start += operations)));
  }

  /** Rejects with DocumentChanged when the fence did not go by the newest assignments; then nothing was written. */
  async #writeAdmitted(writes: readonly RoutedWrite[], callers: readonly Caller[]): Promise<readonly Outcome[]> {
    const refusals = writes.map(this.#options.refusalOf);
    const admitted = writes.filter((_, index) => refusals[index] === null);
    if (admitted.length === 0) await this.#options.kept.confirm();
    const written = (await this.#write(admitted, callers)).values();
    return refusals.map((refusal) => refusal ?? written.next().value ?? unanswered);
  }

  async #write(writes: readonly RoutedWrite[], callers: readonly Caller[]): Promise<readonly Outcome[]> {
    if (writes.length === 0) return [];
    const { engine, clock, tracer, floorOf, kept } = this.#options;
    const attributes = { "shardgate.engine": engine.name, "shardgate.operations": writes.length };
    const spans = tracer === undefined ? [] : callers.flatMap((caller) => caller.span ?? []);
    const span = startShared(tracer, "engine commit", spans, { kind: "internal", attributes });
    try {
      const outcomes = await engine.write(
        writes.map(({ operation }) => operation),
        clock.nowMs(),
        { floorOf, documentVersion: kept.version },
      );
      this.#lastFailure = null;
      return outcomes;
    } catch (error) {
      if (error instanceof DocumentChanged) throw error;
      const outcomes = this.#failed(error, writes, callers);
      span?.fail(codeOf(error));
      return outcomes;
    } finally {
      span?.end();
    }
  }

  #failed(error: unknown, writes: readonly RoutedWrite[], callers: readonly Caller[]): readonly Outcome[] {
    this.#report(error, writes.length, callers);
    const code = codeOf(error);
    return allRefused(writes, code, told.get(code) ?? engineFailed);
  }

  /** Once per kind of failure: a full disk fails every group, many times a second. */
  #report(error: unknown, operations: number, callers: readonly Caller[]): void {
    const failure = error instanceof ShardgateError ? error.code : String(error);
    if (failure === this.#lastFailure) return;
    this.#lastFailure = failure;
    const requestIds = callers.flatMap(({ requestId }) => requestId ?? []).slice(0, requestIdsLoggedMax);
    this.#options.log.error(
      { err: error, operations, requestIds },
      "The storage engine refused a group of writes; none of them happened. Check the disk; further ones like it are not logged.",
    );
  }
}

interface Submission extends Load {
  readonly caller: Caller;
  readonly writes: readonly RoutedWrite[];
  readonly resolve: (outcomes: readonly Outcome[]) => void;
}

/** What clients read: the error's own message names folders, and is for the log. */
const engineFailed = "The storage engine failed; nothing was written.";
const told: ReadonlyMap<ErrorCode, string> = new Map([
  ["STORAGE_FULL", "The storage node has no room left; nothing was written."],
]);

/** An engine that breaks its contract must not leave a caller without an answer. */
const unanswered: RefusedOutcome = {
  kind: "refused",
  code: "OUTCOME_UNKNOWN",
  message: "The storage engine gave no outcome for the write.",
};

function codeOf(error: unknown): ErrorCode {
  return error instanceof ShardgateError ? error.code : "STORAGE_FAILED";
}

function allRefused(writes: readonly RoutedWrite[], code: ErrorCode, message: string): readonly RefusedOutcome[] {
  return writes.map(() => ({ kind: "refused", code, message }));
}
