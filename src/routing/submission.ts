/**
 * One caller's operations in a mailbox: collects their outcomes, which may come back with several batches, and resolves
 * when the last is there. Whoever answers an operation first wins; later answers are ignored.
 */
import { utf8Bytes, type Key } from "../core/key.js";
import type { Operation, Outcome, RoutedOperation } from "../core/operation.js";
import type { Linked } from "../core/linked-list.js";
import type { StopSignal } from "../core/stop-signal.js";
import type { Span } from "../core/tracing.js";
import type { AnswerBudget } from "./answer-budget.js";
import type { Deadlines, WithDeadline } from "./deadlines.js";
import type { WaitingOperation } from "./mailbox-plan.js";
import type { RouteRecorder } from "./recorder.js";
import { isWrite } from "./refusal.js";

/** What every caller brings along: its own deadline on the monotonic clock, its own way to give up, its own budget. */
export interface RouteContext {
  readonly deadlineMs: number;
  readonly signal?: StopSignal;
  /** Of the client request that all this is done for; without one, answers are not bounded. */
  readonly budget?: AnswerBudget;
  /** Names the client request in the log. */
  readonly requestId?: string;
  /** Told how the operations travel, when somebody asked for that. */
  readonly recorder?: RouteRecorder;
  /** Of the request, when requests are traced: the spans of batches are linked with it. */
  readonly span?: Span | undefined;
}

/** One operation on its way through a mailbox. There are thousands at a time: it has nothing that it can ask others for. */
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

  constructor({ operation, epoch }: RoutedOperation, submission: Submission, index: number) {
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
  /** When it came, on the monotonic clock. */
  readonly sinceMs: number;
  readonly #outcomes: (Outcome | undefined)[];
  readonly #resolve: (outcomes: readonly Outcome[]) => void;
  #missing: number;
  #deadlines: Deadlines<Submission> | null = null;
  #giveUp: (() => void) | null = null;

  constructor(
    operations: readonly RoutedOperation[],
    context: RouteContext,
    sinceMs: number,
    resolve: (outcomes: readonly Outcome[]) => void,
  ) {
    this.context = context;
    this.sinceMs = sinceMs;
    this.#resolve = resolve;
    this.#missing = operations.length;
    this.#outcomes = operations.map(() => undefined);
    this.letters = operations.map((routed, index) => new Letter(routed, this, index));
  }

  /** Calls `giveUp` at the caller's abort, and stands among `deadlines`, unless all is answered before. */
  watch(deadlines: Deadlines<Submission>, giveUp: () => void): void {
    deadlines.add(this);
    this.context.signal?.addEventListener("abort", giveUp, { once: true });
    this.#deadlines = deadlines;
    this.#giveUp = giveUp;
  }

  get deadlineMs(): number {
    return this.context.deadlineMs;
  }

  isAnswered(index: number): boolean {
    return this.#outcomes[index] !== undefined;
  }

  answer(index: number, outcome: Outcome): void {
    if (this.#outcomes[index] !== undefined) return;
    this.#outcomes[index] = outcome;
    if (--this.#missing > 0) return;
    this.#deadlines?.delete(this);
    if (this.#giveUp !== null) this.context.signal?.removeEventListener("abort", this.#giveUp);
    this.#resolve(this.#outcomes as readonly Outcome[]);
  }
}
