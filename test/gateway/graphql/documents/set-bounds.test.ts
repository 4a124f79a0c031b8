/** The bounds that an operator sets are enforced, and named in messages. */
import { afterEach, expect, it } from "vitest";
import type { GatewayBounds } from "../../../../src/core/bounds.js";
import { GraphqlServer } from "../graphql-server.js";

let server: GraphqlServer;

afterEach(() => server.close());

/** The code and the message of the request's refusal. */
async function refusal(bounds: Partial<GatewayBounds>, query: string, variables = {}): Promise<string> {
  server = await GraphqlServer.start({ bounds });
  const { errors } = await server.run(query, variables);
  return `${errors[0]?.extensions["code"]} ${errors[0]?.message}`;
}

it.each<[Partial<GatewayBounds>, string, string]>([
  [{ batchKeys: 1 }, '{ entries(keys: ["a", "b"]) { __typename } }', "TOO_MANY_KEYS `keys` has 2 items; at most 1"],
  [{ batchKeys: 1 }, '{ nodes(ids: ["a", "b"]) { id } }', "TOO_MANY_KEYS `ids` has 2 items; at most 1"],
  [
    { batchKeys: 1 },
    'mutation { deleteMany(items: [{ key: "a" }, { key: "b" }]) { __typename } }',
    "TOO_MANY_KEYS `items` has 2 items; at most 1",
  ],
  [{ pageEntries: 5 }, "{ scan(first: 6) { edges { cursor } } }", "BAD_USER_INPUT `first` is 6; it must be 0 to 5"],
  [{ listItems: 3 }, "{ shards { number } }", "ANSWER_TOO_LARGE The lists of this request have more than 3 items"],
  [{ documentBytes: 64 }, `{ ${"a".repeat(61)} }`, "DOCUMENT_TOO_LARGE The document is longer than 64 bytes"],
  [{ documentTokens: 10 }, "{ a b c d e f g h i j }", "DOCUMENT_TOO_LARGE The document has more than 10 tokens"],
  [{ documentTokens: 10 }, `{ a }${"\r\n\r\n\n".repeat(4)}`, "DOCUMENT_TOO_LARGE The document has more than 10 tokens"],
  [
    { documentDefinitions: 1 },
    "query a { __typename } query b { __typename }",
    "DOCUMENT_TOO_LARGE The document has 2",
  ],
  [{ documentDepth: 2 }, "{ cluster { shards { id } } }", "DOCUMENT_TOO_DEEP The document has more than 2 levels"],
  [{ documentAliases: 1 }, "{ a: __typename b: __typename }", "TOO_MANY_ALIASES The document has more than 1 "],
  [{ documentDirectives: 0 }, "{ a @skip(if: true) }", "TOO_MANY_DIRECTIVES The document has 1 directives; at most 0"],
  [{ documentFields: 2 }, "{ cluster { id name } }", "TOO_MANY_FIELDS The document has more than 2 fields"],
  [{ rootFields: 1 }, "{ __typename cluster { id } }", "TOO_MANY_ROOT_FIELDS The document has 2 root fields"],
  [{ bodyDepth: 1 }, "{ __typename }", "BODY_TOO_COMPLEX The body is nested deeper than 1 levels."],
  [{ bodyParts: 8 }, "{ __typename }", "BODY_TOO_COMPLEX The body has more than 8 parts."],
  [{ bodyBytes: 20 }, "{ __typename }", "BODY_TOO_LARGE The body is longer than 20 bytes"],
])("with %j, %s is refused", async (bounds, query, message) => {
  expect(await refusal(bounds, query)).toContain(message);
});

it("a page has at most the allowed length when none is requested", async () => {
  server = await GraphqlServer.start({ bounds: { pageEntries: 2 } });
  for (const key of ["a", "b", "c"]) server.router.seed(key, 1);
  const { data } = await server.run("{ scan { edges { node { key } } pageInfo { hasNextPage } } }");
  expect(data).toEqual({
    scan: { edges: [{ node: { key: "a" } }, { node: { key: "b" } }], pageInfo: { hasNextPage: true } },
  });
});

it.each([
  [{ valueBytes: 5 }, "[1,2,3]", "longer than 5 bytes"],
  [{ valueDepth: 1 }, "[[1]]", "nested deeper than 1 levels"],
])("with %j, the value %s is refused, as a literal and as a variable", async (bounds, value, message) => {
  server = await GraphqlServer.start({ bounds });
  const selection = "{ ... on InvalidValue { message } }";
  const literal = await server.run(`mutation { put(key: "k", value: ${value}) ${selection} }`);
  const variable = await server.runText(
    `mutation ($v: JSON!) { put(key: "k", value: $v) ${selection} }`,
    `{"v":${value}}`,
  );
  for (const { data } of [literal, variable]) {
    expect(data).toEqual({ put: { message: expect.stringContaining(message) } });
  }
});
