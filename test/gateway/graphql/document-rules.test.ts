/** What a gateway does not tell of its schema when it is told not to, on both ways of executing. */
import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphqlServer, type Answer } from "./graphql-server.js";

let open: GraphqlServer;
let closed: GraphqlServer;

beforeAll(async () => {
  open = await GraphqlServer.start();
  closed = await GraphqlServer.start({ rules: { isIntrospectionEnabled: false, areSuggestionsShown: false } });
});
afterAll(() => Promise.all([open.close(), closed.close()]));

describe.each([
  ["the short way", "application/json"],
  ["Yoga", "application/graphql-response+json"],
])("by %s", (_way, accept) => {
  const ask = (server: GraphqlServer, query: string, variables = {}): Promise<Answer> =>
    server.post(JSON.stringify({ query, variables }), { accept });

  it.each([
    getIntrospectionQuery(),
    '{ __type(name: "Entry") { name } }',
    "{ ...f } fragment f on Query { ... { a: __schema { __typename } } }",
  ])("%s is answered by an open gateway, and refused by a closed one", async (query) => {
    expect((await ask(open, query)).errors).toBeUndefined();
    const { errors, text } = await ask(closed, query);
    expect(errors).toMatchObject([{ extensions: { code: "INTROSPECTION_DISABLED" } }]);
    expect(text).not.toContain("Entry");
  });

  it("__typename is always answered", async () => {
    expect((await ask(closed, "{ __typename cluster { __typename } }")).data).toEqual({
      __typename: "Query",
      cluster: { __typename: "Cluster" },
    });
  });

  it.each([
    ["a field", "{ clustr { id } }", {}],
    ["an argument", '{ get(ky: "a") { key } }', {}],
    ["a type", "{ cluster { ... on Clustr { id } } }", {}],
    ["an enum value", "{ shards(state: ACTIV) { id } }", {}],
    ["an enum value in a variable", "query ($s: ShardState) { shards(state: $s) { id } }", { s: "ACTIV" }],
    [
      "an input field in a variable",
      'mutation ($c: WriteCondition) { delete(key: "a", condition: $c) { __typename } }',
      { c: { ifVersio: "1" } },
    ],
  ])("what %s may have meant is told by an open gateway only", async (_what, query, variables) => {
    const told = await ask(open, query, variables);
    expect(told.errors[0]?.message).toContain("Did you mean");
    const refused = await ask(closed, query, variables);
    expect(refused.errors[0]?.extensions["code"]).toBe(told.errors[0]?.extensions["code"]);
    expect(refused.text).not.toContain("Did you mean");
  });
});
