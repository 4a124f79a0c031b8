/**
 * A schema in which every field can do whatever a resolver can do, depending on its argument `act`. For tests that
 * compare the run of a plan with that of GraphQL.js.
 */
import {
  buildSchema,
  GraphQLError,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from "graphql";

/** The meaning of an `act`, by its remainder. */
const acts =
  "plain plain plain plain plain plain plain late late later latest null lateNull throw reject lateReject error lateError coded".split(
    " ",
  );

export const actsCount = acts.length;

/** The calls of the resolvers, in order. */
export interface ActContext {
  readonly calls: string[];
}

const fields = `
  int(act: Int = 2): Int
  intNeeded(act: Int = 2): Int!
  text(act: Int! = 1, list: [String!], deep: Deep): String
  kind(act: Int): Kind
  float(act: Int): Float!
  grid(act: Int): [[Int!]]
  self(act: Int): Item
  selfNeeded(act: Int = 3): Item!
  items(act: Int): [Item]
  itemsNeeded(act: Int): [Item!]!
  thing(act: Int): Thing
  things(act: Int): [Thing]
  any(act: Int): Any
  anys(act: Int): [Any]!
  plain: Int
  method(act: Int): String
`;

export function createActSchema(): GraphQLSchema {
  const schema = buildSchema(`
    enum Kind { ODD EVEN }
    input Deep { act: Int! = 5, more: [Deep!], one: One }
    input One @oneOf { a: Int, b: String }
    interface Thing { ${fields} }
    type Item implements Thing { ${fields} }
    type Box implements Thing { ${fields} boxed(act: Int): Item! }
    union Any = Item | Box
    type Query { ${fields} }
    type Mutation { ${fields} }
  `);
  for (const type of Object.values(schema.getTypeMap())) {
    if (isAbstractType(type) && type.name === "Any") {
      type.resolveType = (value) => {
        const name = (value as { readonly __typename: string }).__typename;
        return (value as { readonly act: number }).act % 2 === 0 ? Promise.resolve(name) : name;
      };
    }
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      // These are read as properties, one of them a function.
      if (field.name === "plain" || field.name === "method") continue;
      field.resolve = (_source, args: { readonly act?: number | null }, context: ActContext) => {
        context.calls.push(`${type.name}.${field.name}(${JSON.stringify(args)})`);
        return performed(args.act ?? 0, field.type);
      };
    }
  }
  return schema;
}

/** What a resolver of `type` returns or throws. */
function performed(act: number, type: GraphQLOutputType): unknown {
  const way = acts[act % acts.length];
  switch (way) {
    case "late":
      return after(1, () => valueOf(act, type));
    case "later":
      return after(3, () => valueOf(act, type));
    case "latest":
      return after(8, () => valueOf(act, type));
    case "null":
      return act % 2 === 0 ? null : undefined;
    case "lateNull":
      return after(2, () => null);
    case "throw":
      throw new Error(`thrown by ${act}`);
    case "reject":
      return Promise.reject(new Error(`rejected by ${act}`));
    case "lateReject":
      return after(4, () => {
        throw new Error(`rejected late by ${act}`);
      });
    case "error":
      return new Error(`given by ${act}`);
    case "lateError":
      return after(1, () => new Error(`given late by ${act}`));
    case "coded":
      throw new GraphQLError(`coded by ${act}`, { extensions: { code: "X" } });
    default:
      return valueOf(act, type);
  }
}

async function after<T>(ticks: number, value: () => T): Promise<T> {
  for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
  return value();
}

function valueOf(act: number, type: GraphQLOutputType): unknown {
  if (isNonNullType(type)) return valueOf(act, type.ofType);
  if (isListType(type)) {
    // Occasionally not a list.
    if (act % 23 === 22) return act;
    const { ofType } = type;
    const items = Array.from({ length: act % 4 }, (_, index) => itemOf(act * 7 + index * 5, ofType));
    return act % 3 === 0 ? new Set(items) : items;
  }
  switch (type.toString()) {
    case "Kind":
      return act % 5 === 4 ? "NEITHER" : act % 2 === 0 ? "EVEN" : "ODD";
    case "Int":
      return act % 11 === 10 ? "no number" : act;
    case "Float":
      return act + 0.5;
    case "String":
      return `"text" of ${act}\u2028`;
    default:
      return {
        __typename: act % 3 === 0 ? "Box" : "Item",
        act,
        plain: act,
        method: (args: object) => `${JSON.stringify(args)}${act}`,
      };
  }
}

/** An item of a list cannot throw, because it exists already. */
function itemOf(act: number, type: GraphQLOutputType): unknown {
  const isLate = promising.has(acts[act % acts.length] ?? "");
  // GraphQL.js abandons the promises before an item whose error ends the list at once.
  if (isNonNullType(type) && isLeafType(type.ofType) === isLate) return itemOf(act + 1, type);
  try {
    return performed(act, type);
  } catch (error) {
    return error;
  }
}

const promising: ReadonlySet<string> = new Set([
  "late",
  "later",
  "latest",
  "lateNull",
  "reject",
  "lateReject",
  "lateError",
]);
