/**
 * How many list items one request may get in all its fields together. Shards name their storage nodes and those name
 * their shards again, so that every level of such a query multiplies the answer: a line of text would cost minutes.
 */
import { ShardgateError } from "../../core/error.js";

export class ListBudget {
  readonly #itemsMax: number;
  #left: number;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
    this.#left = itemsMax;
  }

  /** `items`, once they are paid for. Throws ANSWER_TOO_LARGE. */
  pay<Item>(items: readonly Item[]): readonly Item[] {
    this.#left -= items.length;
    if (this.#left >= 0) return items;
    throw new ShardgateError(
      "ANSWER_TOO_LARGE",
      `The lists of this request have more than ${this.#itemsMax} items together.`,
    );
  }
}
