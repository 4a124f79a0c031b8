/**
 * How much one client request may bring into the gateway's memory: the values of all its reads together. Without it, one
 * request for a thousand of the longest values would take a gigabyte.
 */
import type { Outcome } from "../core/operation.js";

export class AnswerBudget {
  readonly bytesMax: number;
  #left: number;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
    this.#left = bytesMax;
  }

  /** Nothing more should be asked for. */
  get isSpent(): boolean {
    return this.#left <= 0;
  }

  spend(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) this.#left -= sizeOf(outcome);
  }
}

/** In UTF-16 units, which is what a value takes of the memory. */
function sizeOf(outcome: Outcome): number {
  switch (outcome.kind) {
    case "found":
      return outcome.entry.value.length;
    case "conflict":
      return outcome.current?.value.length ?? 0;
    case "page":
      return outcome.entries.reduce((sum, { value }) => sum + value.length, 0);
    default:
      return 0;
  }
}
