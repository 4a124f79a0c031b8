/** Sends the requests of clients through a router, without a gateway around it. */
import type { Operation, OperationCondition, Outcome } from "../../src/core/operation.js";
import { versionOf } from "../../src/core/version.js";
import { get, put, remove } from "../support/operations.js";
import type { Target } from "./clients.js";
import type { Action, Condition, Result } from "./history.js";

export function routedTarget(execute: (operations: readonly Operation[]) => Promise<readonly Outcome[]>): Target {
  return async ({ asks }) => {
    const outcomes = await execute(asks.map(({ key, action }) => operationOf(key, action)));
    return outcomes.map(resultOf);
  };
}

function operationOf(key: string, action: Action): Operation {
  if (action.kind === "get") return get(key);
  const condition = conditionOf(action.condition);
  return action.kind === "put" ? put(key, String(action.value), { condition }) : remove(key, { condition });
}

function conditionOf(condition: Condition | null): OperationCondition | null {
  return condition?.kind === "ifVersion" ? { kind: "ifVersion", version: versionOf(condition.version) } : condition;
}

function resultOf(outcome: Outcome): Result {
  switch (outcome.kind) {
    case "found":
      return { kind: "found", entry: shown(outcome.entry) };
    case "written":
      return { kind: "written", isNew: outcome.isNew, version: Number(outcome.facts.version) };
    case "deleted":
      return { kind: "deleted", version: Number(outcome.version) };
    case "conflict":
      return { kind: "conflict", current: outcome.current === null ? null : shown(outcome.current) };
    case "notFound":
      return { kind: "notFound" };
    case "refused":
      return outcome.code === "OUTCOME_UNKNOWN"
        ? { kind: "unknown", cause: outcome.message }
        : { kind: "refused", code: outcome.code };
    default:
      throw new Error(`A key was answered with ${outcome.kind}.`);
  }
}

function shown({ value, version }: { readonly value: string; readonly version: string | null }) {
  return { value: Number(value), version: Number(version) };
}
