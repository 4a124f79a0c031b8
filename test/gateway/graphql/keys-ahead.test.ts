import fc from "fast-check";
import { parse } from "graphql";
import { describe, expect, it } from "vitest";
import { defaultBounds } from "../../../src/core/bounds.js";
import { keysAhead, type KeysAhead } from "../../../src/gateway/graphql/keys-ahead.js";
import { OperationPlan } from "../../../src/gateway/graphql/plan/operation-plan.js";
import { requestCost } from "../../../src/gateway/graphql/request-cost.js";
import { createExecutableSchema } from "../../../src/gateway/graphql/schema.js";

const schema = createExecutableSchema();
const batchKeysMax = 5;

function ahead(query: string, variables: Record<string, unknown> = {}): KeysAhead | null {
  const plan = OperationPlan.of(schema, parse(query), null);
  const coerced = plan?.coerce(variables) ?? null;
  if (plan === null || coerced === null) throw new Error(`There is no plan for ${query}.`);
  return keysAhead(plan, coerced, batchKeysMax);
}

describe("the keys that are read ahead", () => {
  it.each<[string, readonly string[]]>([
    ['{ get(key: "a") { key } }', ["a"]],
    ['{ b: get(key: "b") { key } entries(keys: ["a", "b"]) { __typename } __typename }', ["b", "a", "b"]],
    ['{ get(key: "") { key } entries(keys: ["a", "..", "b"]) { __typename } }', ["a", "b"]],
    ['{ entries(keys: ["1", "2", "3", "4", "5", "6"]) { __typename } get(key: "a") { key } }', ["a"]],
    ['{ ...f } fragment f on Query { a: get(key: "a") { key } b: get(key: "b") @skip(if: true) { key } }', ["a"]],
    ["{ __typename }", []],
  ])("of %s are those that its fields will ask for", (query, keys) => {
    expect(ahead(query)?.keys).toEqual(keys);
  });

  it.each([
    ['{ get(key: "a") { key } cluster { id } }'],
    ['{ get(key: "a") { key } scan { edges { cursor } } }'],
    ['mutation { get(key: "a") { key } }'],
    ['query ($is: Boolean) { get(key: "a") @include(if: $is) { key } }'],
  ])("are none for %s, which is not about keys alone or will be refused", (query) => {
    expect(ahead(query, { is: null })).toBeNull();
  });

  it("follow the variables, and cost what a request is said to cost", () => {
    const query = `query ($key: String!, $keys: [String!]! = ["d"], $is: Boolean! = true) {
      get(key: $key) { key } entries(keys: $keys) @include(if: $is) { __typename } other: entries(keys: ["x"]) { __typename }
    }`;
    const document = parse(query);
    const text = fc.string({ maxLength: 3 });
    const variables = fc.record(
      { key: text, keys: fc.array(text, { maxLength: 7 }), is: fc.boolean() },
      { requiredKeys: ["key"] },
    );
    fc.assert(
      fc.property(variables, (given) => {
        const found = ahead(query, given);
        expect(found?.cost).toBe(
          requestCost({ document, variables: given }, { ...defaultBounds, batchKeys: batchKeysMax }, 4),
        );
        const listed = given.is === false || (given.keys ?? []).length > batchKeysMax ? [] : (given.keys ?? ["d"]);
        const invalid = new Set(["", ".", ".."]);
        expect(found?.keys).toEqual(
          [given.key, ...listed, "x"].filter((key) => !invalid.has(key) && !/\p{Cc}/u.test(key)),
        );
      }),
    );
  });
});
