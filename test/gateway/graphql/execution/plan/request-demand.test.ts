import fc from "fast-check";
import { getOperationAST, getVariableValues, parse } from "graphql";
import { afterEach, describe, expect, it } from "vitest";
import { defaultBounds } from "../../../../../src/core/bounds.js";
import { asking } from "../../../../../src/gateway/graphql/execution/plan/field-demand.js";
import { OperationPlan } from "../../../../../src/gateway/graphql/execution/plan/operation-plan.js";
import { requestDemand, type RequestDemand } from "../../../../../src/gateway/graphql/execution/plan/request-demand.js";
import { createExecutableSchema, type SchemaPart } from "../../../../../src/gateway/graphql/schema.js";
import { GraphqlServer } from "../../graphql-server.js";

const schema = createExecutableSchema();
const shardCount = 4;

function demand(
  query: string,
  variables: Record<string, unknown> = {},
  { operationName = null as string | null, batchKeys = defaultBounds.batchKeys } = {},
): RequestDemand {
  const document = parse(query);
  const operation = getOperationAST(document, operationName);
  if (operation == null) throw new Error(`There is no operation in ${query}.`);
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  if (coerced === undefined) throw new Error(`The variables do not fit ${query}.`);
  const facts = { bounds: { ...defaultBounds, batchKeys }, shardCount };
  return requestDemand(new OperationPlan(schema, document, operation), coerced, facts);
}

describe("the cost of a request", () => {
  it.each<[string, number]>([
    ['{ cluster { shards { number } } shardForKey(key: "1") { number } __typename }', 0],
    ['{ get(key: "a") { key } b: get(key: "b") { key } get(key: "a") { value } }', 2],
    ['{ entries(keys: ["a", "b", "a"]) { __typename } node(id: "x") { id } }', 4],
    ['{ entries(keys: "a") { __typename } nodes(ids: ["x", "y"]) { id } }', 3],
    ['mutation { put(key: "a", value: 1) { __typename } delete(key: "a") { __typename } get(key: "a") { key } }', 3],
    [
      'mutation { putMany(items: [{ key: "a", value: 1 }, { key: "b", value: 1 }]) { __typename } deleteMany(items: [{ key: "a" }]) { __typename } }',
      3,
    ],
    ['{ ...f ...f } fragment f on Query { a: get(key: "1") { key } ... { b: get(key: "1") { key } } }', 2],
    ['{ a: get(key: "1") @skip(if: true) { key } ... @include(if: false) { get(key: "1") { key } } }', 0],
    ['{ a: get(key: "1") @skip(if: false) { key } ... @include(if: true) { get(key: "1") { key } } }', 2],
    ["{ scan { edges { cursor } } }", 104],
    ["{ scan(first: 7) { edges { cursor } pageInfo { hasPreviousPage } } }", 11],
    ["{ scan(last: 7) { edges { cursor } } }", 11],
    ["{ scan(first: -7) { edges { cursor } } }", 0],
    ["{ scan(first: 1001) { edges { cursor } } }", 0],
    [`{ entries(keys: [${'"1" '.repeat(1001)}]) { __typename } }`, 0],
    [`{ nodes(ids: [${'"1" '.repeat(1001)}]) { __typename } }`, 0],
    ['{ scan(first: 7, after: "x") { pageInfo { hasNextPage } } }', 11],
    ['{ scan(first: 7, after: "x") { pageInfo { hasPreviousPage } } }', 16],
    ['{ scan(last: 7, before: "x") { pageInfo { hasPreviousPage } } }', 11],
    [
      '{ scan(last: 7, before: "x") { ...p } } fragment p on EntryConnection { pageInfo { endCursor } p: pageInfo { h: hasNextPage } }',
      16,
    ],
    ["{ __schema { types { name } } }", 0],
  ])("is computed for %s", (query, expected) => {
    expect(demand(query).cost).toBe(expected);
  });

  it("is computed from the variables, and their defaults when they are missing", () => {
    const query =
      'query ($k: [String!]! = ["1", "2", "3"], $i: Boolean! = true) { entries(keys: $k) @include(if: $i) { __typename } }';
    expect(demand(query).cost).toBe(3);
    expect(demand(query, { k: ["a"] }).cost).toBe(1);
    expect(demand(query, { k: "a" }).cost).toBe(1);
    expect(demand(query, { i: false }).cost).toBe(0);
    expect(demand("query ($n: Int) { scan(first: $n) { edges { cursor } } }", { n: 9 }).cost).toBe(13);
    expect(demand("query ($n: Int) { scan(first: $n) { edges { cursor } } }", { n: null }).cost).toBe(104);
    const conditions = Array.from({ length: 9 }, (_, index) => `$c${index}: Boolean! = true`).join();
    const included = Array.from(
      { length: 9 },
      (_, index) => `a${index}: get(key: "a") @include(if: $c${index}) { key }`,
    );
    expect(demand(`query(${conditions}) { ${included.join(" ")} }`, { c3: false, c5: false }).cost).toBe(7);
  });

  it("is zero for fields that the execution refuses", () => {
    expect(demand("query ($k: String = null) { get(key: $k) { key } }").cost).toBe(0);
    expect(demand("query ($p: String = null) { scan(prefix: $p) { edges { cursor } } }").cost).toBe(0);
    expect(demand('query ($i: Boolean) { get(key: "a") @include(if: $i) { key } }', { i: null }).cost).toBe(0);
  });

  it("is that of the operation that is executed", () => {
    const query = 'query a { get(key: "1") { key } } query b { entries(keys: ["1", "2"]) { __typename } }';
    expect(["a", "b"].map((operationName) => demand(query, {}, { operationName }).cost)).toEqual([1, 2]);
  });
});

describe("the keys that are read ahead", () => {
  const batchKeys = 5;
  const ahead = (query: string, variables = {}): RequestDemand => demand(query, variables, { batchKeys });

  it.each<[string, readonly string[]]>([
    ['{ get(key: "a") { key } }', ["a"]],
    ['{ b: get(key: "b") { key } entries(keys: ["a", "b"]) { __typename } __typename }', ["b", "a", "b"]],
    ['{ get(key: "") { key } entries(keys: ["a", "..", "b"]) { __typename } }', ["", "a", "..", "b"]],
    ['{ entries(keys: ["1", "2", "3", "4", "5", "6"]) { __typename } get(key: "a") { key } }', ["a"]],
    ['{ ...f } fragment f on Query { a: get(key: "a") { key } b: get(key: "b") @skip(if: true) { key } }', ["a"]],
    ["{ __typename }", []],
  ])("of %s are those that its fields will request", (query, keys) => {
    expect(ahead(query).keys).toEqual(keys);
  });

  it.each([
    ['{ get(key: "a") { key } cluster { id } }'],
    ['{ get(key: "a") { key } scan { edges { cursor } } }'],
    ['mutation { get(key: "a") { key } }'],
    ['query ($k: String = null) { get(key: $k) { key } b: get(key: "b") { key } }'],
  ])("are none for %s, which does not only read keys or will be refused", (query) => {
    expect(ahead(query).keys).toBeNull();
  });

  it("depend on the variables", () => {
    const query = `query ($key: String!, $keys: [String!]! = ["d"], $is: Boolean! = true) {
      get(key: $key) { key } entries(keys: $keys) @include(if: $is) { __typename } other: entries(keys: ["x"]) { __typename }
    }`;
    const text = fc.string({ maxLength: 3 });
    const variables = fc.record(
      { key: text, keys: fc.array(text, { maxLength: 7 }), is: fc.boolean() },
      { requiredKeys: ["key"] },
    );
    fc.assert(
      fc.property(variables, (given) => {
        const { keys, cost } = ahead(query, given);
        const listed = given.is === false || (given.keys ?? []).length > batchKeys ? [] : (given.keys ?? ["d"]);
        expect(keys).toEqual([given.key, ...listed, "x"]);
        expect(cost).toBe(listed.length + 2);
      }),
    );
  });
});

describe("a request that costs too much", () => {
  let server: GraphqlServer;
  afterEach(() => server.close());

  it.each([
    ["application/json", 200],
    ["application/graphql-response+json", 400],
  ])("is refused as a whole, in %s", async (accept, status) => {
    server = await GraphqlServer.start({ bounds: { requestCost: 3 } });
    const query = `mutation ($i: [PutInput!]!) {
      put(key: "a", value: 1) { __typename }
      putMany(items: $i) { __typename }
    }`;
    const items = (count: number) => Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: n }));
    const run = (count: number) => server.post(JSON.stringify({ query, variables: { i: items(count) } }), { accept });
    const refused = await run(3);
    expect(refused.status).toBe(status);
    expect(refused.data).toBeUndefined();
    expect(refused.errors).toMatchObject([
      {
        message: "The request asks for 4 keys and shards; at most 3 are allowed in one request.",
        extensions: { code: "REQUEST_TOO_COSTLY", cost: 4, isRetryable: false },
      },
    ]);
    expect(server.router.calls).toEqual([]);
    expect((await run(2)).errors).toBeUndefined();
  });

  it.each([
    ["introspection", '{ __schema { queryType { name } } a: get(key: "a") { key } b: get(key: "b") { key } }'],
    ["a single value for a list", 'query ($k: [String!]!) { entries(keys: $k) { __typename } get(key: "b") { key } }'],
  ])("is refused even when GraphQL.js would run it, for %s", async (_, query) => {
    server = await GraphqlServer.start({ bounds: { requestCost: 1 } });
    const { errors, data } = await server.run(query, { k: "a" });
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: "REQUEST_TOO_COSTLY", cost: 2 } }]);
    expect(server.router.calls).toEqual([]);
  });
});

/** `pair` reads two keys that are derived from its argument; only this declaration knows that. */
const pairPart: SchemaPart = {
  typeDefs: "extend type Query { pair(name: String!): [Boolean!] }",
  resolvers: {
    Query: {
      pair: asking({ keys: ({ name }: { name: string }) => keysOfPair(name) }, (_root, { name }, context, info) =>
        context.loaders.read(keysOfPair(name), info, (outcomes) => outcomes.map(({ kind }) => kind === "found")),
      ),
    },
  },
};

function keysOfPair(name: string): readonly string[] {
  return [`${name}:left`, `${name}:right`];
}

describe("a field that a deployment adds", () => {
  let server: GraphqlServer;
  afterEach(() => server.close());

  it("is read ahead together with others, and bounded, by the demand declared beside its resolver", async () => {
    const query = '{ pair(name: "a") get(key: "b") { value } more: pair(name: "b") }';
    server = await GraphqlServer.start({ bounds: { requestCost: 5 }, schema: createExecutableSchema(pairPart) });
    server.router.seed("a:right", 1);
    expect((await server.run(query)).data).toEqual({ pair: [false, true], get: null, more: [false, false] });
    expect(server.router.calls.map(({ operations }) => operations.length)).toEqual([5]);
    const { errors } = await server.run(query.replace("{", '{ last: get(key: "c") { value }'));
    expect(errors).toMatchObject([{ extensions: { code: "REQUEST_TOO_COSTLY", cost: 6 } }]);
    expect(server.router.calls).toHaveLength(1);
  });
});
