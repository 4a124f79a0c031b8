/**
 * One caller's operations for one storage node: collects their outcomes, which may arrive with several batches, and
 * passes them on once all are there. The first answer to an operation counts; later ones are ignored.
 */
import { utf8Bytes, type Key } from "../../core/key.js";
import type { Linked } from "../../core/tasks/linked-list.js";
import type { Operation, Outcome, RoutedOperation } from "../../core/operation.js";
import type { StopSignal } from "../../core/tasks/stop-signal.js";
import type { Span } from "../../core/tracing.js";
import type { ShardRecord } from "../../registry/cluster-map.js";
import type { AnswerBudget } from "../answer-budget.js";
import type { Deadlines, WithDeadline } from "./deadlines.js";
import type { WaitingOperation } from "./mailbox-plan.js";
import type { RouteRecorder } from "../recorder.js";
import { isWrite, refusedBecause } from "../refusal.js";

/** The context of a caller: its deadline on the monotonic clock, its abort signal and its budget. */
export interface RouteContext {
  readonly deadlineMs: number;
  readonly signal?: StopSignal;
  /** The budget of the client request; without one, answers are not bounded. */
  readonly budget?: AnswerBudget;
  /** The id of the client request in the log. */
  readonly requestId?: string;
  /** Records how the operations travel; absent unless the caller asked for it. */
  readonly recorder?: RouteRecorder;
  /** The span of the request, when requests are traced; the spans of batches link to it. */
  readonly span?: Span | undefined;
}

/** Receives the outcomes of a submission: one per operation, in order. */
export type TakeOutcomes = (outcomes: readonly Outcome[]) => void;

/** The mailbox in which a submission waits. */
export interface WaitingRoom {
  readonly deadlines: Deadlines<Submission>;
  /** Answers all operations that have no outcome yet. */
  giveUp(submission: Submission, reason: "deadline" | "aborted"): void;
}

/** One operation in a mailbox. Thousands may exist at a time, so it stores nothing that it can read from elsewhere. */
export class Letter implements RoutedOperation, WaitingOperation, Linked<Letter> {
  previous: Letter | null = null;
  next: Letter | null = null;
  isListed = false;
  isSent = false;
  readonly operation: Operation;
  readonly epoch: number | null;
  readonly submission: Submission;
  readonly index: number;
  readonly valueBytes: number;

  constructor(operation: Operation, epoch: number | null, submission: Submission, index: number) {
    this.operation = operation;
    this.epoch = epoch;
    this.submission = submission;
    this.index = index;
    this.valueBytes = operation.kind === "put" ? utf8Bytes(operation.value) : 0;
  }

  get writtenKey(): Key | null {
    return isWrite(this.operation) ? this.operation.key : null;
  }

  get sinceMs(): number {
    return this.submission.sinceMs;
  }
}

export class Submission implements WithDeadline<Submission> {
  previous: Submission | null = null;
  next: Submission | null = null;
  isListed = false;
  readonly letters: readonly Letter[];
  readonly context: RouteContext;
  readonly deadlineMs: number;
  /** When it arrived at the mailbox, on the monotonic clock. */
  sinceMs = 0;
  readonly #take: TakeOutcomes;
  readonly #outcomes: (Outcome | undefined)[];
  #missing: number;
  #room: WaitingRoom | null = null;
  #onAbort: (() => void) | null = null;

  /** `shards`: the shards of the cluster map that the operations were routed by, which supply the epochs. */
  constructor(
    operations: readonly Operation[],
    shards: readonly Pick<ShardRecord, "epoch">[],
    context: RouteContext,
    take: TakeOutcomes,
  ) {
    this.context = context;
    this.deadlineMs = context.deadlineMs;
    this.#take = take;
    this.#missing = operations.length;
    this.#outcomes = operations.map(() => undefined);
    this.letters = operations.map((operation, index) => {
      return new Letter(operation, shards[operation.shard]?.epoch ?? null, this, index);
    });
  }

  /** Starts waiting in `room`, until all operations are answered, at the caller's deadline or abort at the latest. */
  wait(room: WaitingRoom, nowMs: number): void {
    const { signal } = this.context;
    this.sinceMs = nowMs;
    this.#room = room;
    room.deadlines.add(this);
    if (signal === undefined) return;
    this.#onAbort = () => room.giveUp(this, "aborted");
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Called at the deadline. */
  expire(): void {
    this.#room?.giveUp(this, "deadline");
  }

  isAnswered(index: number): boolean {
    return this.#outcomes[index] !== undefined;
  }

  answer(index: number, outcome: Outcome): void {
    if (this.#outcomes[index] !== undefined) return;
    this.#outcomes[index] = outcome;
    if (--this.#missing > 0) return;
    this.#room?.deadlines.delete(this);
    if (this.#onAbort !== null) this.context.signal?.removeEventListener("abort", this.#onAbort);
    this.#take(this.#outcomes as readonly Outcome[]);
  }

  /** Answers all operations with the result of `refusal`. */
  refuse(refusal: (operation: Operation) => Outcome): void {
    for (const { operation, index } of this.letters) this.answer(index, refusal(operation));
  }

  /** Answers all operations with a refusal for `cause`. None of them has been sent. */
  refuseUnsent(cause: string): void {
    this.refuse((operation) => refusedBecause(operation, cause, true));
  }
}
