/**
 * How much one client request may bring into the gateway's memory: the values of all its reads together. Without it, one
 * request for a thousand of the longest values would take a gigabyte.
 */
import type { Outcome, RefusedOutcome } from "../core/operation.js";
import { refused } from "./refusal.js";

/** Where the values of all requests lie together. */
export interface AnswerMemory {
  readonly isFull: boolean;
  hold(bytes: number): void;
}

export class AnswerBudget {
  readonly #bytesMax: number;
  readonly #memory: AnswerMemory | null;
  #left: number;

  constructor(bytesMax: number, memory: AnswerMemory | null = null) {
    this.#bytesMax = bytesMax;
    this.#memory = memory;
    this.#left = bytesMax;
  }

  /** Nothing more should be asked for. */
  get isSpent(): boolean {
    return this.#left <= 0 || this.#memory?.isFull === true;
  }

  /** What becomes of operations that are not asked for because it is spent. */
  refusal(): RefusedOutcome {
    if (this.#left > 0) return refused("OVERLOADED", "The gateway holds as many answers as it can.");
    return refused(
      "ANSWER_TOO_LARGE",
      `The values asked for in one request are longer than ${this.#bytesMax} bytes together.`,
    );
  }

  spend(outcomes: readonly Outcome[]): void {
    let bytes = 0;
    for (const outcome of outcomes) bytes += sizeOf(outcome);
    this.#left -= bytes;
    if (bytes > 0) this.#memory?.hold(bytes);
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
