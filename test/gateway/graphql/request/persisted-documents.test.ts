/** Requests that name a document of the gateway instead of sending their own. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePersistedDocuments } from "../../../../src/gateway/graphql/request/persisted-documents.js";
import { GraphqlServer, type Answer } from "../graphql-server.js";

const shardQuery = "query S($n: Int!) {\n  shard(number: $n) {\n    number\n  }\n}";
const putMutation = 'mutation P($v: JSON!) {\n  put(key: "k", value: $v) {\n    __typename\n  }\n}';
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const manifest = JSON.stringify({ [`sha256:${sha256(shardQuery)}`]: shardQuery, "my-put": putMutation });
const texts = parsePersistedDocuments(manifest);

let server: GraphqlServer;
let strict: GraphqlServer;
let plain: GraphqlServer;
beforeAll(async () => {
  server = await GraphqlServer.start({ persistedDocuments: { texts, isOnly: false } });
  strict = await GraphqlServer.start({ persistedDocuments: { texts, isOnly: true } });
  plain = await GraphqlServer.start();
});
afterAll(() => Promise.all([server.close(), strict.close(), plain.close()]));

function post(to: GraphqlServer, params: object): Promise<Answer> {
  return to.post(JSON.stringify(params), { accept: "application/graphql-response+json" });
}

function get(from: GraphqlServer, documentId: string, variables: string): Promise<Answer> {
  return from.fetch(`?${new URLSearchParams({ documentId, variables })}`, {});
}

const codeOf = ({ errors }: Answer): unknown => errors[0]?.extensions["code"];

describe("a request with documentId", () => {
  it.each([
    ["its id in the manifest", "my-put", { v: 1 }],
    ["its hash, though the manifest has another id", `sha256:${sha256(putMutation)}`, { v: 1 }],
    ["its hash without the prefix", sha256(putMutation), { v: 1 }],
  ])("runs the document of %s", async (_, documentId, variables) => {
    expect((await post(server, { documentId, variables })).text).toBe('{"data":{"put":{"__typename":"PutSuccess"}}}');
    expect((await post(strict, { documentId, variables, query: null })).status).toBe(200);
  });

  it("may have variables, an operation name and extensions like any other", async () => {
    const params = { documentId: `sha256:${sha256(shardQuery)}`, operationName: "S", extensions: {} };
    expect((await post(server, { ...params, variables: { n: 1 } })).text).toBe('{"data":{"shard":{"number":1}}}');
    const wrong = await post(server, { ...params, variables: { n: "x" } });
    expect([wrong.status, codeOf(wrong)]).toEqual([400, "BAD_USER_INPUT"]);
    expect((await post(server, { ...params, operationName: "T" })).status).toBe(400);
    expect((await post(server, { ...params, more: 1 })).status).toBe(400);
  });

  it("keeps every digit of a variable's JSON", async () => {
    const before = server.router.calls.length;
    await server.post('{"documentId":"my-put","variables":{"v":1.10}}');
    expect(server.router.calls.slice(before)).toMatchObject([{ operations: [{ value: "1.10" }] }]);
  });

  it("may be a GET, for queries only", async () => {
    expect((await get(strict, `sha256:${sha256(shardQuery)}`, '{"n":2}')).text).toBe('{"data":{"shard":{"number":2}}}');
    expect((await get(strict, "my-put", '{"v":2}')).status).toBe(405);
  });

  it("is refused when the document is unknown", async () => {
    for (const to of [server, strict, plain]) {
      const answer = await post(to, { documentId: "x".repeat(100) });
      expect([answer.status, codeOf(answer)]).toEqual([404, "PERSISTED_DOCUMENT_NOT_FOUND"]);
      expect(answer.errors[0]?.message).toBe(`This gateway has no persisted document "${"x".repeat(80)}".`);
    }
    expect(codeOf(await post(server, { documentId: "" }))).toBe("PERSISTED_DOCUMENT_NOT_FOUND");
  });

  it("is refused with a document of its own, or with an id that is not a string", async () => {
    const both = await post(server, { documentId: "my-put", query: "{ __typename }" });
    expect([both.status, codeOf(both)]).toEqual([400, "BAD_REQUEST"]);
    for (const documentId of [5, {}, true, ["my-put"]]) {
      expect(codeOf(await post(server, { documentId }))).toBe("BAD_REQUEST");
    }
  });
});

describe("a request with its own document", () => {
  it("is accepted, unless only persisted documents are", async () => {
    const own = { query: "{ __typename }" };
    for (const to of [server, plain]) expect((await post(to, { ...own, documentId: null })).status).toBe(200);
    const refused = await post(strict, own);
    expect([refused.status, codeOf(refused)]).toEqual([403, "PERSISTED_DOCUMENT_REQUIRED"]);
    expect(codeOf(await post(strict, { query: shardQuery }))).toBe("PERSISTED_DOCUMENT_REQUIRED");
    expect(codeOf(await post(strict, {}))).toBe("PERSISTED_DOCUMENT_REQUIRED");
    expect(codeOf(await strict.fetch("?query={__typename}", {}))).toBe("PERSISTED_DOCUMENT_REQUIRED");
  });
});

describe("a manifest of persisted documents", () => {
  it.each([
    ["{", "It is not JSON"],
    ["[]", "a JSON object from document ids"],
    ["null", "a JSON object from document ids"],
    ['{"a":1}', "The document a is not a string."],
    ['{"a":"{"}', "The document a is invalid at 1:2: The document is not GraphQL: it ends too early."],
    ['{"a":"{\\n  nothing\\n}"}', 'The document a is invalid at 2:3: Cannot query field "nothing"'],
    ['{"a":"{ __typename }","b":"fragment F on Query { __typename }"}', "The document b is invalid at 1:1: Fragment"],
    ['{"sha256:00":"{ __typename }"}', "The id of document sha256:00 does not match its hash, sha256:"],
  ])("%s is refused", (text, message) => {
    expect(() => parsePersistedDocuments(text)).toThrow(message);
  });

  it("with a document that nests too deep is refused with the document's code", () => {
    const deep = JSON.stringify({ a: `${"{a".repeat(100_000)}` });
    expect(() => parsePersistedDocuments(deep)).toThrow(
      "The document a is invalid: The document is nested too deeply.",
    );
  });

  it("may be empty", () => {
    expect(parsePersistedDocuments("{}").size).toBe(0);
  });
});
