/**
 * How much one client request may bring into the gateway's memory: what all its reads bring together, counted as their
 * storage nodes count it. Without it, one request for a thousand of the longest values would take a gigabyte.
 */
import { answerBytes } from "../core/answer-bytes.js";
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
    if (this.#left > 0) return refused("OVERLOADED", "The gateway is at its limit of bytes for answers in progress.");
    return refused(
      "ANSWER_TOO_LARGE",
      `The values asked for in one request are longer than ${this.#bytesMax} bytes together.`,
    );
  }

  spend(outcomes: readonly Outcome[]): void {
    let bytes = 0;
    for (const outcome of outcomes) bytes += answerBytes(outcome);
    this.#left -= bytes;
    if (bytes > 0) this.#memory?.hold(bytes);
  }
}
