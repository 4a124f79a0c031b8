/**
 * Values for GraphQL arguments, right and wrong ones, each in both of its notations: as a literal of a document and as the
 * JSON text of a variable. A part of a literal may be a variable, with the text that the request gives it.
 */
import * as fc from "fast-check";
import {
  getNullableType,
  GraphQLNonNull,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
} from "graphql";
import { encodeGlobalId } from "../../../src/gateway/graphql/values/global-id.js";

export interface VariableUse {
  readonly type: string;
  /** Null: the request does not give it. */
  readonly json: string | null;
  /** Its default in the document, as a literal. */
  readonly fallback: string | null;
}

export interface Datum {
  readonly literal: readonly (string | VariableUse)[];
  readonly json: string;
}

/** Of keys that are good, that look like one another, and that are none. */
export const keys: readonly string[] = [
  "a",
  "b",
  "user123",
  "é",
  "e\u0301",
  "a/b",
  "a%2Fb",
  "💥",
  "__proto__",
  "toJSON",
  "…",
  " ",
  "\u2028",
  "\ufeff",
  "ghost1",
  "http://127.0.0.1:1",
  "x".repeat(1024),
  "",
  ".",
  "..",
  "a\0b",
  "\n",
  "x".repeat(1025),
  "\ud800",
];

/** Names of storage nodes that are not there. Those that are there are never named where they could be removed. */
export const ghosts: readonly string[] = ["ghost1", "ghost2", "no name", "__proto__", ""];

/** Careful: nothing that validation or coercion would refuse. Careless: now and then something wrong. */
export type Style = "careful" | "careless";

/** A datum for an argument of this type, sometimes through a variable. */
export function datumOf(type: GraphQLInputType, style: Style, depth = 3): fc.Arbitrary<Datum> {
  const name = `${String(type)} ${style} ${depth}`;
  const known = memory.get(name);
  if (known !== undefined) return known;
  const right = isNonNullType(type) ? present(type.ofType, style, depth) : orNothing(present(type, style, depth), 12);
  const plain = style === "careful" ? right : fc.oneof({ arbitrary: right, weight: 30 }, junk, fc.constant(nothing));
  const datum = fc.oneof({ arbitrary: plain, weight: 3 }, throughVariable(type, style, plain));
  memory.set(name, datum);
  return datum;
}

const memory = new Map<string, fc.Arbitrary<Datum>>();

/** Of a type, and not null. */
function present(type: GraphQLInputType, style: Style, depth: number): fc.Arbitrary<Datum> {
  if (isListType(type)) return listDatum(type.ofType, style, depth);
  if (isInputObjectType(type)) return objectDatum(type, style, depth);
  if (isEnumType(type)) {
    return fc.constantFrom(...type.getValues()).map(({ name }) => ({ literal: [name], json: JSON.stringify(name) }));
  }
  const careful = scalars[String(type)] ?? text;
  const odd = oddScalars[String(type)] ?? text;
  return style === "careful" ? careful : fc.oneof({ arbitrary: careful, weight: 6 }, odd);
}

function orNothing(arbitrary: fc.Arbitrary<Datum>, weight: number): fc.Arbitrary<Datum> {
  return fc.oneof({ arbitrary, weight }, fc.constant(nothing));
}

/** Lists, one item in place of a list (GraphQL specification, 3.11), and lists beyond the bound of batches. */
function listDatum(itemType: GraphQLInputType, style: Style, depth: number): fc.Arbitrary<Datum> {
  const item = datumOf(itemType, style, depth - 1);
  return fc.oneof(
    { arbitrary: fc.array(item, { maxLength: 4 }).map(listOf), weight: 50 },
    // A variable of the item's type must not stand for a list.
    { arbitrary: item.map((one) => (typeof one.literal[0] === "string" ? one : listOf([one]))), weight: 8 },
    { arbitrary: item.map((one) => listOf(Array.from({ length: 1001 }, () => one))), weight: 1 },
  );
}

function objectDatum(type: GraphQLInputObjectType, style: Style, depth: number): fc.Arbitrary<Datum> {
  const fields = Object.values(type.getFields());
  const member = ({ name, type: fieldType }: (typeof fields)[number]): fc.Arbitrary<readonly [string, Datum]> =>
    datumOf(fieldType, style, depth - 1).map((value) => [name, value]);
  // The one field of a oneOf type must not be null.
  const one = fc.oneof(
    ...fields.map(({ name, type: fieldType }) =>
      datumOf(new GraphQLNonNull(getNullableType(fieldType)), style, depth - 1).map((value) =>
        objectOf([[name, value]]),
      ),
    ),
  );
  const isNeeded = (field: (typeof fields)[number]): boolean => style === "careful" && isRequiredInputField(field);
  const some = fc
    .tuple(...fields.map((field) => (isNeeded(field) ? member(field) : fc.option(member(field)))))
    .map((members) => objectOf(members.filter((item) => item !== null)));
  if (style === "careful") return type.isOneOf ? one : some;
  return fc.oneof(
    { arbitrary: type.isOneOf ? one : some, weight: 10 },
    some,
    fc.constant(objectOf([["unknown", nothing]])),
  );
}

/** The same datum as a variable; a careless one may be of a stricter, looser or another type, and may not be given. */
function throughVariable(type: GraphQLInputType, style: Style, plain: fc.Arbitrary<Datum>): fc.Arbitrary<Datum> {
  const right = String(type);
  const loose = right.replace(/!$/, "");
  const types = fc.oneof(
    { arbitrary: fc.constant(right), weight: 12 },
    fc.constantFrom(loose, `${loose}!`, "Int", "[JSON!]", "Nothing", "[[String]]"),
  );
  return fc
    .tuple(plain, style === "careful" ? fc.constant(right) : types, fc.integer({ min: 0, max: 19 }))
    .map(([{ literal, json }, used, chance]): Datum => {
      const isConstant = literal.every((part) => typeof part === "string");
      const fallback = chance < 3 && isConstant ? literal.join("") : null;
      const isLeftOut = style === "careful" ? chance === 0 && fallback !== null : chance === 0 || chance === 5;
      return { literal: [{ type: used, json: isLeftOut ? null : json, fallback }], json };
    });
}

function listOf(items: readonly Datum[]): Datum {
  return {
    literal: ["[", ...items.flatMap(({ literal }) => [...literal, " "]), "]"],
    json: `[${items.map(({ json }) => json).join(",")}]`,
  };
}

/** Names that a literal cannot have make a document that cannot be parsed. */
function objectOf(members: readonly (readonly [string, Datum])[]): Datum {
  return {
    literal: ["{", ...members.flatMap(([name, { literal }]) => [`${name}: `, ...literal, " "]), "}"],
    json: `{${members.map(([name, { json }]) => `${JSON.stringify(name)}:${json}`).join(",")}}`,
  };
}

function same(text: string): Datum {
  return { literal: [text], json: text };
}

const nothing = same("null");
const texts = fc.oneof(
  { arbitrary: fc.constantFrom(...keys.filter((key) => key.isWellFormed())), weight: 6 },
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const text = texts.map((value) => same(JSON.stringify(value)));
const whole = fc.oneof(fc.integer({ min: -3, max: 1001 }), fc.constantFrom(2 ** 31 - 1, -(2 ** 31))).map(String);
const odd = fc.constantFrom(
  "-0",
  "1.0",
  "1e3",
  "1e400",
  "2147483648",
  "9007199254740993",
  "0.10",
  "12345678901234567890",
);
const names = fc.constantFrom("a", "b", "__proto__", "toJSON", "constructor", "value", "x".repeat(200));

const json: fc.Arbitrary<Datum> = fc.letrec<{ inner: Datum; value: Datum }>((tie) => ({
  inner: fc.oneof({ arbitrary: tie("value"), weight: 6 }, fc.constant(nothing)),
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(whole.map(same), odd.map(same), text, fc.constantFrom(same("true"), same("false"))),
    fc.array(tie("inner"), { maxLength: 3 }).map(listOf),
    fc.uniqueArray(fc.tuple(names, tie("inner")), { maxLength: 3, selector: ([name]) => name }).map(objectOf),
    tie("value").map((value) => ({ literal: [{ type: "JSON!", json: value.json, fallback: null }], json: value.json })),
  ),
})).value;
const deepJson = fc.integer({ min: 60, max: 68 }).map((depth) => same(`${"[".repeat(depth)}${"]".repeat(depth)}`));

const ids = fc.oneof(
  fc.constantFrom(...keys).map((key) => encodeGlobalId("Entry", key)),
  fc.integer({ min: -1, max: 5 }).map((shard) => encodeGlobalId("Shard", shard)),
  fc.constantFrom(...ghosts, "alpha").map((name) => encodeGlobalId("StorageNode", name)),
  fc.constantFrom("", "Q2x1c3Rlcjo", "RW50cnk6", "===", "a".repeat(3000)),
);

function quoted(...values: readonly string[]): fc.Arbitrary<Datum> {
  return fc.constantFrom(...values).map((value) => same(JSON.stringify(value)));
}

const scalars: Readonly<Record<string, fc.Arbitrary<Datum>>> = {
  Int: whole.map(same),
  Boolean: fc.constantFrom(same("true"), same("false")),
  ID: ids.map((id) => same(JSON.stringify(id))),
  JSON: json,
  Version: quoted("1", "7", "18446744073709551615"),
  DateTime: quoted("2999-01-31T12:00:00Z", "2027-01-31T12:00:00.123+14:00", "1999-12-31T23:59:59Z"),
};

const oddScalars: Readonly<Record<string, fc.Arbitrary<Datum>>> = {
  Int: odd.map(same),
  JSON: fc.oneof(deepJson, fc.constant(nothing)),
  String: quoted("\ud800", "\udc00\ud800"),
  Version: quoted("0", "-1", "1e3", "18446744073709551616", ""),
  DateTime: quoted("2026-02-30T00:00:00Z", "1999-12-31T23:59:60Z", "2027-01-01", "+275760-09-13T00:00:00.001Z", ""),
};

/** What fits nowhere, in one notation or both. */
const junk: fc.Arbitrary<Datum> = fc.constantFrom(
  same("7"),
  same('"seven"'),
  same("[[]]"),
  same('{"a":1}'),
  { literal: ["RED"], json: '"RED"' },
  { literal: ['"""block \\""" """'], json: '"\\ud800"' },
  { literal: ["{a: 1, a: 2}"], json: '{"a":1,"a":2}' },
  { literal: ["-"], json: "{" },
  { literal: ["$undeclared"], json: "01" },
);
