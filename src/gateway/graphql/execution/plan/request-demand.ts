/**
 * The total of the keys and shards that an operation's fields read, computed before it runs. So an operation that costs
 * too much is refused as a whole, before the first of its writes, and a query of a thousand keys needs one promise
 * instead of thousands.
 */
import type { CostFacts } from "./field-demand.js";
import type { OperationPlan } from "./operation-plan.js";
import type { PlannedField } from "./selection.js";
import type { Variables } from "./variable-values.js";

export interface RequestDemand {
  /** In keys and shards. */
  readonly cost: number;
  /**
   * All keys, repetitions included; null for an operation that does something else too, which should not wait for them.
   */
  readonly keys: readonly string[] | null;
}

type Facts = Pick<CostFacts, "bounds" | "shardCount">;

/** `variables`: coerced by GraphQL's rules. Fields that the execution will refuse cost nothing. */
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

/** Empty when a condition is null, which fails the execution. */
function fieldsOf(plan: Pick<OperationPlan, "fieldsOf">, variables: Variables): readonly PlannedField[] {
  try {
    return plan.fieldsOf(variables);
  } catch {
    return [];
  }
}

/** Null for a field that does not only read keys, or whose arguments are refused. */
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

/** The selected members of an object's field `name`; there may be several, with different aliases. */
function membersOf(shape: PlannedField["shape"], name: string, variables: Variables): readonly PlannedField[] {
  if (shape.kind !== "object") return [];
  return shape.selection.fieldsOf(shape.type, variables).filter((field) => field.name === name);
}
