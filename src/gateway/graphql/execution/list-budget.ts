/**
 * Bounds how many list items a request may pass in one argument, and receive in all its fields together. Shards have
 * storage nodes and those have shards again, so that every level of such a query multiplies the answer: a line of text
 * could cost minutes.
 */
import { ShardgateError } from "../../../core/error.js";
import type { RequestServices } from "../../guard/request-services.js";

/** Throws TOO_MANY_KEYS when the argument `name` has more items than one batch field may have. */
export function checkBatchSize(
  items: readonly unknown[],
  name: string,
  { services }: { readonly services: Pick<RequestServices, "bounds"> },
): void {
  const { batchKeys } = services.bounds;
  if (items.length <= batchKeys) return;
  throw new ShardgateError("TOO_MANY_KEYS", `\`${name}\` has ${items.length} items; at most ${batchKeys} are allowed.`);
}

export class ListBudget {
  readonly #itemsMax: number;
  #left: number;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
    this.#left = itemsMax;
  }

  /** Counts `items` and returns them. Throws ANSWER_TOO_LARGE when the budget is exceeded. */
  pay<Item>(items: readonly Item[]): readonly Item[] {
    this.#left -= items.length;
    if (this.#left >= 0) return items;
    throw new ShardgateError(
      "ANSWER_TOO_LARGE",
      `The lists of this request have more than ${this.#itemsMax} items together.`,
    );
  }
}
