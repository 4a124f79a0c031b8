/**
 * One caller's operations in a mailbox: collects their outcomes, which may come back with several batches, and resolves
 * when the last is there. Whoever answers an operation first wins; later answers are ignored.
 */
import { utf8Bytes } from "../core/key.js";
import type { Outcome, RoutedOperation } from "../core/operation.js";
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

/** One operation on its way through a mailbox. */
export interface Letter extends WaitingOperation, Linked<Letter> {
  readonly routed: RoutedOperation;
  readonly submission: Submission;
  readonly index: number;
  isSent: boolean;
}

export class Submission implements WithDeadline<Submission> {
  previous: Submission | null = null;
  next: Submission | null = null;
  isListed = false;
  readonly letters: readonly Letter[];
  readonly context: RouteContext;
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
    this.#resolve = resolve;
    this.#missing = operations.length;
    this.#outcomes = operations.map(() => undefined);
    this.letters = operations.map((routed, index) => {
      const { operation } = routed;
      return {
        routed,
        submission: this,
        index,
        isSent: false,
        writtenKey: isWrite(operation) ? operation.key : null,
        valueBytes: operation.kind === "put" ? utf8Bytes(operation.value) : 0,
        sinceMs,
        previous: null,
        next: null,
        isListed: false,
      };
    });
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
