/**
 * Bounds the bytes that the reads of one client request may bring into the gateway's memory, counted as storage nodes
 * count them. Without this bound, one request for a thousand of the longest values would take a gigabyte.
 */
import { answerBytes } from "../core/answer-bytes.js";
import type { Outcome, RefusedOutcome } from "../core/operation.js";
import { refused } from "./refusal.js";

/** The memory that the values of all requests share. */
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

  /** Whether no further values should be requested. */
  get isSpent(): boolean {
    return this.#left <= 0 || this.#memory?.isFull === true;
  }

  /** The refusal of operations that are not sent because the budget is spent. */
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
