/** Writing entries: `put`, `putMany`, `delete`, `deleteMany`. */
import type { GraphQLResolveInfo } from "graphql";
import { parseKey } from "../../../core/key.js";
import type { DeleteOperation, Outcome, PutOperation, WriteOperation } from "../../../core/operation.js";
import { shardOfKey } from "../../../core/shard.js";
import type { GraphqlContext } from "../execution/context.js";
import { asking, costOfBatch } from "../execution/plan/field-demand.js";
import type {
  DeleteInput,
  MutationResolvers,
  PutInput,
  ResolversTypes,
  ResolversUnionTypes,
} from "../generated/resolver-types.js";
import { encodeGlobalId } from "../values/global-id.js";
import { checkBatchSize } from "../execution/list-budget.js";
import * as problems from "../values/problems.js";
import { conditionOf, expiryOf } from "./write-arguments.js";
import { runWrites } from "./write-batch.js";

type PutResult = ResolversUnionTypes<ResolversTypes>["PutResult"];
type DeleteResult = ResolversUnionTypes<ResolversTypes>["DeleteResult"];

/** One requested write: the operation to run, or the problem of an invalid key or value, which is not run. */
type Item<Operation, Problem> = { readonly operation: Operation } | { readonly problem: Problem };
type InvalidKey = Extract<DeleteResult, { readonly __typename: "InvalidKey" }>;
type InvalidValue = Extract<PutResult, { readonly __typename: "InvalidValue" }>;

export const entryMutations = {
  put: asking({ cost: () => 1 }, (_root, args, context, info) =>
    runPuts([putItem(args, "", context)], context, info).then(only),
  ),
  putMany: asking({ cost: ({ items }, facts) => costOfBatch(items, facts) }, (_root, { items }, context, info) => {
    checkBatchSize(items, "items", context);
    return runPuts(
      items.map((item, index) => putItem(item, `items[${index}].`, context)),
      context,
      info,
    );
  }),
  delete: asking({ cost: () => 1 }, (_root, args, context, info) =>
    runDeletes([deleteItem(args, "", context)], context, info).then(only),
  ),
  deleteMany: asking({ cost: ({ items }, facts) => costOfBatch(items, facts) }, (_root, { items }, context, info) => {
    checkBatchSize(items, "items", context);
    return runDeletes(
      items.map((item, index) => deleteItem(item, `items[${index}].`, context)),
      context,
      info,
    );
  }),
} satisfies MutationResolvers;

/** `where` precedes the names of arguments in messages. Throws BAD_USER_INPUT. */
function putItem(
  { key: text, value, ...input }: PutInput,
  where: string,
  { services: { bounds, membership } }: GraphqlContext,
): Item<PutOperation, InvalidKey | InvalidValue> {
  const condition = conditionOf(input.condition, `${where}condition`);
  const expiry = expiryOf(input.expiry, `${where}expiry`);
  const located = locate(text, membership.shardCount);
  if ("problem" in located) return located;
  return problems.problemInstead(
    "INVALID_VALUE",
    () => ({ operation: { kind: "put", ...located, value: value.check(bounds), expiry, condition } }),
    (message) => ({ problem: problems.invalidValue(text, message) }),
  );
}

/** As `putItem`. */
function deleteItem(
  { key: text, ...input }: DeleteInput,
  where: string,
  { services: { membership } }: GraphqlContext,
): Item<DeleteOperation, InvalidKey> {
  const condition = conditionOf(input.condition, `${where}condition`);
  const located = locate(text, membership.shardCount);
  return "problem" in located ? located : { operation: { kind: "delete", ...located, condition } };
}

function locate(text: string, shardCount: number): Pick<WriteOperation, "key" | "shard"> | { problem: InvalidKey } {
  return problems.problemInstead(
    "INVALID_KEY",
    () => {
      const key = parseKey(text);
      return { key, shard: shardOfKey(key, shardCount) };
    },
    (message) => ({ problem: problems.invalidKey(text, message) }),
  );
}

function runPuts(
  items: readonly Item<PutOperation, InvalidKey | InvalidValue>[],
  context: GraphqlContext,
  info: GraphQLResolveInfo,
): Promise<readonly PutResult[]> {
  const run = (operations: readonly PutOperation[]) => runWrites(operations, context, info);
  return runItems(items, run, (operation, outcome) => putResult(operation, outcome, context));
}

function runDeletes(
  items: readonly Item<DeleteOperation, InvalidKey>[],
  context: GraphqlContext,
  info: GraphQLResolveInfo,
): Promise<readonly DeleteResult[]> {
  const run = (operations: readonly DeleteOperation[]) => runWrites(operations, context, info);
  return runItems(items, run, (operation, outcome) => deleteResult(operation, outcome, context));
}

/** Runs all valid operations together, and returns their results and the problems in the order of `items`. */
async function runItems<O extends WriteOperation, P, R>(
  items: readonly Item<O, P>[],
  run: (operations: readonly O[]) => Promise<readonly Outcome[]>,
  resultOf: (operation: O, outcome: Outcome) => R,
): Promise<readonly (P | R)[]> {
  const operations: O[] = [];
  for (const item of items) if ("operation" in item) operations.push(item.operation);
  const outcomes = await run(operations);
  let at = 0;
  return items.map((item) => {
    if ("problem" in item) return item.problem;
    const outcome = outcomes[at++];
    if (outcome === undefined) throw new Error("There are fewer outcomes than operations.");
    return resultOf(item.operation, outcome);
  });
}

function putResult({ key, value }: PutOperation, outcome: Outcome, context: GraphqlContext): PutResult {
  switch (outcome.kind) {
    case "written":
      return { __typename: "PutSuccess", entry: { key, value, ...outcome.facts }, isNew: outcome.isNew };
    case "conflict":
      return problems.versionConflict(key, outcome.current);
    case "refused":
      return problems.putProblem(outcome, key, () => context.services.membership.shardOfKey(key));
    default:
      throw new Error(`The router answered a put with ${outcome.kind}.`);
  }
}

function deleteResult({ key }: DeleteOperation, outcome: Outcome, context: GraphqlContext): DeleteResult {
  switch (outcome.kind) {
    case "deleted":
      return {
        __typename: "DeleteSuccess",
        key,
        deletedId: encodeGlobalId("Entry", key),
        version: outcome.version,
      };
    case "notFound":
      return problems.keyNotFound(key);
    case "conflict":
      return problems.versionConflict(key, outcome.current);
    case "refused":
      return problems.deleteProblem(outcome, key, () => context.services.membership.shardOfKey(key));
    default:
      throw new Error(`The router answered a delete with ${outcome.kind}.`);
  }
}

function only<R>([result]: readonly R[]): R {
  if (result === undefined) throw new Error("A write was left without a result.");
  return result;
}
