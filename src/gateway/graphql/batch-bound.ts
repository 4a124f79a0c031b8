/** The one check that bounds every list argument, before any storage node is called. */
import { ShardgateError } from "../../core/error.js";
import { batchKeysMax } from "../../core/limits.js";

/** Throws TOO_MANY_KEYS when the argument `name` has more than `batchKeysMax` items. */
export function checkBatchSize(items: readonly unknown[], name: string): void {
  if (items.length <= batchKeysMax) return;
  throw new ShardgateError(
    "TOO_MANY_KEYS",
    `\`${name}\` has ${items.length} items; at most ${batchKeysMax} are allowed.`,
  );
}
