/** The one check that bounds every list argument, before any storage node is called. */
import { ShardgateError } from "../../core/error.js";
import type { GraphqlContext } from "./context.js";

/** Throws TOO_MANY_KEYS when the argument `name` has more items than one batch field may. */
export function checkBatchSize(items: readonly unknown[], name: string, { services }: GraphqlContext): void {
  const { batchKeys } = services.bounds;
  if (items.length <= batchKeys) return;
  throw new ShardgateError("TOO_MANY_KEYS", `\`${name}\` has ${items.length} items; at most ${batchKeys} are allowed.`);
}
