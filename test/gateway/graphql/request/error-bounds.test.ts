/** How many errors one answer lists, whatever is wrong with a request, and how many bytes they have. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { graphqlDocumentErrorsMax } from "../../../../src/core/limits.js";
import { GraphqlServer } from "../graphql-server.js";
import { graphqlMessageCharactersMax } from "../../../../src/gateway/graphql/request/client-error.js";
import { graphqlErrorsMax } from "../../../../src/gateway/graphql/request/exchange.js";

let server: GraphqlServer;
beforeAll(async () => {
  server = await GraphqlServer.start();
  await server.addNode("node1");
});
afterAll(() => server.close());

const many = (count: number, one: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => one(index)).join(" ");
const long = "x".repeat(2 * graphqlMessageCharactersMax);

it.each([
  ["unknown fields", `{ ${many(90, (index) => `f${index}`)} }`, {}],
  ["unknown types of variables", `query (${many(1000, (index) => `$v${index}: Nope`)}) { __typename }`, {}],
  ["literals of another kind", `{ entries(keys: [${many(3000, () => "1")}]) { __typename } }`, {}],
  ["values of another kind", "query ($keys: [String!]!) { entries(keys: $keys) { __typename } }", { keys: nine(30) }],
  ["more of them", "query ($keys: [String!]!) { entries(keys: $keys) { __typename } }", { keys: nine(1000) }],
  [
    "long values of another kind",
    `query (${many(30, (index) => `$s${index}: ShardState`)}) { ${many(30, (index) => `a${index}: shards(state: $s${index}) { id }`)} }`,
    Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`s${index}`, long])),
  ],
])(
  "of a document or its variables with %s a few are listed, and that there are more",
  async (_what, query, variables) => {
    const { errors, text } = await server.run(query, variables);
    expect(errors).toHaveLength(graphqlDocumentErrorsMax + 1);
    expect(errors.at(-1)).toMatchObject({
      message: "There are more errors than the ones listed.",
      extensions: { code: errors[0]?.extensions["code"], isRetryable: false },
    });
    expect(text.length).toBeLessThan((graphqlDocumentErrorsMax + 1) * (graphqlMessageCharactersMax + 300));
  },
);

it("as many as are allowed are listed unchanged", async () => {
  const { errors } = await server.run("query ($keys: [String!]!) { entries(keys: $keys) { __typename } }", {
    keys: nine(graphqlDocumentErrorsMax),
  });
  expect(errors).toHaveLength(graphqlDocumentErrorsMax);
  expect(errors.at(-1)?.message).toContain(`keys[${graphqlDocumentErrorsMax - 1}]`);
});

it("of the fields of an answer more are listed, because each has a position of its own", async () => {
  const { errors } = await server.run("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {
    ids: Array.from({ length: 1000 }, () => "none"),
  });
  expect(errors).toHaveLength(graphqlErrorsMax);
  expect(errors.at(-1)?.path).toEqual(["nodes", graphqlErrorsMax - 1]);
});

function nine(count: number): readonly number[] {
  return Array.from({ length: count }, () => 9);
}
