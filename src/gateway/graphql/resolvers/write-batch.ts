/**
 * Runs the writes of one field. Below, writes of one batch may travel apart and in any order; those of the same key must
 * not, so the first write of every key goes first, then the second of those that have one, and so on.
 */
import type { GraphQLResolveInfo } from "graphql";
import type { Outcome, WriteOperation } from "../../../core/operation.js";
import type { GraphqlContext } from "../execution/context.js";

/** One outcome per operation, in order. */
export async function runWrites(
  operations: readonly WriteOperation[],
  { services, route, loaders, receipt }: GraphqlContext,
  info: Pick<GraphQLResolveInfo, "path">,
): Promise<readonly Outcome[]> {
  const context = receipt === null ? route : { ...route, recorder: receipt.runs(info, operations) };
  const outcomes: Outcome[] = [];
  for (const round of roundsOf(operations)) {
    const batch = round.map(({ operation }) => operation);
    const answers = await services.router.execute(batch, context);
    for (const [at, { index, operation }] of round.entries()) {
      const answer = answers[at];
      if (answer === undefined) throw new Error("The router left a write without an outcome.");
      outcomes[index] = answer;
      // Whatever became of the write, what was read before may be wrong now.
      loaders.forget(operation.key);
      receipt?.forgets(operation.key);
    }
  }
  return outcomes;
}

interface PlacedWrite {
  readonly index: number;
  readonly operation: WriteOperation;
}

/** The n-th round has the n-th write of each key. */
function roundsOf(operations: readonly WriteOperation[]): readonly (readonly PlacedWrite[])[] {
  const rounds: PlacedWrite[][] = [];
  const writesOfKey = new Map<string, number>();
  for (const [index, operation] of operations.entries()) {
    const round = writesOfKey.get(operation.key) ?? 0;
    writesOfKey.set(operation.key, round + 1);
    (rounds[round] ??= []).push({ index, operation });
  }
  return rounds;
}
