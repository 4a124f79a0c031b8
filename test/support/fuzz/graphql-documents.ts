/**
 * GraphQL documents, grown from a schema: operations with aliases, fragments, directives and arguments, as a tree that is
 * easy to shrink, and the writing of such a tree as a document with its variables.
 */
import * as fc from "fast-check";
import {
  getNamedType,
  GraphQLBoolean,
  GraphQLNonNull,
  GraphQLString,
  isAbstractType,
  isCompositeType,
  isObjectType,
  isRequiredArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
} from "graphql";
import { datumOf, type Datum, type Style, type VariableUse } from "./input-values.js";

interface Directive {
  readonly name: string;
  readonly condition: Datum;
}

type Selection =
  | {
      readonly kind: "field";
      readonly name: string;
      readonly alias: string | null;
      readonly inputs: readonly (readonly [string, Datum])[];
      readonly directives: readonly Directive[];
      readonly selections: readonly Selection[];
    }
  | Fragment<"inline">
  | Fragment<"spread">;

interface Fragment<Kind> {
  readonly kind: Kind;
  readonly on: string;
  readonly directives: readonly Directive[];
  readonly selections: readonly Selection[];
}

export interface Operation {
  readonly kind: "query" | "mutation" | "subscription";
  readonly selections: readonly Selection[];
}

export interface WrittenDocument {
  readonly text: string;
  /** A JSON object. */
  readonly variablesText: string;
}

const depthMax = 4;
const ownName = "(own)";

/** Operations of a schema; most are queries, and valid when the style is careful. */
export function operationsOf(schema: GraphQLSchema, style: Style): fc.Arbitrary<Operation> {
  const grower = new Grower(schema, style);
  const [query, mutation] = [schema.getQueryType(), schema.getMutationType()];
  if (query == null || mutation == null) throw new Error("The schema has no queries or no mutations.");
  const of = (kind: Operation["kind"], type: GraphQLCompositeType): fc.Arbitrary<Operation> =>
    grower.selections(type, depthMax).map((selections) => ({ kind, selections }));
  return fc.oneof(
    { arbitrary: of("query", query), weight: 30 },
    { arbitrary: of("mutation", mutation), weight: 9 },
    { arbitrary: of("subscription", query), weight: style === "careful" ? 0 : 1 },
  );
}

/** The operations, called A, B, …, as one document. One alone may go without a name. */
export function writeDocument(operations: readonly Operation[], isNamed: boolean): WrittenDocument {
  const writer = new Writer();
  const texts = operations.map((operation, index) =>
    writer.operation(operation, isNamed || operations.length > 1 ? "ABC".charAt(index) : ""),
  );
  return { text: [...texts, ...writer.fragments].join("\n"), variablesText: writer.variablesText };
}

class Grower {
  readonly #schema: GraphQLSchema;
  readonly #style: Style;
  readonly #memory = new Map<string, fc.Arbitrary<readonly Selection[]>>();

  constructor(schema: GraphQLSchema, style: Style) {
    this.#schema = schema;
    this.#style = style;
  }

  selections(type: GraphQLCompositeType, depth: number): fc.Arbitrary<readonly Selection[]> {
    const known = this.#memory.get(`${type.name} ${depth}`);
    if (known !== undefined) return known;
    const selections = fc.array(this.#selection(type, depth), { minLength: 1, maxLength: 4 });
    this.#memory.set(`${type.name} ${depth}`, selections);
    return selections;
  }

  #selection(type: GraphQLCompositeType, depth: number): fc.Arbitrary<Selection> {
    const fields = "getFields" in type ? Object.values(type.getFields()) : [];
    const fitting = fields.filter((field) => depth > 0 || !isCompositeType(getNamedType(field.type)));
    const plain = fc.oneof(fc.constant(typename), ...fitting.map((field) => this.#field(field, depth)));
    if (depth === 0) return plain;
    return fc.oneof(
      { arbitrary: plain, weight: isAbstractType(type) ? 2 : 12 },
      { arbitrary: this.#fragment(type, depth), weight: 2 },
      { arbitrary: fc.constantFrom(...mistakes), weight: this.#style === "careful" ? 0 : 1 },
    );
  }

  #field(field: GraphQLField<unknown, unknown>, depth: number): fc.Arbitrary<Selection> {
    const type = getNamedType(field.type);
    const isCareful = this.#style === "careful";
    const inputs = field.args.map((argument) => {
      const input = datumOf(argument.type, this.#style).map((datum) => [argument.name, datum] as const);
      return isCareful && isRequiredArgument(argument) ? input : fc.option(input, { freq: isCareful ? 2 : 6 });
    });
    return fc.record({
      kind: fc.constant("field" as const),
      name: fc.constant(field.name),
      alias: isCareful ? fc.constant(ownName) : aliases,
      inputs: fc.tuple(...inputs).map((all) => all.filter((input) => input !== null)),
      directives: directivesOf(this.#style),
      selections: isCompositeType(type) ? this.selections(type, depth - 1) : fc.constant([]),
    });
  }

  #fragment(type: GraphQLCompositeType, depth: number): fc.Arbitrary<Selection> {
    const possible = isAbstractType(type) ? this.#schema.getPossibleTypes(type) : isObjectType(type) ? [type] : [];
    const interfaces = "getInterfaces" in type ? type.getInterfaces() : [];
    return fc.oneof(
      ...[type, ...possible, ...interfaces].map((on) =>
        fc.record({
          kind: fc.constantFrom("inline" as const, "spread" as const),
          on: fc.constant(on.name),
          directives: directivesOf(this.#style),
          selections: this.selections(on, depth - 1),
        }),
      ),
    );
  }
}

function leaf(name: string): Selection {
  return { kind: "field", name, alias: null, inputs: [], directives: [], selections: [] };
}

const typename = leaf("__typename");
const mistakes: readonly Selection[] = [
  leaf("nothing"),
  { ...leaf("__schema"), selections: [leaf("description"), { ...leaf("types"), selections: [leaf("name")] }] },
  { kind: "inline", on: "String", directives: [], selections: [typename] },
];

/** Most stand for a name of their own, so that fields of one name do not get in each other's way. */
const aliases = fc.oneof(
  { arbitrary: fc.constant(ownName), weight: 10 },
  { arbitrary: fc.constant(null), weight: 3 },
  fc.constantFrom("a", "key", "__proto__"),
);

function directivesOf(style: Style): fc.Arbitrary<readonly Directive[]> {
  const condition =
    style === "careful" ? datumOf(needed, style) : fc.oneof(datumOf(needed, style), datumOf(text, style));
  const skip = condition.map((datum) => [{ name: "skip", condition: datum }]);
  const include = condition.map((datum) => [{ name: "include", condition: datum }]);
  const plain = fc.oneof({ arbitrary: fc.constant([]), weight: 10 }, skip, include);
  if (style === "careful") return plain;
  const twice = fc.tuple(include, include).map((pair) => pair.flat());
  const misplaced = condition.map((datum) => [{ name: "deprecated", condition: datum }]);
  return fc.oneof({ arbitrary: plain, weight: 20 }, twice, misplaced);
}

const needed = new GraphQLNonNull(GraphQLBoolean);
const text = new GraphQLNonNull(GraphQLString);

class Writer {
  readonly fragments: string[] = [];
  readonly #values: string[] = [];
  /** Of the operation that is being written, and of all fragments. */
  #declarations: string[] = [];
  #count = 0;

  get variablesText(): string {
    return `{${this.#values.join(",")}}`;
  }

  operation({ kind, selections }: Operation, name: string): string {
    this.#declarations = [];
    const body = this.#block(selections);
    const variables = this.#declarations.length === 0 ? "" : `(${this.#declarations.join(", ")})`;
    return `${kind} ${name}${variables} ${body}`;
  }

  #block(selections: readonly Selection[]): string {
    return selections.length === 0 ? "" : `{ ${selections.map((selection) => this.#selection(selection)).join(" ")} }`;
  }

  #selection(selection: Selection): string {
    const conditions = selection.directives.map(({ name, condition }) => ` @${name}(if: ${this.#datum(condition)})`);
    const body = this.#block(selection.selections);
    switch (selection.kind) {
      case "inline":
        return `... on ${selection.on}${conditions.join("")} ${body}`;
      case "spread":
        this.fragments.push(`fragment F${this.fragments.length} on ${selection.on} ${body}`);
        return `...F${this.fragments.length - 1}${conditions.join("")}`;
      case "field":
        return `${this.#call(selection)}${conditions.join("")} ${body}`;
    }
  }

  #call({ name, alias, inputs }: Extract<Selection, { kind: "field" }>): string {
    const shown = alias === ownName ? `x${this.#count++}` : alias;
    const texts = inputs.map(([input, datum]) => `${input}: ${this.#datum(datum)}`);
    return `${shown === null ? "" : `${shown}: `}${name}${texts.length === 0 ? "" : `(${texts.join(", ")})`}`;
  }

  #datum({ literal }: Datum): string {
    return literal.map((part) => (typeof part === "string" ? part : this.#variable(part))).join("");
  }

  #variable({ type, json, fallback }: VariableUse): string {
    const name = `v${this.#count++}`;
    this.#declarations.push(`$${name}: ${type}${fallback === null ? "" : ` = ${fallback}`}`);
    if (json !== null) this.#values.push(`"${name}":${json}`);
    return `$${name}`;
  }
}
