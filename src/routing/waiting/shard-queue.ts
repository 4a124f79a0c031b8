/**
 * The reads, or the writes, of one shard that wait until it is served again, oldest first. One of them is tried after a
 * growing pause, or at once when something has changed; the others follow in order as soon as the shard has answered
 * it. So what a shard that is not served costs does not grow with the number of those who wait, and the order of
 * writes is kept.
 */
import type { Clock } from "../../core/clock.js";
import type { Operation, Outcome } from "../../core/operation.js";
import type { ShardRecord } from "../../registry/cluster-map.js";
import { isWanted } from "../caller-deadline.js";
import type { RouteContext } from "../mailbox/submission.js";
import type { RoutingObserver, WaitEnd } from "../observer.js";
import { pauseAfter, stepsAfter, trialStage } from "../retry.js";
import { waitedInVain, type Waiter } from "./waiter.js";

export interface ShardQueueParts {
  readonly clock: Clock;
  /** Returns a number from 0 to 1. */
  readonly random: () => number;
  readonly observer: RoutingObserver;
  /** Sends the operations by the newest cluster map and never waits for a takeover. One outcome per operation, in order. */
  readonly send: (operations: readonly Operation[], context: RouteContext) => Promise<readonly Outcome[]>;
  /** Called with each waiter whose wait has ended. */
  readonly onEnded: (waiter: Waiter, end: WaitEnd) => void;
}

/** The shard in the cluster map; undefined: there is no such shard. */
export type KnownShard = Pick<ShardRecord, "epoch" | "primary"> | undefined;

/** How operations were refused, and the shard in the cluster map by which they were sent. */
interface Refusal {
  readonly shard: KnownShard;
  readonly outcome: Outcome | undefined;
}

interface Trial {
  /** The shard when the operations were sent. */
  readonly shard: KnownShard;
  readonly operations: readonly Operation[];
  readonly outcomes: readonly Outcome[];
}

/** Why a wait ends that got no answer. */
type GivenUp = Exclude<WaitEnd, "answered" | "overloaded">;

export class ShardQueue {
  readonly #parts: ShardQueueParts;
  readonly #isForWrites: boolean;
  readonly #waiters = new Set<Waiter>();
  #shard: KnownShard;
  /** How the last try was refused. */
  #message = "";
  /** How often the shard was tried since something changed. */
  #attempt = 1;
  #isOpen = false;
  #sent = 0;
  #operations = 0;
  #bytes = 0;
  #cancelPause: (() => void) | null = null;

  /** `shard`: by which the first waiter was sent. */
  constructor(parts: ShardQueueParts, isForWrites: boolean, shard: KnownShard) {
    this.#parts = parts;
    this.#isForWrites = isForWrites;
    this.#shard = shard;
  }

  /** Whether newcomers pass: the shard has answered, and all who wait are on their way. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isEmpty(): boolean {
    return this.#waiters.size === 0;
  }

  /** The storage node that owns the shard; null: none. */
  get owner(): string | null {
    return this.#shard?.primary ?? null;
  }

  /** The operations that wait, and the bytes of their values. */
  get operations(): number {
    return this.#operations;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `last`: how the operations were refused; null when they were not sent, because the queue is closed. */
  add(waiter: Waiter, last: Refusal | null): void {
    this.#waiters.add(waiter);
    this.#operations += waiter.size;
    this.#bytes += waiter.bytes;
    waiter.begin(this.#parts.clock.monotonicMs(), () => this.giveUp(waiter, "aborted"));
    if (last !== null && isSame(last.shard, this.#shard)) this.#close(messageOf(last.outcome));
    this.#goOn();
  }

  /** Call when the cluster map has changed: a new owner or epoch is tried at once. */
  mapChanged(shard: KnownShard): void {
    if (isSame(shard, this.#shard)) return;
    this.#shard = shard;
    this.#attempt = 1;
    this.wake();
  }

  /** Tries the first that is not on its way, now. */
  wake(): void {
    this.#cancelPause?.();
    this.#cancelPause = null;
    for (const waiter of this.#waiters) {
      if (!waiter.isSent) return this.#send(waiter);
    }
  }

  /** Ends the wait, unless the operations are on their way: then their mailbox answers them. */
  giveUp(waiter: Waiter, end: GivenUp): void {
    if (!waiter.isSent) this.#end(waiter, end);
  }

  /** Ends the waits of all that are not on their way. */
  giveUpAll(end: GivenUp): void {
    for (const waiter of this.#waiters) this.giveUp(waiter, end);
  }

  #send(waiter: Waiter): void {
    const { observer, send } = this.#parts;
    const { operations, context } = waiter;
    const shard = this.#shard;
    const node = this.owner;
    if (waiter.isTried && node !== null) observer.retried({ node, operations: operations.length });
    waiter.isSent = true;
    waiter.isTried = true;
    this.#sent++;
    send(operations, context).then(
      (outcomes) => this.#tried(waiter, { shard, operations, outcomes }),
      (error: unknown) => {
        this.#returned(waiter);
        this.#remove(waiter, "answered");
        waiter.reject(error);
        this.#goOn();
      },
    );
  }

  #tried(waiter: Waiter, { shard, operations, outcomes }: Trial): void {
    this.#returned(waiter);
    const steps = stepsAfter(operations, outcomes, trialStage, true);
    const isOver = !waiter.keep(outcomes, (at) => steps[at] === "done");
    const refusal = outcomes.find((_, at) => steps[at] === "wait");
    const message = refusal === undefined ? this.#message : messageOf(refusal);
    const { signal } = waiter.context;
    const isLate = !isWanted(this.#parts.clock, waiter.context);
    // What a caller's deadline or abort cut short says nothing about the shard, nor does what a former owner said.
    if (!isOver && !isLate && isSame(shard, this.#shard)) this.#close(message);
    if (outcomes.some((outcome, at) => steps[at] === "done" && !isUnknown(outcome))) this.#open();
    if (isOver) this.#end(waiter, "answered");
    else if (isLate) this.#end(waiter, signal?.aborted === true ? "aborted" : "deadline", message);
    else if (!this.#isForWrites) this.#moveBack(waiter);
    this.#goOn();
  }

  #returned(waiter: Waiter): void {
    waiter.isSent = false;
    this.#sent--;
  }

  #close(message: string): void {
    this.#message = message;
    this.#isOpen = false;
  }

  #open(): void {
    this.#isOpen = true;
    this.#attempt = 1;
  }

  /** A read that fails by itself, however often it is sent, must not hold up the others. */
  #moveBack(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    this.#waiters.add(waiter);
  }

  #goOn(): void {
    if (!this.#isOpen) return this.#rest();
    this.#cancelPause?.();
    this.#cancelPause = null;
    for (const waiter of this.#waiters) if (!waiter.isSent) this.#send(waiter);
  }

  /** Pauses before the next try, unless something is on its way or the pause has begun. */
  #rest(): void {
    if (this.#sent > 0 || this.#cancelPause !== null || this.isEmpty) return;
    const { clock, random } = this.#parts;
    this.#cancelPause = clock.after(pauseAfter(this.#attempt++, random()), () => this.wake());
  }

  #end(waiter: Waiter, end: WaitEnd, message = this.#message): void {
    this.#remove(waiter, end);
    const waitedMs = this.#parts.clock.monotonicMs() - waiter.sinceMs;
    waiter.end((operation) => waitedInVain(operation, message, { waitedMs, end }));
  }

  #remove(waiter: Waiter, end: WaitEnd): void {
    this.#waiters.delete(waiter);
    this.#operations -= waiter.size;
    this.#bytes -= waiter.bytes;
    if (this.isEmpty) this.#cancelPause?.();
    waiter.leave();
    this.#parts.onEnded(waiter, end);
  }
}

function isSame(one: KnownShard, other: KnownShard): boolean {
  return one?.epoch === other?.epoch && one?.primary === other?.primary;
}

function messageOf(outcome: Outcome | undefined): string {
  return outcome?.kind === "refused" ? outcome.message : "";
}

/** An unknown outcome does not show that the shard is served: the storage node may have ended in the middle. */
function isUnknown(outcome: Outcome): boolean {
  return outcome.kind === "refused" && outcome.code === "OUTCOME_UNKNOWN";
}
