/** The answer to one batch while it is made: outcomes by index, and whether the entries in them have filled it. */
import { answerBytes } from "../core/answer-bytes.js";
import { nodeBatchAnswerBytesMax } from "../core/limits.js";
import type { Outcome, RefusedOutcome } from "../core/operation.js";
import { refused } from "./engine-failure.js";

export class BatchAnswer {
  readonly #outcomes = new Map<number, Outcome>();
  #bytes = 0;

  /** Bytes that its entries may still take. */
  get bytesLeft(): number {
    return nodeBatchAnswerBytesMax - this.#bytes;
  }

  add(index: number, outcome: Outcome): void {
    this.#outcomes.set(index, outcome);
    this.#bytes += answerBytes(outcome);
  }

  /** Why the operation at `index` gets no entry any more; null: it may. The first one always may. */
  refusalAt(index: number): RefusedOutcome | null {
    return index > 0 && this.bytesLeft <= 0 ? full : null;
  }

  /** One for each of the batch's operations, in order. */
  outcomes(operations: readonly unknown[]): readonly Outcome[] {
    return operations.map((_, index) => this.#outcomes.get(index) ?? unanswered);
  }
}

const full = refused("BATCH_ANSWER_FULL", "The answer was full before this operation's turn.");
const unanswered = refused("STORAGE_FAILED", "The storage engine failed.");
