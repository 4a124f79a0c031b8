/**
 * Compares the run of a plan with that of GraphQL.js: the same resolvers are called, and the answer is the same text.
 */
import fc from "fast-check";
import {
  buildSchema,
  execute,
  getOperationAST,
  isAbstractType,
  isObjectType,
  NoUnusedFragmentsRule,
  NoUnusedVariablesRule,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
} from "graphql";
import { describe, expect, it } from "vitest";
import { OperationPlan, planConditionsMax } from "../../../../../src/gateway/graphql/execution/plan/operation-plan.js";
import { resultText } from "../../../../../src/gateway/graphql/values/result-text.js";
import { createExecutableSchema } from "../../../../../src/gateway/graphql/schema.js";
import { drawn } from "./plan-document.js";
import { createActSchema, type ActContext } from "./plan-schema.js";

const schema = createActSchema();
const rules = specifiedRules.filter((rule) => rule !== NoUnusedFragmentsRule && rule !== NoUnusedVariablesRule);

type Variables = Readonly<Record<string, unknown>>;

/** The answer's text and the calls of GraphQL.js. Null when the variables do not fit. */
async function expected(document: DocumentNode, variables: Variables, operationName: string | null = null) {
  const context: ActContext = { calls: [] };
  const result = await execute({ schema, document, variableValues: variables, contextValue: context, operationName });
  return result.data === undefined ? null : { text: resultText(result), calls: context.calls };
}

async function planned(plan: OperationPlan, variables: Variables) {
  const context: ActContext = { calls: [] };
  const coerced = plan.coerce(variables);
  return coerced === null ? null : { text: resultText(await plan.run(context, coerced)), calls: context.calls };
}

function planOf(
  document: DocumentNode,
  operationName: string | null = null,
  of: GraphQLSchema = schema,
): OperationPlan {
  const operation = getOperationAST(document, operationName);
  if (operation == null) throw new Error("The document has no such operation.");
  return new OperationPlan(of, document, operation);
}

describe("a plan", () => {
  it("returns what GraphQL.js returns, whatever resolvers do", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(drawn, drawn, async ({ document: text, variables }, { variables: others }) => {
        const document = parse(text);
        fc.pre(validate(schema, document, rules).length === 0);
        const plan = planOf(document);
        // One plan, with several values for its conditions.
        for (const values of [variables, others, variables]) {
          const ours = await planned(plan, values);
          const theirs = await expected(document, values);
          // A single value for a list is left to GraphQL.js. Resolvers beside a failed one may still run.
          await new Promise(setImmediate);
          if (ours === null && values["list"] === "one") continue;
          expect(ours).toEqual(theirs);
          if (ours !== null) compared++;
        }
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(600);
  });

  it.each([
    ["nothing", "{ __typename }", {}],
    ["the same field many times", "{ a: int(act: 1) b: int(act: 1) a: int(act: 1) self { int } self { text } }", {}],
    [
      "fields in the document's order",
      "{ z: int(act: 9) a: int(act: 1) ...F } fragment F on Query { b: int a: int(act: 1) }",
      {},
    ],
    [
      "mutations one after another",
      "mutation { a: int(act: 10) b: int(act: 1) c: int(act: 14) d: self(act: 8) { int } }",
      {},
    ],
    ["a mutation that ends them all", "mutation { a: int(act: 1) b: intNeeded(act: 14) c: int }", {}],
    ["a condition that is null", "query($c: Boolean = true) { int @include(if: $c) }", { c: null }],
    ["a condition that is null, deeper", "query($c: Boolean = true) { self { int @skip(if: $c) } int }", { c: null }],
    [
      "nothing left by the conditions",
      "query($c: Boolean!) { int @skip(if: $c) self @include(if: $c) { int @skip(if: $c) } }",
      { c: true },
    ],
    ["a null where none may be", "query($a: Int = 1) { text(act: $a) int }", { a: null }],
    [
      "a variable beside literals",
      "query($a: Int) { text(act: 3, deep: { more: [{ act: 1 }, { one: { a: $a } }] }) }",
      { a: 1 },
    ],
    ["a member of one that is missing", "query($a: Int) { text(deep: { one: { a: $a } }) }", {}],
    ["names that objects have already", "query($constructor: Int) { int(act: $constructor) constructor: int }", {}],
    ["an alias that objects read otherwise", "{ __proto__: int(act: 3) toJSON: int }", {}],
    [
      "all values of two places nulled by one",
      "{ itemsNeeded(act: 3) { intNeeded(act: 14) b: intNeeded(act: 15) } }",
      {},
    ],
  ])("returns %s as GraphQL.js does", async (_, text, variables: Variables) => {
    const document = parse(text);
    expect(await planned(planOf(document), variables)).toEqual(await expected(document, variables));
  });

  it("stays synchronous as long as resolvers do", () => {
    const plan = planOf(parse("{ int(act: 1) self(act: 1) { text } }"));
    expect(plan.run({ calls: [] }, {})).not.toBeInstanceOf(Promise);
  });

  it("leaves no promise of a list unawaited when it fails at once", async () => {
    const things = buildSchema("type Query { all: [Int!] }");
    const field = things.getQueryType()?.getFields()["all"];
    if (field !== undefined) field.resolve = () => [Promise.reject(new Error("late")), new Error("at once")];
    const { errors } = await planOf(parse("{ all }"), null, things).run({}, {});
    // An unhandled rejection would have failed this test by now.
    await new Promise(setImmediate);
    expect(errors?.map(({ message, path }) => [message, path])).toEqual([["at once", ["all", 1]]]);
  });

  it("is created for each operation of a document", async () => {
    const document = parse("query A { int(act: 1) } query B { int(act: 2) }");
    for (const name of ["A", "B"]) {
      expect(await planned(planOf(document, name), {})).toEqual(await expected(document, {}, name));
    }
  });

  it("accepts no variables for operations that are left to GraphQL.js", () => {
    const variables = Object.fromEntries(
      Array.from({ length: planConditionsMax + 1 }, (_, index) => [`c${index}`, true]),
    );
    const conditions = (count: number): string => {
      const names = Array.from({ length: count }, (_, index) => `$c${index}`);
      const fields = names.map((name, index) => `f${index}: int @skip(if: ${name})`);
      return `query(${names.map((name) => `${name}: Boolean!`).join()}) { ${fields.join(" ")} }`;
    };
    expect(planOf(parse(conditions(planConditionsMax))).coerce(variables)).not.toBeNull();
    for (const text of [
      conditions(planConditionsMax + 1),
      "{ __schema { types { name } } }",
      '{ int ...F } fragment F on Query { __type(name: "Int") { name } }',
      "query($__proto__: Int) { int(act: $__proto__) }",
    ]) {
      expect(planOf(parse(text)).coerce(variables)).toBeNull();
    }
  });

  it("reports a type that its resolver must not return", async () => {
    const wrong = buildSchema("type A { a: Int } type B { b: Int } union U = A type Query { u: U }");
    for (const name of ["B", "Query", "Int", "Nothing", undefined]) {
      const query = wrong.getQueryType()?.getFields()["u"];
      if (query !== undefined) query.resolve = () => ({ __typename: name });
      const { data, errors } = await planOf(parse("{ u { ... on A { a } } }"), null, wrong).run({}, {});
      expect(resultText({ data })).toBe('{"data":{"u":null}}');
      expect(errors?.map(({ message }) => message)).toEqual([`Query.u returned type ${name}, which is not a U.`]);
    }
  });
});

describe("the schema", () => {
  it("has no type that requires what plans do not support", () => {
    for (const type of Object.values(createExecutableSchema().getTypeMap())) {
      if (isAbstractType(type)) expect(type.resolveType?.length ?? 0, type.name).toBeLessThan(3);
      if (isObjectType(type)) expect(type.isTypeOf ?? null, type.name).toBeNull();
    }
  });
});
