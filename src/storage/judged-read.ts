/**
 * Makes a read keep its word about what has expired: before an answer that depends on a raised expiry mark is given, the
 * mark is durable, so that a clock that jumps back, also after a restart, does not bring an entry back.
 */
import { ShardgateError } from "../core/error.js";
import { planAttemptsMax } from "../core/limits.js";
import type { ShardNumber } from "../core/shard.js";
import { withRefused, type RaisedMark, type ReadAnswer, type ReadOutcome } from "./read-operations.js";

/**
 * Resolves to the outcomes of `read` once `raise` has made its marks durable. `raise` resolves to false, having changed
 * nothing, when a claim is not that of the read any more; then everything is read again. Where it fails, the operations
 * that depend on it are refused, and no others.
 */
export async function readJudged(
  read: () => Promise<ReadAnswer>,
  raise: (marks: ReadonlyMap<ShardNumber, RaisedMark>) => Promise<boolean>,
): Promise<readonly ReadOutcome[]> {
  let answer = await read();
  for (let attempt = 1; attempt < planAttemptsMax; attempt++) {
    if (answer.marks.size === 0) return answer.outcomes;
    try {
      if (await raise(answer.marks)) return answer.outcomes;
    } catch (error) {
      return refusedFor(answer, error);
    }
    answer = await read();
  }
  return withRefused(answer, "SHARD_UNAVAILABLE", "The shard's claim changed too often during the read. Try again.");
}

function refusedFor(answer: ReadAnswer, error: unknown): readonly ReadOutcome[] {
  if (!(error instanceof ShardgateError)) throw error;
  // Nothing was read that others could see: whether the mark is there or not, the read can be tried again.
  const code = error.code === "OUTCOME_UNKNOWN" ? "SHARD_UNAVAILABLE" : error.code;
  return withRefused(answer, code, `The expiry of an entry could not be recorded. ${error.message}`);
}
