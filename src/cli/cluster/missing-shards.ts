/** Describes which shards lack a live primary, and why. */
import { missingShardsShown } from "../../core/limits.js";
import { shardsText } from "../transfer/exporter.js";
import type { ShardAnswer } from "./shard-answer.js";

/** For example: `2 of 64 shards lack a live primary: shards 1, 5 (node1 is DOWN)`. Null when every shard has one. */
export function missingShardsText(shards: readonly ShardAnswer[]): string | null {
  const missing = missingShards(shards);
  if (missing.length === 0) return null;
  const reasons = [...new Set(missing.map(reasonOf))];
  const parts = reasons.map((reason) => {
    const numbers = missing.filter((shard) => reasonOf(shard) === reason).map(({ number }) => number);
    return `${shardsShown(numbers)} (${reason})`;
  });
  return `${missing.length} of ${shards.length} shards lack a live primary: ${parts.join("; ")}`;
}

export function missingShards<S extends ShardAnswer>(shards: readonly S[]): readonly S[] {
  return shards.filter(({ state }) => state !== "ACTIVE");
}

function reasonOf({ primary }: ShardAnswer): string {
  if (primary === null) return "no storage node owns it";
  if (primary.state !== "UP") return `${primary.name} is ${primary.state}`;
  // The node is alive but may not serve: it has not registered, or was refused.
  return `${primary.name} is UP, but not accepted by the gateway`;
}

/** For example `shards 1, 5`; for a long list only the first ones, and how many more. */
export function shardsShown(numbers: readonly number[]): string {
  const shown = numbers.slice(0, missingShardsShown);
  const others = numbers.length - shown.length;
  return shardsText(shown) + (others === 0 ? "" : ` and ${others} more`);
}
