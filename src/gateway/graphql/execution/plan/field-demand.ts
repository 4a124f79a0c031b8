/**
 * What a field at the top of an operation asks of the storage nodes, declared beside its resolver with `asking`; and what a
 * request's fields ask together, known before it runs. So one that asks too much is refused whole, before the first of its
 * writes, and a query of a thousand keys takes one promise, not thousands.
 */
import type { GraphQLField, GraphQLResolveInfo } from "graphql";
import type { GatewayBounds } from "../../../../core/bounds.js";
import type { GraphqlContext } from "../context.js";
import type { OperationPlan } from "./operation-plan.js";
import type { PlannedField } from "./selection.js";
import type { Variables } from "./variable-values.js";

export interface FieldDemand<Arguments> {
  /**
   * The keys that the resolver passes to `loaders.read`, for a field that asks for nothing else. A query of such fields
   * alone has all its keys read in one go. Each key costs 1.
   */
  readonly keys?: (args: Arguments) => readonly string[];
  /** In keys and shards, for a field without `keys`. 0 when the field will be refused without asking. */
  readonly cost?: (args: Arguments, facts: CostFacts) => number;
}

export interface CostFacts {
  readonly bounds: GatewayBounds;
  readonly shardCount: number;
  /** Whether the field's answer has a member of its member, for example `isSelected("pageInfo", "hasNextPage")`. */
  readonly isSelected: (member: string, inner: string) => boolean;
}

type Resolve<Parent, Arguments, Result> = (
  parent: Parent,
  args: Arguments,
  context: GraphqlContext,
  info: GraphQLResolveInfo,
) => Result;

/** A resolver, as the schema takes it, with the demand of its field. */
export interface DemandingResolver<Parent, Arguments, Result> {
  readonly resolve: Resolve<Parent, Arguments, Result>;
  readonly extensions: { readonly shardgate: FieldDemand<Arguments> };
}

export function asking<Parent, Arguments, Result>(
  demand: FieldDemand<Arguments>,
  resolve: Resolve<Parent, Arguments, Result>,
): DemandingResolver<Parent, Arguments, Result> {
  return { resolve, extensions: { shardgate: demand } };
}

/** The cost of a list; one that is longer than a field may have is refused whole by `checkBatchSize`. */
export function costOfBatch(items: readonly unknown[], { bounds }: Pick<CostFacts, "bounds">): number {
  return items.length <= bounds.batchKeys ? items.length : 0;
}

/** As `asking` declared it; null for a field that asks for nothing. */
export function demandOf({
  extensions,
}: Pick<GraphQLField<unknown, unknown>, "extensions">): FieldDemand<never> | null {
  return (extensions["shardgate"] as FieldDemand<never> | undefined) ?? null;
}

export interface RequestDemand {
  /** In keys and shards. */
  readonly cost: number;
  /** As often as they are asked for; null for an operation that does something else, which should not wait for them. */
  readonly keys: readonly string[] | null;
}

type Facts = Pick<CostFacts, "bounds" | "shardCount">;

/** `variables`: as GraphQL coerces them. What the execution will refuse costs nothing. */
export function requestDemand(
  plan: Pick<OperationPlan, "operation" | "fieldsOf">,
  variables: Variables,
  facts: Facts,
): RequestDemand {
  const lists: (readonly string[])[] = [];
  let isOfKeysAlone = plan.operation.operation === "query";
  let cost = 0;
  for (const field of fieldsOf(plan, variables)) {
    const asked = keysOf(field, variables);
    if (asked === null) {
      if (field.name !== "__typename") isOfKeysAlone = false;
      cost += costOf(field, variables, facts);
    } else if (asked.length <= facts.bounds.batchKeys) {
      cost += asked.length;
      lists.push(asked);
    }
  }
  if (!isOfKeysAlone) return { cost, keys: null };
  const [only] = lists;
  return { cost, keys: lists.length === 1 && only !== undefined ? only : lists.flat() };
}

/** None when a condition is null, which ends the execution. */
function fieldsOf(plan: Pick<OperationPlan, "fieldsOf">, variables: Variables): readonly PlannedField[] {
  try {
    return plan.fieldsOf(variables);
  } catch {
    return [];
  }
}

/** Null for a field that does not ask for keys alone, or is refused for its arguments. */
function keysOf({ demand, argumentsIn }: PlannedField, variables: Variables): readonly string[] | null {
  if (demand?.keys === undefined) return null;
  try {
    return demand.keys(argumentsIn(variables) as never);
  } catch {
    return null;
  }
}

function costOf({ demand, argumentsIn, shape }: PlannedField, variables: Variables, facts: Facts): number {
  if (demand?.cost === undefined) return 0;
  try {
    return demand.cost(argumentsIn(variables) as never, {
      ...facts,
      isSelected: (member, inner) =>
        membersOf(shape, member, variables).some((field) => membersOf(field.shape, inner, variables).length > 0),
    });
  } catch {
    return 0;
  }
}

/** The members that were selected of an object's field `name`; there may be several, by their aliases. */
function membersOf(shape: PlannedField["shape"], name: string, variables: Variables): readonly PlannedField[] {
  if (shape.kind !== "object") return [];
  return shape.selection.fieldsOf(shape.type, variables).filter((field) => field.name === name);
}
