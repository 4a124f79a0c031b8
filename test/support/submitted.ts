/** Operations at one storage node as a promise of their outcomes, past the router. */
import type { Outcome, RoutedOperation } from "../../src/core/operation.js";
import { Submission, type RouteContext } from "../../src/routing/mailbox/submission.js";

export function submitted(
  submit: (submission: Submission) => void,
  operations: readonly RoutedOperation[],
  context: RouteContext,
): Promise<readonly Outcome[]> {
  const shards: { epoch: number }[] = [];
  for (const { operation, epoch } of operations) if (epoch !== null) shards[operation.shard] = { epoch };
  return new Promise((resolve) => {
    const own = operations.map(({ operation }) => operation);
    submit(new Submission(own, shards, context, resolve));
  });
}
