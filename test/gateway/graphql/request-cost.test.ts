import { parse } from "graphql";
import { afterEach, describe, expect, it } from "vitest";
import { defaultBounds } from "../../../src/core/bounds.js";
import { requestCost } from "../../../src/gateway/graphql/request-cost.js";
import { GraphqlServer } from "./graphql-server.js";

const shardCount = 4;

function cost(query: string, variables: Record<string, unknown> = {}, operationName: string | null = null): number {
  return requestCost({ document: parse(query), operationName, variables }, defaultBounds, shardCount);
}

describe("the cost of a request", () => {
  it.each<[string, number]>([
    ["{ cluster { shards { number } } shardForKey(key: 1) { number } __typename }", 0],
    ['{ get(key: "a") { key } b: get(key: "b") { key } get(key: "a") { value } }', 2],
    ['{ entries(keys: ["a", "b", "a"]) { __typename } node(id: "x") { id } }', 4],
    ['{ entries(keys: "a") { __typename } nodes(ids: ["x", "y"]) { id } }', 3],
    ['mutation { put(key: "a", value: 1) { __typename } delete(key: "a") { __typename } get(key: "a") { key } }', 3],
    ["mutation { putMany(items: [{}, {}]) { __typename } deleteMany(items: [{}]) { __typename } }", 3],
    ["{ ...f ...f } fragment f on Query { a: get(key: 1) { key } ... { b: get(key: 1) { key } } ...nowhere }", 2],
    ["{ a: get(key: 1) @skip(if: true) { key } ... @include(if: false) { get(key: 1) { key } } }", 0],
    ["{ a: get(key: 1) @skip(if: false) { key } ... @include(if: true) @other { get(key: 1) { key } } }", 2],
    ["{ scan { edges { cursor } } }", 104],
    ["{ scan(first: 7) { edges { cursor } pageInfo { hasPreviousPage } } }", 11],
    ["{ scan(last: 7) { edges { cursor } } }", 11],
    ["{ scan(first: -7) { edges { cursor } } }", 0],
    ["{ scan(first: 1001) { edges { cursor } } }", 0],
    [`{ entries(keys: [${"1 ".repeat(1001)}]) { __typename } }`, 0],
    ['{ scan(first: 7, after: "x") { pageInfo { hasNextPage } } }', 11],
    ['{ scan(first: 7, after: "x") { pageInfo { hasPreviousPage } } }', 16],
    ['{ scan(last: 7, before: "x") { pageInfo { hasPreviousPage } } }', 11],
    [
      '{ scan(last: 7, before: "x") { ...p } } fragment p on C { pageInfo { endCursor } p: pageInfo { h: hasNextPage } }',
      16,
    ],
    ["query { nothing } query b { get(key: 1) { key } }", 0],
  ])("is known for %s", (query, expected) => {
    expect(cost(query)).toBe(expected);
  });

  it("comes from the variables, and their defaults where they are missing", () => {
    const query =
      "query ($k: [String!]! = [1, 2, 3], $i: Boolean! = true) { entries(keys: $k) @include(if: $i) { key } }";
    expect(cost(query)).toBe(3);
    expect(cost(query, { k: ["a"] })).toBe(1);
    expect(cost(query, { k: "a" })).toBe(1);
    expect(cost(query, { k: null })).toBe(0);
    expect(cost(query, { i: false })).toBe(0);
    expect(cost("query ($n: Int) { scan(first: $n) { edges { cursor } } }", { n: 9 })).toBe(13);
    expect(cost("query ($n: Int) { scan(first: $n) { edges { cursor } } }", { n: null })).toBe(104);
    expect(cost("query ($n: Int) { scan(first: $n) { edges { cursor } } }", { n: Number.POSITIVE_INFINITY })).toBe(0);
    expect(cost("query ($toString: [ID!]!) { nodes(ids: $toString) { id } }")).toBe(0);
  });

  it("is that of the operation that is executed", () => {
    const query = "query a { get(key: 1) { key } } query b { entries(keys: [1, 2]) { key } }";
    expect([cost(query, {}, "a"), cost(query, {}, "b"), cost(query, {}, "c")]).toEqual([1, 2, 0]);
  });
});

describe("a request that costs too much", () => {
  let server: GraphqlServer;
  afterEach(() => server.close());

  it.each([
    ["application/json", 200],
    ["application/graphql-response+json", 400],
  ])("is refused whole, in %s", async (accept, status) => {
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
        message: "The request asks for 4 keys and shards; at most 3 are allowed in one.",
        extensions: { code: "REQUEST_TOO_COSTLY", cost: 4, isRetryable: false },
      },
    ]);
    expect(server.router.calls).toEqual([]);
    expect((await run(2)).errors).toBeUndefined();
  });
});
