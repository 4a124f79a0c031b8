/**
 * Collects the operations of all requests and shards of one storage node and packs them into few batches. The thin loop
 * around `planBatch`: it looks at what waits once per turn of the event loop, so that everything submitted in one turn
 * travels together, and again whenever a batch returns. Callers share batches but nothing else: each is answered at its
 * own deadline or abort, and never takes a neighbour's operations with it. Those who ask for much have batches of their
 * own, and leave the others a place in flight: one caller's thousand large values are not in the way of another's single one.
 */
import type { Clock } from "../core/clock.js";
import type { Key } from "../core/key.js";
import { LinkedList } from "../core/linked-list.js";
import { attemptTimeoutMs, fewOperationsMax, mailboxOperationsMax, requestIdsLoggedMax } from "../core/limits.js";
import type { Outcome, RoutedOperation } from "../core/operation.js";
import type { Span } from "../core/tracing.js";
import { Deadlines } from "./deadlines.js";
import { eagerBelow, planBatch } from "./mailbox-plan.js";
import type { UnsentReason } from "./observer.js";
import type { WatchedOperation } from "./recorder.js";
import { allUnsent, refused, refusedBecause } from "./refusal.js";
import { Submission, type Letter, type RouteContext } from "./submission.js";

/** One batch that is ready to go. */
export interface Batch {
  readonly operations: readonly RoutedOperation[];
  /** Of the values it carries. */
  readonly bytes: number;
  /** How long its oldest operation waited. */
  readonly waitMs: number;
  /** The attempt ends after this: nobody waits for it any longer. */
  readonly timeoutMs: number;
  /** Those of its operations whose callers have a recorder. */
  readonly watched: readonly WatchedOperation[];
  /** Of its callers, each once, as far as they are traced. */
  readonly spans: readonly Span[];
  /** The client requests that it is for, as far as they have an id, each once, at most `requestIdsLoggedMax`. */
  requestIds(): readonly string[];
}

export interface MailboxOptions {
  /** The storage node, as messages name it. */
  readonly node: string;
  /** One outcome per operation, in order; never rejects. */
  readonly send: (batch: Batch) => Promise<readonly Outcome[]>;
  /** Batches that may be in flight now. */
  readonly inFlightMax: () => number;
  /** The share of the time, from 0 to 1, in which this process works. */
  readonly utilization: () => number;
  /** Told how many operations wait, whenever that was looked at. */
  readonly onDepth: (operations: number) => void;
  /** Told of operations that are answered without having been sent. */
  readonly onUnsent: (reason: UnsentReason, operations: number) => void;
  readonly clock: Clock;
}

export class Mailbox {
  readonly #options: MailboxOptions;
  /** Of callers with at most `fewOperationsMax`, and of all others; each oldest first. */
  readonly #few = new LinkedList<Letter>();
  readonly #many = new LinkedList<Letter>();
  readonly #keysInFlight = new Set<Key>();
  readonly #deadlines: Deadlines<Submission>;
  #inFlight = 0;
  #manyInFlight = 0;
  #isLookPlanned = false;
  #cancelTimer: (() => void) | null = null;
  #closedBecause: string | null = null;

  constructor(options: MailboxOptions) {
    this.#options = options;
    const onPassed = (submission: Submission): void => this.#giveUp(submission, "deadline");
    this.#deadlines = new Deadlines({ clock: options.clock, onPassed });
  }

  /** Operations not yet sent. */
  get queued(): number {
    return this.#few.size + this.#many.size;
  }

  /** One outcome per operation, in order, at the caller's deadline at the latest. Never rejects. */
  submit(operations: readonly RoutedOperation[], context: RouteContext): Promise<readonly Outcome[]> {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (operations.length === 0) return Promise.resolve([]);
    const refusal = this.#refusalOf(operations, context, nowMs);
    if (refusal !== null) return Promise.resolve(refusal);
    return new Promise((resolve) => {
      const submission = new Submission(operations, context, nowMs, resolve);
      submission.watch(this.#deadlines, () => this.#giveUp(submission, "aborted"));
      const lane = this.#laneOf(submission.letters.length);
      for (const letter of submission.letters) lane.add(letter);
      this.#planLook();
    });
  }

  /** Answers everything that was not sent; what is in flight is left alone. */
  refuseWaiting(cause: string, reason: UnsentReason): void {
    if (this.queued > 0) this.#options.onUnsent(reason, this.queued);
    for (const lane of [this.#few, this.#many]) {
      for (const letter of lane) {
        lane.delete(letter);
        letter.submission.answer(letter.index, refusedBecause(letter.operation, cause, true));
      }
    }
  }

  /** Takes nothing more, for `cause`. */
  close(cause: string): void {
    this.#closedBecause = cause;
    this.refuseWaiting(cause, "closed");
  }

  /** What operations are answered that need not even wait; null when they may. */
  #refusalOf(
    operations: readonly RoutedOperation[],
    { signal, deadlineMs }: RouteContext,
    nowMs: number,
  ): readonly Outcome[] | null {
    const { node, onUnsent } = this.#options;
    const unsent = (reason: UnsentReason, cause: string): readonly Outcome[] => {
      onUnsent(reason, operations.length);
      return allUnsent(operations, cause);
    };
    if (this.#closedBecause !== null) return unsent("closed", this.#closedBecause);
    if (signal?.aborted === true) return unsent("aborted", this.#because("aborted", false));
    if (nowMs >= deadlineMs) return unsent("deadline", this.#because("deadline", false));
    if (this.#laneOf(operations.length).size + operations.length <= mailboxOperationsMax) return null;
    onUnsent("overloaded", operations.length);
    const message = `${mailboxOperationsMax} operations wait for ${node} already.`;
    return operations.map(() => refused("OVERLOADED", message));
  }

  #laneOf(operations: number): LinkedList<Letter> {
    return operations <= fewOperationsMax ? this.#few : this.#many;
  }

  /**
   * `setImmediate` and not a microtask: it runs behind the sockets that are readable in this turn, so requests that
   * arrived together leave together, and an idle gateway loses nothing by it.
   */
  #planLook(): void {
    if (this.#isLookPlanned) return;
    this.#isLookPlanned = true;
    setImmediate(() => {
      this.#isLookPlanned = false;
      this.#look();
    });
  }

  #look(): void {
    const { clock, onDepth } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    let waitMs = Infinity;
    for (const lane of this.#lanesInTurn()) waitMs = Math.min(waitMs, this.#sendFrom(lane));
    if (waitMs < Infinity) this.#cancelTimer = clock.after(waitMs, () => this.#planLook());
    onDepth(this.queued);
  }

  /** First the one whose oldest operation has waited longer, so that neither holds up the other for good. */
  #lanesInTurn(): readonly LinkedList<Letter>[] {
    const [few, many] = [this.#few.first?.sinceMs ?? Infinity, this.#many.first?.sinceMs ?? Infinity];
    return many < few ? [this.#many, this.#few] : [this.#few, this.#many];
  }

  /** Sends what may go now, and says for how long the rest gathers: milliseconds, or Infinity until something changes. */
  #sendFrom(lane: LinkedList<Letter>): number {
    const { clock, inFlightMax, utilization } = this.#options;
    for (;;) {
      const all = inFlightMax();
      // One place is for callers with few operations, where there are several.
      const hasItsPlaces = lane === this.#many && this.#manyInFlight >= Math.max(1, all - 1);
      const plan = planBatch(lane, {
        inFlight: this.#inFlight,
        inFlightMax: hasItsPlaces ? 0 : all,
        eagerBelow: eagerBelow(utilization()),
        keysInFlight: this.#keysInFlight,
        nowMs: clock.monotonicMs(),
      });
      if (plan.kind !== "send") return plan.kind === "wait" ? plan.forMs : Infinity;
      void this.#send(plan.batch, lane);
    }
  }

  async #send(letters: readonly Letter[], lane: LinkedList<Letter>): Promise<void> {
    this.#inFlight++;
    if (lane === this.#many) this.#manyInFlight++;
    for (const letter of letters) {
      lane.delete(letter);
      letter.isSent = true;
      if (letter.writtenKey !== null) this.#keysInFlight.add(letter.writtenKey);
    }
    const outcomes = await this.#options.send(this.#batchOf(letters));
    this.#inFlight--;
    if (lane === this.#many) this.#manyInFlight--;
    letters.forEach((letter, index) => {
      if (letter.writtenKey !== null) this.#keysInFlight.delete(letter.writtenKey);
      const outcome = outcomes[index];
      if (outcome === undefined) throw new Error(`${outcomes.length} outcomes came for ${letters.length} operations.`);
      letter.submission.answer(letter.index, outcome);
    });
    this.#planLook();
  }

  #batchOf(letters: readonly Letter[]): Batch {
    const nowMs = this.#options.clock.monotonicMs();
    let [bytes, sinceMs, deadlineMs, isWatched, isTraced] = [0, nowMs, nowMs, false, false];
    for (const letter of letters) {
      const { context } = letter.submission;
      bytes += letter.valueBytes;
      sinceMs = Math.min(sinceMs, letter.sinceMs);
      deadlineMs = Math.max(deadlineMs, context.deadlineMs);
      isWatched ||= context.recorder !== undefined;
      isTraced ||= context.span !== undefined;
    }
    return {
      operations: letters,
      bytes,
      waitMs: nowMs - sinceMs,
      timeoutMs: Math.min(attemptTimeoutMs, deadlineMs - nowMs),
      watched: isWatched ? watchedOf(letters, nowMs) : noneWatched,
      spans: isTraced ? spansOf(letters) : noSpans,
      requestIds: () => requestIdsOf(letters),
    };
  }

  /** Answers what one caller still waits for, and takes back what was not sent. */
  #giveUp(submission: Submission, reason: "deadline" | "aborted"): void {
    const lane = this.#laneOf(submission.letters.length);
    let unsent = 0;
    for (const letter of submission.letters) {
      if (submission.isAnswered(letter.index)) continue;
      if (lane.delete(letter)) unsent++;
      const cause = this.#because(reason, letter.isSent);
      submission.answer(letter.index, refusedBecause(letter.operation, cause, !letter.isSent));
    }
    if (unsent > 0) this.#options.onUnsent(reason, unsent);
  }

  #because(reason: "deadline" | "aborted", isSent: boolean): string {
    const { node } = this.#options;
    if (reason === "aborted") return `the request was given up before ${node} answered`;
    return isSent ? `${node} did not answer in time` : `the request's time was over before ${node} could be asked`;
  }
}

const noneWatched: readonly WatchedOperation[] = [];
const noSpans: readonly Span[] = [];

function spansOf(letters: readonly Letter[]): readonly Span[] {
  const spans = letters.flatMap(({ submission }) => submission.context.span ?? []);
  return [...new Set(spans)];
}

function watchedOf(letters: readonly Letter[], nowMs: number): readonly WatchedOperation[] {
  return letters.flatMap(({ operation, sinceMs, submission }, index) => {
    const { recorder } = submission.context;
    if (recorder === undefined) return [];
    return [{ index, operation, waitMs: nowMs - sinceMs, recorder }];
  });
}

function requestIdsOf(letters: readonly Letter[]): readonly string[] {
  const ids = new Set<string>();
  for (const { submission } of letters) {
    if (submission.context.requestId !== undefined) ids.add(submission.context.requestId);
    if (ids.size === requestIdsLoggedMax) break;
  }
  return [...ids];
}
