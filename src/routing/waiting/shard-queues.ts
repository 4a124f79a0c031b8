/**
 * All operations that wait for their shards to be served again. Only those on shards of shared stores do: another
 * storage node may take such a shard over within seconds. Bounds how much waits, ends each wait at its caller's deadline
 * or abort, and passes on to the queues of the shards what has changed. Why requests wait:
 * docs/decisions/waiting-for-takeovers.md.
 */
import { defaultBounds, type GatewayBounds } from "../../core/bounds.js";
import type { Operation, Outcome } from "../../core/operation.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import { Deadlines } from "../mailbox/deadlines.js";
import type { RouteContext } from "../mailbox/submission.js";
import type { WaitEnd } from "../observer.js";
import { isWrite, refused } from "../refusal.js";
import { ShardQueue, type ShardQueueParts } from "./shard-queue.js";
import { Waiter } from "./waiter.js";

/**
 * Most reads, and most writes, that wait for one shard. A storage node that answers 20,000 operations a second and owns
 * 64 shards has 1,600 for each of them within a request's whole deadline.
 */
export const shardWaitOperationsMax = 5_000;

/** Most bytes of values that wait for one shard: as many as the body of one request has. */
export const shardWaitBytesMax = 16 * 1024 * 1024;

/** Most operations that wait in one process: as many as wait in one lane of a mailbox. */
export const waitOperationsMax = 50_000;

export interface ShardQueuesParts extends Omit<ShardQueueParts, "onEnded"> {
  readonly map: () => ClusterMap;
  /** What this process admits. Half of it may wait, so that half is left to the shards that are served. */
  readonly bounds?: Pick<GatewayBounds, "requests" | "bodiesBytes"> | undefined;
}

/** How operations were refused when they were sent. */
export interface LastAttempt {
  /** The cluster map by which they were sent. */
  readonly map: ClusterMap;
  /** One for each operation. */
  readonly outcomes: readonly Outcome[];
}

export class ShardQueues {
  readonly #parts: ShardQueuesParts;
  readonly #queueParts: ShardQueueParts;
  /** By `queueNumber`. A queue is here as long as anything waits in it. */
  readonly #queues = new Map<number, ShardQueue>();
  readonly #deadlines: Deadlines<Waiter>;
  readonly #requestsMax: number;
  readonly #bytesMax: number;
  #requests = 0;
  #operations = 0;
  #bytes = 0;
  #isClosed = false;

  constructor(parts: ShardQueuesParts) {
    const { clock, bounds = defaultBounds } = parts;
    this.#parts = parts;
    this.#queueParts = { ...parts, onEnded: (waiter, end) => this.#ended(waiter, end) };
    this.#deadlines = new Deadlines({
      clock,
      onPassed: (waiter) => this.#queues.get(waiter.queue)?.giveUp(waiter, "deadline"),
    });
    this.#requestsMax = bounds.requests / 2;
    this.#bytesMax = bounds.bodiesBytes / 2;
  }

  /** Number of queues; the reads and the writes of a shard have one each. */
  get size(): number {
    return this.#queues.size;
  }

  /** Whether the operation has to wait behind others, because its shard is not served. */
  isClosedFor(operation: Operation): boolean {
    return this.#queues.get(queueNumber(operation))?.isOpen === false;
  }

  /**
   * Resolves to one outcome per operation, in order, when the shards have answered, at the caller's deadline or abort at
   * the latest. `last`: null for operations that were not sent because `isClosedFor` them.
   */
  wait(operations: readonly Operation[], context: RouteContext, last: LastAttempt | null): Promise<readonly Outcome[]> {
    const groups = indicesByQueue(operations);
    const outcomes = operations.map((): Outcome | undefined => undefined);
    let missing = groups.size;
    const isFull = this.#requests++ >= this.#requestsMax;
    const answered = new Promise<readonly Outcome[]>((resolve, reject) => {
      for (const [number, indices] of groups) {
        const take = (answers: readonly Outcome[]): void => {
          indices.forEach((index, at) => (outcomes[index] = answers[at]));
          if (--missing === 0) resolve(outcomes as readonly Outcome[]);
        };
        const own = indices.flatMap((index) => operations[index] ?? []);
        const facts = { context: this.#boundOf(own, context), queue: number, isTried: last !== null, reject };
        const waiter = new Waiter(own, facts, take);
        const problem = isFull ? `${this.#requestsMax} requests` : this.#overload(waiter);
        if (problem === null) this.#add(waiter, last, indices[0] ?? 0);
        else this.#turnAway(waiter, problem);
      }
    });
    return answered.finally(() => this.#requests--);
  }

  /** Call after every change of the cluster map. */
  mapChanged(): void {
    if (this.#queues.size === 0) return;
    const { shards } = this.#parts.map();
    for (const [number, queue] of this.#queues) queue.mapChanged(shards[shardOf(number)]);
  }

  /** Call when the storage node may be asked again. */
  usable(node: string): void {
    for (const queue of this.#queues.values()) if (queue.owner === node) queue.wake();
  }

  /** Ends all waits; later ones end at once. */
  close(): void {
    this.#isClosed = true;
    for (const queue of this.#queues.values()) queue.giveUpAll("closed");
  }

  /** A page may need several rounds: a scan waits for half of its time, and the rest is for shards that are served. */
  #boundOf(operations: readonly Operation[], context: RouteContext): RouteContext {
    if (operations[0]?.kind !== "scan") return context;
    return { ...context, deadlineMs: (this.#parts.clock.monotonicMs() + context.deadlineMs) / 2 };
  }

  /** `index`: of one of the waiter's operations in the last attempt. */
  #add(waiter: Waiter, last: LastAttempt | null, index: number): void {
    const shard = shardOf(waiter.queue);
    let queue = this.#queues.get(waiter.queue);
    if (queue === undefined) {
      queue = new ShardQueue(this.#queueParts, waiter.queue % 2 === 1, last?.map.shards[shard]);
      this.#queues.set(waiter.queue, queue);
    }
    this.#operations += waiter.size;
    this.#bytes += waiter.bytes;
    this.#parts.observer.waiting({ operations: this.#operations });
    this.#deadlines.add(waiter);
    queue.add(waiter, last && { shard: last.map.shards[shard], outcome: last.outcomes[index] });
    if (this.#isClosed) return queue.giveUpAll("closed");
    // The map may have changed while the operations were on their way.
    queue.mapChanged(this.#parts.map().shards[shard]);
  }

  #ended(waiter: Waiter, end: WaitEnd): void {
    const { observer } = this.#parts;
    this.#deadlines.delete(waiter);
    if (this.#queues.get(waiter.queue)?.isEmpty === true) this.#queues.delete(waiter.queue);
    this.#operations -= waiter.size;
    this.#bytes -= waiter.bytes;
    observer.waiting({ operations: this.#operations });
    observer.waitEnded({ end, operations: waiter.size });
  }

  /** What is at its bound, so that the operations may not wait; null when they may. */
  #overload({ queue: number, size, bytes }: Waiter): string | null {
    const queue = this.#queues.get(number);
    const forShard = `for shard ${shardOf(number)}`;
    if ((queue?.operations ?? 0) + size > shardWaitOperationsMax)
      return `${shardWaitOperationsMax} operations ${forShard}`;
    if ((queue?.bytes ?? 0) + bytes > shardWaitBytesMax) return `${shardWaitBytesMax} bytes of values ${forShard}`;
    if (this.#operations + size > waitOperationsMax) return `${waitOperationsMax} operations`;
    return this.#bytes + bytes > this.#bytesMax ? `${this.#bytesMax} bytes of values` : null;
  }

  #turnAway(waiter: Waiter, problem: string): void {
    this.#parts.observer.waitEnded({ end: "overloaded", operations: waiter.size });
    const shard = shardOf(waiter.queue);
    const message = `Shard ${shard} is not served now, and no more may wait for it: the limit is ${problem}.`;
    waiter.end(() => refused("OVERLOADED", message));
  }
}

/** Reads and writes wait apart: a shard may be served to one of them only. */
function queueNumber(operation: Operation): number {
  return 2 * operation.shard + (isWrite(operation) ? 1 : 0);
}

function shardOf(queueNumber: number): number {
  return Math.floor(queueNumber / 2);
}

function indicesByQueue(operations: readonly Operation[]): ReadonlyMap<number, readonly number[]> {
  const groups = new Map<number, number[]>();
  operations.forEach((operation, index) => {
    const number = queueNumber(operation);
    const group = groups.get(number);
    if (group === undefined) groups.set(number, [index]);
    else group.push(index);
  });
  return groups;
}
