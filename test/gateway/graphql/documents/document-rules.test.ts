/** What a gateway that does not disclose its schema hides, on both ways of execution. */
import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphqlServer, type Answer } from "../graphql-server.js";

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
  ])("%s is answered by a gateway that discloses its schema, and refused by others", async (query) => {
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
    ["a field without a selection", "{ cluster }", {}],
  ])("suggestions for %s are made only by a gateway that discloses its schema", async (_what, query, variables) => {
    const told = await ask(open, query, variables);
    expect(told.errors[0]?.message).toContain("Did you mean");
    const refused = await ask(closed, query, variables);
    expect(refused.errors[0]?.extensions["code"]).toBe(told.errors[0]?.extensions["code"]);
    expect(refused.text).not.toMatch(/did you mean/i);
    expect(refused.errors[0]?.message).toBe(told.errors[0]?.message.replace(/ Did you mean.*/, ""));
  });

  it.each([
    ["{ shard(number: '1') { id } }", `unexpected "'" at line 1, column 17`],
    ['{ get(key: "a) { key } }', "it ends too early"],
    ["{ a {\n b }", "it ends too early"],
    ["", "it is empty"],
    ["# nothing", "it ends too early"],
    ["{ a }\r\n}", 'unexpected "}" at line 2, column 1'],
    ["{ a(b: 1.x) }", 'unexpected "x" at line 1, column 10'],
    ['{ a(b: "\\x") }', 'unexpected "\\\\" at line 1, column 9'],
    [`{ a(b: "${"secret".repeat(10)}" "${"secret".repeat(10)}") }`, 'unexpected "\\"" at line 1, column 71'],
  ])("the fault in the document %j is described without quoting the parser: %s", async (query, message) => {
    for (const server of [open, closed]) {
      const { errors, text } = await ask(server, query);
      expect(errors).toHaveLength(1);
      expect(errors[0]?.message).toContain(message);
      expect(text).not.toMatch(/syntax error|expected [A-Z$<]|did you mean|secret/i);
    }
  });
});
