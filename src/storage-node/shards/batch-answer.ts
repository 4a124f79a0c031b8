/** The answer to one batch while it is made: outcomes by index, and whether the entries in them have filled it. */
import { answerBytes } from "../../core/answer-bytes.js";
import { nodeBatchAnswerBytesMax } from "../../core/limits.js";
import type { Outcome } from "../../core/operation.js";
import { refused } from "./engine-failure.js";

export class BatchAnswer {
  readonly #outcomes: Outcome[];
  #bytes = 0;

  /** `count`: how many operations the batch has. */
  constructor(count: number) {
    this.#outcomes = Array.from({ length: count }, () => full);
  }

  /** Bytes that its entries may still take. */
  get bytesLeft(): number {
    return nodeBatchAnswerBytesMax - this.#bytes;
  }

  /** One for each of the batch's operations, in order; those that got none found the answer full. */
  get outcomes(): readonly Outcome[] {
    return this.#outcomes;
  }

  /** Whether the operation at `index` may still get an entry. The first one always may. */
  isOpenAt(index: number): boolean {
    return index === 0 || this.bytesLeft > 0;
  }

  /** The outcomes of the operations at `indexes`. */
  add(indexes: readonly number[], outcomes: readonly Outcome[]): void {
    for (const [at, index] of indexes.entries()) {
      const outcome = outcomes[at] ?? unanswered;
      // A conflict carries the entry as it is, and nothing was written, so it may be asked again like a read.
      const isTooMuch = outcome.kind === "conflict" && !this.isOpenAt(index);
      this.#outcomes[index] = isTooMuch ? full : outcome;
      if (!isTooMuch) this.#bytes += answerBytes(outcome);
    }
  }
}

/** The outcomes of a batch of writes alone, as far as the conflicts in them have room in one answer. */
export function withinOneAnswer(outcomes: readonly Outcome[]): readonly Outcome[] {
  if (!outcomes.some(({ kind }) => kind === "conflict")) return outcomes;
  const answer = new BatchAnswer(outcomes.length);
  answer.add([...outcomes.keys()], outcomes);
  return answer.outcomes;
}

const full = refused("BATCH_ANSWER_FULL", "The batch's response reached its size limit before this operation ran.");
const unanswered = refused("STORAGE_FAILED", "The storage engine failed.");
