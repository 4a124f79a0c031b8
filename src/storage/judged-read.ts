/**
 * Makes reads consistent about expiry: an answer that raises a shard's expiry mark is given only after the mark is
 * durable. So an entry that was answered as expired does not reappear when the clock jumps back, even across a restart.
 */
import { ShardgateError } from "../core/error.js";
import { planAttemptsMax } from "../core/limits.js";
import type { ShardNumber } from "../core/shard.js";
import { withRefused, type RaisedMark, type ReadAnswer, type ReadOutcome } from "./read-operations.js";

/**
 * Resolves to the outcomes of `read` once `raise` has made its marks durable. When `raise` resolves to false, a claim
 * has changed since the read and nothing was raised: the read is repeated. When `raise` fails, only the operations that
 * depend on the marks are refused.
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
  // No caller has seen this answer yet, so the read may be retried whether or not the mark was written.
  const code = error.code === "OUTCOME_UNKNOWN" ? "SHARD_UNAVAILABLE" : error.code;
  return withRefused(answer, code, `The expiry of an entry could not be recorded. ${error.message}`);
}
