/**
 * Which keys a query reads, known from its fields and variables before it runs. Read ahead in one go they are there when
 * the resolvers ask for them, so that a query of a thousand keys takes one promise instead of thousands.
 */
import { keyProblem, type Key } from "../../core/key.js";
import type { OperationPlan } from "./plan/operation-plan.js";
import type { PlannedField } from "./plan/selection.js";
import type { Variables } from "./plan/variable-values.js";

export interface KeysAhead {
  /** The valid ones, as often as they are asked for. */
  readonly keys: readonly Key[];
  /** As request-cost.ts counts it. */
  readonly cost: number;
}

/** Null for an operation that does something else beside reading keys: nothing of that should have to wait for them. */
export function keysAhead(plan: OperationPlan, variables: Variables, batchKeysMax: number): KeysAhead | null {
  if (plan.operation.operation !== "query") return null;
  const keys: Key[] = [];
  let cost = 0;
  try {
    for (const field of plan.fieldsOf(variables)) {
      const texts = textsOf(field, variables);
      if (texts === null) return null;
      // More than a field may ask for is refused when it runs, and reads nothing.
      if (texts.length > batchKeysMax) continue;
      cost += texts.length;
      for (const text of texts) if (keyProblem(text) === null) keys.push(text as Key);
    }
  } catch {
    // An argument or a condition that the execution will refuse.
    return null;
  }
  return { keys, cost };
}

/** What a field at the top of a query asks for; null when it is none that reads keys. */
function textsOf({ name, argumentsIn }: PlannedField, variables: Variables): readonly string[] | null {
  switch (name) {
    case "get":
      return [argumentsIn(variables)["key"] as string];
    case "entries":
      return argumentsIn(variables)["keys"] as readonly string[];
    case "__typename":
      return [];
    default:
      return null;
  }
}
