/** Compares both ways of answering: the same request must get the same answer, byte for byte. */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { buildSchema } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createExecutableSchema } from "../../../src/gateway/graphql/schema.js";
import { GraphqlServer } from "./graphql-server.js";

/** The first is answered directly; the second has the same meaning but is left to Yoga. */
const [short, long] = ["application/json", "application/json;q=0.9"];

let server: GraphqlServer;
beforeAll(async () => {
  server = await GraphqlServer.start();
  server.router.seed("a", [1.5, { b: null }]);
  server.router.refuse("dead", "SHARD_UNAVAILABLE", "down");
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function answerTo(body: string, accept: string): Promise<Answer> {
  const headers = { "content-type": "application/json", accept, "x-request-id": "same" };
  const response = await fetch(server.url, { method: "POST", headers, body });
  const { date: _date, ...rest } = Object.fromEntries(response.headers);
  return { status: response.status, headers: rest, body: await response.text() };
}

const values = '{"b":1.10,"2":[9007199254740993],"1":1e400,"__proto__":-0}';

describe("the direct way of answering", () => {
  it.each([
    ["a read", '{"query":"{ get(key: \\"a\\") { value version } }"}'],
    ["nothing found", '{"query":"{ get(key: \\"none\\") { value } }"}'],
    ["an error of one field", '{"query":"{ get(key: \\"dead\\") { value } cluster { shardCount } }"}'],
    [
      "aliases, fragments and a batch",
      '{"query":"query($k:[String!]!){x:entries(keys:$k){...F} y:entries(keys:$k){__typename}} fragment F on Entry{key value}","variables":{"k":["a","none",""]}}',
    ],
    ["one of two operations", '{"query":"query A{cluster{shardCount}} query B{shards{number}}","operationName":"B"}'],
    ["no operation of that name", '{"query":"query A{cluster{shardCount}}","operationName":"B"}'],
    ["two operations and no name", '{"query":"query A{cluster{shardCount}} query B{shards{number}}"}'],
    [
      "a write, with every digit",
      `{"query":"mutation($v:JSON!){put(key:\\"w\\",value:$v){... on PutSuccess{entry{valueText value}}}}","variables":{"v":${values}}}`,
    ],
    [
      "a bad value",
      '{"query":"mutation($v:JSON!){put(key:\\"w\\",value:$v){__typename}}","variables":{"v":{"a":1,"a":2}}}',
    ],
    ["a syntax error", '{"query":"{ get("}'],
    ["an unknown field", '{"query":"{ nothing }"}'],
    ["a variable that does not fit", '{"query":"query($k:String!){get(key:$k){value}}","variables":{"k":7}}'],
    ["a missing variable", '{"query":"query($k:String!){get(key:$k){value}}"}'],
    [
      "a condition with two members",
      '{"query":"mutation($c:WriteCondition){put(key:\\"w\\",value:1,condition:$c){__typename}}","variables":{"c":{"ifAbsent":true,"ifPresent":true}}}',
    ],
    ["no query", '{"variables":{}}'],
    ["a query that is no text", '{"query":7}'],
    ["variables that are no object", '{"query":"{__typename}","variables":[]}'],
    ["an unknown parameter", '{"query":"{__typename}","more":1}'],
    ["extensions", '{"query":"{__typename}","extensions":{"a":1}}'],
    ["nulls", '{"query":"{__typename}","variables":null,"operationName":null,"extensions":null}'],
    ["a document id that nobody knows", '{"documentId":"none"}'],
    ["a subscription", '{"query":"subscription { x }"}'],
    ["introspection", '{"query":"{__schema{types{name}}}"}'],
    ["a wrong document for an operation that it does not have", '{"query":"query A{nothing}","operationName":"B"}'],
    [
      "a single value for a list",
      '{"query":"query($k:[String!]!){entries(keys:$k){__typename}}","variables":{"k":"a"}}',
    ],
    ["broken JSON", '{"query":'],
    ["an array", '[{"query":"{__typename}"}]'],
  ])("answers %s as Yoga does", async (_, body) => {
    const direct = await answerTo(body, short);
    expect(direct).toEqual(await answerTo(body, long));
    // A second time, from the cache of documents.
    expect(await answerTo(body, short)).toEqual(direct);
  });
});

describe("long values", () => {
  const pair = '{"query":"{ first: get(key: \\"long\\") { value } second: get(key: \\"a\\") { value } }"}';

  it.each([
    ["ASCII", "x"],
    ["characters that are one byte in Latin-1 and two in UTF-8", "é"],
    ["characters of three bytes", "€"],
    ["characters of two UTF-16 units", "😀"],
  ])("of %s arrive completely, whatever their length, as Yoga sends them", async (_, character) => {
    for (const length of [1000, 1020, 1024, 4096, 8000, 16_384, 60_000]) {
      const value = [character.repeat(length / character.length), { b: null }];
      server.router.seed("long", value);
      const direct = await answerTo(pair, short);
      expect(JSON.parse(direct.body)).toEqual({ data: { first: { value }, second: { value: [1.5, { b: null }] } } });
      expect(direct).toEqual(await answerTo(pair, long));
    }
  });
});

describe("a schema that is replaced while requests are served", () => {
  const query = '{ get(key: "a") { value } }';
  const greeting = {
    typeDefs: "extend type Query { greeting: String }",
    resolvers: { Query: { greeting: () => "hello" } },
  };

  it.each([short, long])(
    "applies from the next request on, and running requests keep theirs (accept: %s)",
    async (accept) => {
      const body = JSON.stringify({ query });
      const underWay = await begunRequest(body, accept);
      // This schema has no `get`.
      server.replaceSchema(buildSchema("type Query { greeting: String }"));
      expect((await answerTo(body, accept)).body).toContain("GRAPHQL_VALIDATION_FAILED");
      expect(await underWay.finish()).toBe('{"data":{"get":{"value":[1.5,{"b":null}]}}}');
      server.replaceSchema(createExecutableSchema(greeting));
      expect((await server.run("{ greeting }")).data).toEqual({ greeting: "hello" });
      expect((await answerTo(body, accept)).body).toBe('{"data":{"get":{"value":[1.5,{"b":null}]}}}');
    },
  );
});

/** A request whose head the server has received; `finish` sends its body and returns the answer's. */
async function begunRequest(body: string, accept: string): Promise<{ finish(): Promise<string> }> {
  const headers = { "content-type": "application/json", accept, expect: "100-continue" };
  const sent = request(server.url, { method: "POST", headers });
  sent.flushHeaders();
  await once(sent, "continue");
  return {
    async finish() {
      sent.end(body);
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      return text(response);
    },
  };
}
