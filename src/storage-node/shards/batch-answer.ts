/** Collects the answer to one batch: outcomes by index, and how much room for entries is left. */
import { answerBytes } from "../../core/answer-bytes.js";
import { nodeBatchAnswerBytesMax } from "../../core/limits.js";
import type { Outcome } from "../../core/operation.js";
import { refused } from "./engine-failure.js";

export class BatchAnswer {
  readonly #outcomes: Outcome[];
  #bytes = 0;

  /** `count`: number of operations in the batch. */
  constructor(count: number) {
    this.#outcomes = Array.from({ length: count }, () => full);
  }

  /** Bytes left for entries. */
  get bytesLeft(): number {
    return nodeBatchAnswerBytesMax - this.#bytes;
  }

  /**
   * One outcome per operation of the batch, in order. Operations without an outcome are refused with BATCH_ANSWER_FULL.
   */
  get outcomes(): readonly Outcome[] {
    return this.#outcomes;
  }

  /** Whether the operation at `index` may still be answered with an entry. The first one always may. */
  isOpenAt(index: number): boolean {
    return index === 0 || this.bytesLeft > 0;
  }

  /** Adds the outcomes of the operations at `indexes`. */
  add(indexes: readonly number[], outcomes: readonly Outcome[]): void {
    for (const [at, index] of indexes.entries()) {
      const outcome = outcomes[at] ?? unanswered;
      // A conflict carries the current entry, and nothing was written, so the operation may be repeated as a read may.
      const isTooMuch = outcome.kind === "conflict" && !this.isOpenAt(index);
      this.#outcomes[index] = isTooMuch ? full : outcome;
      if (!isTooMuch) this.#bytes += answerBytes(outcome);
    }
  }
}

/**
 * The outcomes of a batch of writes only, with conflicts replaced by BATCH_ANSWER_FULL once their entries exceed one
 * answer.
 */
export function withinOneAnswer(outcomes: readonly Outcome[]): readonly Outcome[] {
  if (!outcomes.some(({ kind }) => kind === "conflict")) return outcomes;
  const answer = new BatchAnswer(outcomes.length);
  answer.add([...outcomes.keys()], outcomes);
  return answer.outcomes;
}

const full = refused("BATCH_ANSWER_FULL", "The batch's response reached its size limit before this operation ran.");
const unanswered = refused("STORAGE_FAILED", "The storage engine failed.");
