/** docs/reference/graphql.md: the schema, type by type. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
} from "graphql";
import { repository } from "../../support/processes.js";
import { table, type Regions } from "./page.js";

export function graphqlRegions(): Regions {
  const folder = path.join(repository, "schema");
  const texts = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), "utf8"));
  const schema = buildSchema(texts.join("\n"));
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => !type.name.startsWith("__") && !isSpecifiedScalarType(type),
  );
  const named = (name: string): string =>
    types
      .filter((type) => type.name === name)
      .map(members)
      .join("");
  const others = types.filter(({ name }) => name !== "Query" && name !== "Mutation");
  return {
    query: named("Query"),
    mutation: named("Mutation"),
    types: others
      .toSorted((a, b) => a.name.localeCompare(b.name, "en"))
      .map((type) => [`### ${type.name}`, type.description ?? "", members(type)].filter(Boolean).join("\n\n"))
      .join("\n\n"),
  };
}

function members(type: GraphQLNamedType): string {
  if (isScalarType(type)) return "";
  if (isUnionType(type))
    return `One of ${type
      .getTypes()
      .map(({ name }) => `\`${name}\``)
      .join(", ")}.`;
  if (isEnumType(type)) {
    return table(
      ["value", "meaning"],
      type.getValues().map(({ name, description }) => [`\`${name}\``, description ?? ""]),
    );
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    return table(
      ["field", "type", "meaning"],
      fields.map((field) => [`\`${field.name}\``, `\`${typeOf(field)}\``, field.description ?? ""]),
    );
  }
  const fields: readonly GraphQLField<unknown, unknown>[] = "getFields" in type ? Object.values(type.getFields()) : [];
  return table(
    ["field", "type", "meaning"],
    fields.map((field) => [`\`${signature(field)}\``, `\`${String(field.type)}\``, field.description ?? ""]),
  );
}

function signature({ name, args }: GraphQLField<unknown, unknown>): string {
  return args.length === 0 ? name : `${name}(${args.map((each) => `${each.name}: ${typeOf(each)}`).join(", ")})`;
}

function typeOf({ type, defaultValue }: Pick<GraphQLArgument, "type" | "defaultValue">): string {
  return defaultValue === undefined ? String(type) : `${String(type)} = ${JSON.stringify(defaultValue)}`;
}
