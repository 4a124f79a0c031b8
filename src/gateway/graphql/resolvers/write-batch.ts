/**
 * Runs the writes of one field. Writes of one batch may be sent separately and in any order; those of the same key must
 * keep their order, so the first write of every key runs first, then the second of those that have one, and so on.
 */
import type { GraphQLResolveInfo } from "graphql";
import type { Outcome, WriteOperation } from "../../../core/operation.js";
import type { RouteContext } from "../../../routing/router.js";
import type { GraphqlContext } from "../execution/context.js";

/** Resolves to one outcome per operation, in order. */
export function runWrites(
  operations: readonly WriteOperation[],
  context: GraphqlContext,
  info: Pick<GraphQLResolveInfo, "path">,
): Promise<readonly Outcome[]> {
  const { route, receipt } = context;
  const routeContext = receipt === null ? route : { ...route, recorder: receipt.runs(info, operations) };
  // Most requests have a single write, which has no other to wait for.
  return operations.length === 1
    ? runTogether(operations, context, routeContext)
    : runInRounds(operations, context, routeContext);
}

async function runInRounds(
  operations: readonly WriteOperation[],
  context: GraphqlContext,
  routeContext: RouteContext,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const round of roundsOf(operations)) {
    const batch = round.map(({ operation }) => operation);
    const answers = await runTogether(batch, context, routeContext);
    round.forEach(({ index }, at) => {
      const answer = answers[at];
      if (answer === undefined) throw new Error("The router returned no outcome for a write.");
      outcomes[index] = answer;
    });
  }
  return outcomes;
}

/** `operations`: all of different keys. */
function runTogether(
  operations: readonly WriteOperation[],
  { services, loaders, receipt }: GraphqlContext,
  routeContext: RouteContext,
): Promise<readonly Outcome[]> {
  return services.router.execute(operations, routeContext).then((outcomes) => {
    for (const { key } of operations) {
      // Whatever the outcome of the write, an earlier read may be outdated now.
      loaders.forget(key);
      receipt?.forgets(key);
    }
    return outcomes;
  });
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
