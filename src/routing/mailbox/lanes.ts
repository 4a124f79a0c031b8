/**
 * The waiting operations for one storage node, in two lanes: those of callers with few operations, and those of all
 * others. Each lane has batches of its own, and the lane of many leaves one batch in flight to the other: a thousand
 * large values of one caller do not delay a single one of another.
 */
import { LinkedList } from "../../core/tasks/linked-list.js";
import type { Letter } from "./submission.js";

/**
 * Most operations of a caller in the lane of few, where they do not wait behind larger requests: enough for a form or a
 * page. This many full-size values fill two answers of a storage node.
 */
export const fewOperationsMax = 16;

/** Most waiting operations of one lane; more are refused with OVERLOADED. */
export const laneOperationsMax = 50_000;

/** Oldest first. */
export class Lane extends LinkedList<Letter> {
  /** Number of the lane's batches in flight. */
  inFlight = 0;
  readonly #isForFew: boolean;

  constructor(isForFew: boolean) {
    super();
    this.#isForFew = isForFew;
  }

  /** Whether the lane may have another batch in flight when all lanes together may have `inFlightMax`. */
  hasPlaceOf(inFlightMax: number): boolean {
    return this.#isForFew || this.inFlight < Math.max(1, inFlightMax - 1);
  }
}

export class Lanes {
  readonly #few = new Lane(true);
  readonly #many = new Lane(false);

  /** Number of waiting operations in both lanes. */
  get size(): number {
    return this.#few.size + this.#many.size;
  }

  /** The lane for a caller with this many operations. */
  of(operations: number): Lane {
    return operations <= fewOperationsMax ? this.#few : this.#many;
  }

  /** The lane whose oldest operation has waited longer goes first, so that neither lane starves. */
  inTurn(): readonly [Lane, Lane] {
    const isManyFirst = (this.#many.first?.sinceMs ?? Infinity) < (this.#few.first?.sinceMs ?? Infinity);
    return isManyFirst ? [this.#many, this.#few] : [this.#few, this.#many];
  }
}
