/**
 * What a request's fields ask together, known before it runs. So one that asks too much is refused whole, before the first
 * of its writes, and a query of a thousand keys takes one promise, not thousands.
 */
import type { CostFacts } from "./field-demand.js";
import type { OperationPlan } from "./operation-plan.js";
import type { PlannedField } from "./selection.js";
import type { Variables } from "./variable-values.js";

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
