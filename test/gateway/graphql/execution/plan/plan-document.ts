/** Generates documents over the schema of plan-schema.ts; nearly all are valid. */
import fc from "fast-check";
import { actsCount } from "./plan-schema.js";

/** A document and variables that may or may not fit it. */
export interface Drawn {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

const leaves = ["int", "intNeeded", "text", "kind", "float", "grid", "__typename", "plain", "method"];
const toItems = ["self", "selfNeeded", "items", "itemsNeeded"];
const toThings = ["thing", "things"];
const toAnys = ["any", "anys"];

const act = fc.nat({ max: actsCount * 3 });

/** An argument's text, and the part of an alias that distinguishes it from others. */
const argument = fc.oneof(
  { weight: 5, arbitrary: act.map((number) => ({ text: `(act: ${number})`, name: `${number}` })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(0, 1, 2, 3).map((number) => ({ text: `(act: $v${number})`, name: `v${number}` })),
  },
  { weight: 1, arbitrary: fc.constant({ text: "", name: "" }) },
);

const condition = fc.oneof(
  { weight: 8, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("skip", "include"), fc.constantFrom("$c0", "$c1", "true", "false"))
      .map(([name, value]) => ` @${name}(if: ${value})`),
  },
);

const textArgument = fc.constantFrom(
  { text: "(act: $v0, list: $list)", name: "l" },
  { text: "(deep: $deep)", name: "d" },
  { text: "(act: 1, deep: {act: $v1, more: [{one: {a: $v0}}]})", name: "m" },
  { text: '(list: ["a", "b"], deep: {one: {b: "x"}})', name: "n" },
  { text: '(list: [$text, "y"])', name: "t" },
);

const leaf = fc
  .tuple(fc.constantFrom(...leaves), argument, condition, textArgument)
  .map(([name, args, when, texts]) => {
    if (name === "__typename" || name === "plain") return `${name}${when}`;
    const chosen = name === "text" ? texts : args;
    // `text` requires its argument.
    return `${name}_${chosen.name}: ${name}${chosen.text}${when}`;
  });

type Place = "item" | "thing" | "any";

/** `spreads`: the fragments that it may contain. */
function selection(depth: number, place: Place, spreads: readonly string[]): fc.Arbitrary<string> {
  const composite = (names: readonly string[], to: Place): fc.Arbitrary<string> =>
    fc
      .tuple(
        fc.constantFrom(...names),
        argument,
        condition,
        depth <= 0 ? fc.constant("__typename") : selection(depth - 1, to, spreads),
      )
      .map(([name, args, when, text]) => `${name}_${args.name}: ${name}${args.text}${when} { ${text} }`);
  const field = fc.oneof(
    { weight: 4, arbitrary: leaf },
    { weight: 2, arbitrary: composite(toItems, "item") },
    { weight: 1, arbitrary: composite(toThings, "thing") },
    { weight: 1, arbitrary: composite(toAnys, "any") },
  );
  const fragment = fc
    .tuple(fc.constantFrom("Item", "Box", "Thing"), condition, field)
    .map(([type, when, text]) => `... on ${type}${when} { ${text} }`);
  const spread =
    spreads.length === 0
      ? fc.constant("__typename")
      : fc.tuple(fc.constantFrom(...spreads), condition).map(([name, when]) => `...${name}${when}`);
  const part = fc.oneof(
    { weight: place === "item" ? 5 : 2, arbitrary: place === "any" ? fc.constant("__typename") : field },
    { weight: place === "item" ? 0 : 3, arbitrary: fragment },
    { weight: 1, arbitrary: spread },
  );
  return fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(" "));
}

/** Rarely one of the values that do not fit. */
function mostly(fitting: fc.Arbitrary<unknown>, ...others: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 30, arbitrary: fitting }, { weight: 1, arbitrary: fc.constantFrom(...others) });
}

const variables = fc.record(
  {
    v0: mostly(act, null, "one"),
    v1: act,
    v2: mostly(act, "7", 1.5, true),
    v3: act,
    c0: fc.boolean(),
    c1: mostly(fc.boolean(), null),
    list: mostly(fc.array(fc.string(), { maxLength: 3 }), null, "one", [null]),
    text: mostly(fc.string(), 1),
    deep: mostly(
      fc.constantFrom<unknown>({ act: 1 }, {}, null, { more: [{ one: { a: 1 } }, { act: 2 }] }),
      { one: { a: 1, b: "two" } },
      { one: { b: null } },
      { unknown: 1 },
      [],
    ),
  },
  { requiredKeys: ["v1", "c0", "text"] },
);

const definitions =
  "$v0: Int, $v1: Int!, $v2: Int = 4, $v3: Int = 12, $c0: Boolean!, $c1: Boolean = true, $list: [String!], $text: String!, $deep: Deep = {act: 3}";

export const drawn: fc.Arbitrary<Drawn> = fc
  .record({
    operation: fc.constantFrom("query", "mutation"),
    root: fc.array(
      fc.oneof(
        { weight: 5, arbitrary: selection(2, "item", ["F0", "F1"]).filter((text) => !/(^|} )\.\.\.F/.test(text)) },
        { weight: 1, arbitrary: condition.map((when) => `...R${when}`) },
      ),
      { minLength: 1, maxLength: 3 },
    ),
    ofRoot: selection(0, "item", []),
    ofThing: selection(1, "item", ["F1"]),
    ofItem: selection(1, "thing", []),
    values: variables,
  })
  .map(({ operation, root, ofRoot, ofThing, ofItem, values }) => {
    const rootType = operation === "query" ? "Query" : "Mutation";
    const fragments = [`R on ${rootType} { ${ofRoot} }`, `F0 on Thing { ${ofThing} }`, `F1 on Item { ${ofItem} }`];
    const texts = fragments.map((text) => ` fragment ${text}`);
    return { document: `${operation}(${definitions}) { ${root.join(" ")} }${texts.join("")}`, variables: values };
  });
