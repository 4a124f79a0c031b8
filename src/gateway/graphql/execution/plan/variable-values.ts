/**
 * Coerces the variables of one operation (GraphQL specification, 6.1.2). Types are analysed once, not for each request.
 * Only values that fit are accepted; GraphQL.js reports the errors of the others.
 */
import {
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  typeFromAST,
  valueFromAST,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLLeafType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";

export type Variables = Readonly<Record<string, unknown>>;

/** Null when a variable is missing or does not fit its type. */
export type VariablesCoercer = (given: Variables) => Variables | null;

/** Returns the value as a resolver gets it, or `misfit`. */
type Coercer = (value: unknown) => unknown;

const misfit = Symbol("misfit");

/** Null when GraphQL.js must coerce the variables. */
export function coercerOfVariables(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
): VariablesCoercer | null {
  const coercers = new Coercers();
  const definitions = variableDefinitions.flatMap(({ variable, type: typeNode, defaultValue }) => {
    const type = typeFromAST(schema, typeNode);
    const name = variable.name.value;
    // As a property of an object, `__proto__` would not behave like other names.
    if (!isInputType(type) || name === "__proto__") return [];
    const absent = defaultValue === undefined ? absentValue(type) : valueFromAST(defaultValue, type);
    return [{ name, coerce: coercers.of(type), absent }];
  });
  if (definitions.length < variableDefinitions.length) return null;
  return (given) => {
    const values: Record<string, unknown> = {};
    for (const { name, coerce, absent } of definitions) {
      const value = Object.hasOwn(given, name) ? coerce(given[name]) : absent;
      if (value === misfit) return null;
      if (value !== undefined) values[name] = value;
    }
    return values;
  };
}

/** The value of a variable or input field that has no default and is not provided. */
function absentValue(type: GraphQLInputType): typeof misfit | undefined {
  return isNonNullType(type) ? misfit : undefined;
}

/** Creates the coercer of each input type once: input types may contain themselves. */
class Coercers {
  readonly #ofObjects = new Map<GraphQLInputObjectType, Coercer>();

  of(type: GraphQLInputType): Coercer {
    if (isNonNullType(type)) {
      const coerce = this.of(type.ofType);
      return (value) => (value == null ? misfit : coerce(value));
    }
    if (isListType(type)) return orNull(listCoercer(this.of(type.ofType)));
    if (!isInputObjectType(type)) return orNull(leafCoercer(type));
    const known = this.#ofObjects.get(type);
    if (known !== undefined) return known;
    let coerce: Coercer = () => misfit;
    const coercer = orNull((value) => coerce(value));
    this.#ofObjects.set(type, coercer);
    coerce = this.#objectCoercer(type);
    return coercer;
  }

  #objectCoercer(type: GraphQLInputObjectType): Coercer {
    const fields = Object.values(type.getFields()).map(({ name, type: fieldType, defaultValue }) => {
      return {
        name,
        coerce: this.of(fieldType),
        absent: defaultValue === undefined ? absentValue(fieldType) : defaultValue,
      };
    });
    return (value) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return misfit;
      const given = value as Variables;
      const values: Record<string, unknown> = {};
      let taken = 0;
      for (const { name, coerce, absent } of fields) {
        const isGiven = given[name] !== undefined;
        const coerced = isGiven ? coerce(given[name]) : absent;
        if (isGiven) taken++;
        if (coerced === misfit) return misfit;
        if (coerced !== undefined) values[name] = coerced;
      }
      if (taken !== Object.keys(given).length) return misfit;
      return type.isOneOf && !hasOneMember(values) ? misfit : values;
    };
  }
}

function orNull(coerce: Coercer): Coercer {
  return (value) => (value == null ? null : coerce(value));
}

function listCoercer(coerceItem: Coercer): Coercer {
  return (value) => {
    // A single value may stand for a list of one; that is rare and left to GraphQL.js.
    if (!Array.isArray(value)) return misfit;
    const items = value.map(coerceItem);
    return items.includes(misfit) ? misfit : items;
  };
}

function leafCoercer(type: GraphQLLeafType): Coercer {
  return (value) => {
    try {
      const parsed: unknown = type.parseValue(value);
      return parsed === undefined ? misfit : parsed;
    } catch {
      return misfit;
    }
  };
}

function hasOneMember(values: Variables): boolean {
  const members = Object.values(values);
  return members.length === 1 && members[0] !== null;
}
