/**
 * What waits for one storage node, in two lanes: the operations of callers with few of them, and those of all others. Each
 * lane has batches of its own, and the lane of many leaves the other a place in flight: one caller's thousand large values
 * are not in the way of another's single one.
 */
import { LinkedList } from "../../core/tasks/linked-list.js";
import type { Letter } from "./submission.js";

/**
 * Most operations at one storage node of a caller whose operations do not wait behind those of larger ones: a form's or a
 * page's. Full-size values of so many fill one answer of the storage node twice.
 */
export const fewOperationsMax = 16;

/** Most operations that wait in one lane; more are refused with OVERLOADED. */
export const laneOperationsMax = 50_000;

/** The oldest first. */
export class Lane extends LinkedList<Letter> {
  /** Batches of this lane. */
  inFlight = 0;
  readonly #isForFew: boolean;

  constructor(isForFew: boolean) {
    super();
    this.#isForFew = isForFew;
  }

  /** Whether the lane may have a further batch in flight where all lanes may have `inFlightMax`. */
  hasPlaceOf(inFlightMax: number): boolean {
    return this.#isForFew || this.inFlight < Math.max(1, inFlightMax - 1);
  }
}

export class Lanes {
  readonly #few = new Lane(true);
  readonly #many = new Lane(false);

  /** Operations that wait, in both. */
  get size(): number {
    return this.#few.size + this.#many.size;
  }

  /** The lane of a caller with so many operations. */
  of(operations: number): Lane {
    return operations <= fewOperationsMax ? this.#few : this.#many;
  }

  /** First the lane whose oldest operation has waited longer, so that neither holds up the other for good. */
  inTurn(): readonly [Lane, Lane] {
    const isManyFirst = (this.#many.first?.sinceMs ?? Infinity) < (this.#few.first?.sinceMs ?? Infinity);
    return isManyFirst ? [this.#many, this.#few] : [this.#few, this.#many];
  }
}
