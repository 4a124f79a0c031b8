/**
 * The operations of one request on one shard that wait until the shard is served, with their outcomes so far. It keeps
 * no order and no time: its queue decides when it is sent.
 */
import { utf8Bytes } from "../../core/key.js";
import type { Operation, Outcome, RefusedOutcome } from "../../core/operation.js";
import type { WithDeadline } from "../mailbox/deadlines.js";
import type { RouteContext, TakeOutcomes } from "../mailbox/submission.js";
import type { WaitEnd } from "../observer.js";
import { operationText, refused } from "../refusal.js";

export class Waiter implements WithDeadline<Waiter> {
  previous: Waiter | null = null;
  next: Waiter | null = null;
  isListed = false;
  /** Whether its operations are on their way to a storage node. */
  isSent = false;
  /** Whether they have been on their way before. */
  isTried: boolean;
  readonly context: RouteContext;
  readonly deadlineMs: number;
  /** The number of its queue. */
  readonly queue: number;
  /** When the wait began, on the monotonic clock. */
  sinceMs = 0;
  /** How many operations there are, and the bytes of the values that they carry. */
  readonly size: number;
  readonly bytes: number;
  /** Called instead of passing outcomes on, for bugs of the gateway only. */
  readonly reject: (error: unknown) => void;
  readonly #take: TakeOutcomes;
  readonly #outcomes: (Outcome | undefined)[];
  /** The operations that wait, with their indexes in the outcomes. */
  #open: readonly (readonly [operation: Operation, index: number])[];
  #stopListening: () => void = () => {};

  /** `take` gets one outcome per operation, in order, when the wait has ended. */
  constructor(
    operations: readonly Operation[],
    { context, queue, isTried, reject }: Pick<Waiter, "context" | "queue" | "isTried" | "reject">,
    take: TakeOutcomes,
  ) {
    this.context = context;
    this.deadlineMs = context.deadlineMs;
    this.queue = queue;
    this.isTried = isTried;
    this.reject = reject;
    this.size = operations.length;
    this.bytes = operations.reduce((sum, operation) => sum + bytesOf(operation), 0);
    this.#take = take;
    this.#outcomes = operations.map(() => undefined);
    this.#open = operations.map((operation, index) => [operation, index]);
  }

  /** The operations that have no final outcome. */
  get operations(): readonly Operation[] {
    return this.#open.map(([operation]) => operation);
  }

  /** Begins the wait. Calls `onAbort` when the caller aborts before its end. */
  begin(nowMs: number, onAbort: () => void): void {
    const { signal } = this.context;
    this.sinceMs = nowMs;
    if (signal === undefined) return;
    signal.addEventListener("abort", onAbort, { once: true });
    this.#stopListening = () => signal.removeEventListener("abort", onAbort);
  }

  /** Keeps the outcomes of `operations` for which `isFinal`. Returns whether any operation goes on waiting. */
  keep(outcomes: readonly Outcome[], isFinal: (at: number) => boolean): boolean {
    this.#open = this.#open.filter(([, index], at) => {
      if (isFinal(at)) this.#outcomes[index] = outcomes[at];
      return !isFinal(at);
    });
    return this.#open.length > 0;
  }

  /** Ends the wait. */
  leave(): void {
    this.#stopListening();
  }

  /** Passes the outcomes on; operations without one get the result of `refusal`. */
  end(refusal: (operation: Operation) => Outcome): void {
    for (const [operation, index] of this.#open) this.#outcomes[index] = refusal(operation);
    this.#take(this.#outcomes as readonly Outcome[]);
  }
}

/**
 * The outcome of an operation that waited for its shard to be served again. `message`: the refusal of the last attempt
 * at the shard.
 */
export function waitedInVain(
  operation: Operation,
  message: string,
  { waitedMs, end }: { readonly waitedMs: number; readonly end: WaitEnd },
): RefusedOutcome {
  const waited = `The ${operationText(operation)} waited ${(waitedMs / 1000).toFixed(1)} s`;
  const until = { aborted: ", until its request was cancelled", closed: ", until the gateway shut down" };
  const rest = end === "aborted" || end === "closed" ? until[end] : " for the shard to be served again";
  return refused("SHARD_UNAVAILABLE", `${message} ${waited}${rest}.`);
}

function bytesOf(operation: Operation): number {
  return operation.kind === "put" ? utf8Bytes(operation.value) : 0;
}
