/**
 * Reads the arguments of one field of a plan. Literals are read once; a variable that is a whole argument is passed on,
 * because it was coerced with the variables. Everything else is read by GraphQL.js.
 */
import {
  getArgumentValues,
  isNonNullType,
  Kind,
  visit,
  type FieldNode,
  type GraphQLField,
  type ValueNode,
} from "graphql";
import type { Variables } from "./variable-values.js";

type Arguments = Readonly<Record<string, unknown>>;

/** Throws the GraphQLError for the field. */
export type ArgumentsReader = (variables: Variables) => Arguments;

/** An argument that is just a variable. */
interface PassedVariable {
  readonly argument: string;
  readonly variable: string;
  readonly isNullable: boolean;
}

export function argumentsReader(field: GraphQLField<unknown, unknown>, node: FieldNode): ArgumentsReader {
  const given = new Map((node.arguments ?? []).map(({ name, value }) => [name.value, value]));
  if ([...given.values()].every((value) => !hasVariable(value))) return constantReader(field, node);
  const passed: PassedVariable[] = [];
  for (const { name: argument, type, defaultValue } of field.args) {
    const value = given.get(argument);
    if (value?.kind === Kind.VARIABLE) {
      passed.push({ argument, variable: value.name.value, isNullable: !isNonNullType(type) });
    } else if (value !== undefined || defaultValue !== undefined) {
      return (variables) => getArgumentValues(field, node, variables);
    }
  }
  return (variables) => {
    const values: Record<string, unknown> = {};
    for (const { argument, variable, isNullable } of passed) {
      const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
      if (value === undefined || (value === null && !isNullable)) return getArgumentValues(field, node, variables);
      values[argument] = value;
    }
    return values;
  };
}

function constantReader(field: GraphQLField<unknown, unknown>, node: FieldNode): ArgumentsReader {
  try {
    const values = getArgumentValues(field, node, {});
    return () => values;
  } catch {
    // The scalar refuses a literal: the field fails each time, with a new error.
    return (variables) => getArgumentValues(field, node, variables);
  }
}

function hasVariable(value: ValueNode): boolean {
  let isThere = false;
  visit(value, {
    Variable: () => {
      isThere = true;
    },
  });
  return isThere;
}
