import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseKey } from "../../../../src/core/key.js";
import { shardOfKey } from "../../../../src/core/shard.js";
import { encodeGlobalId } from "../../../../src/gateway/graphql/values/global-id.js";
import { GraphqlServer } from "../graphql-server.js";

let server: GraphqlServer;
beforeEach(async () => {
  server = await GraphqlServer.start();
  await server.addNode("node1");
});
afterEach(() => server.close());

describe("get", () => {
  it("returns an entry with all its facts", async () => {
    server.router.seed("user123", { name: "Ann" });
    const answer = await server.run(`{ get(key: "user123") {
      id key value valueText version createdAt updatedAt expiresAt sizeBytes shard { number }
    } }`);
    expect(answer.data["get"]).toEqual({
      id: encodeGlobalId("Entry", "user123"),
      key: "user123",
      value: { name: "Ann" },
      valueText: '{"name":"Ann"}',
      version: "1",
      createdAt: "2026-01-31T12:00:00.000Z",
      updatedAt: "2026-01-31T12:00:00.000Z",
      expiresAt: null,
      sizeBytes: 14,
      shard: { number: 2 },
    });
  });

  it("is null for a key that does not exist", async () => {
    expect((await server.run('{ get(key: "none") { key } }')).data).toEqual({ get: null });
  });

  it("is an error with the refusal's code, and does not affect other fields", async () => {
    server.router.seed("good", 1);
    server.router.refuse("bad", "SHARD_UNAVAILABLE", "Shard 1 is down.");
    const answer = await server.run(
      '{ bad: get(key: "bad") { key } good: get(key: "good") { key } no: get(key: "..") { key } }',
    );
    expect(answer.status).toBe(200);
    expect(answer.data).toEqual({ bad: null, good: { key: "good" }, no: null });
    // In the order of the document, although the invalid key is known to be invalid before any other is read.
    expect(answer.errors).toMatchObject([
      {
        path: ["bad"],
        message: "Shard 1 is down.",
        extensions: { code: "SHARD_UNAVAILABLE", isRetryable: true, key: "bad", shard: shardOfKey(parseKey("bad"), 4) },
      },
      { path: ["no"], extensions: { code: "INVALID_KEY", isRetryable: false } },
    ]);
  });

  it("has its errors in the order of the document and of lists, whatever is answered first", async () => {
    server.router.refuse("dead", "SHARD_UNAVAILABLE", "down");
    const { errors = [] } = await server.run(
      `query($dead: String!) {
      ...late
      b: get(key: $dead) { key }
      nodes(ids: ["${encodeGlobalId("Entry", "dead")}", "no id", "${encodeGlobalId("Entry", "dead")}"]) { id }
      a: get(key: "") { key }
    } fragment late on Query { c: get(key: $dead) { key } }`,
      { dead: "dead" },
    );
    expect(errors.map(({ path }) => path)).toEqual([["b"], ["nodes", 0], ["nodes", 1], ["nodes", 2], ["a"], ["c"]]);
  });

  it("reads each key of a request once, all in one batch, in any number of fields", async () => {
    server.router.seed("a", 1);
    const answer = await server.run(`{ one: get(key: "a") { key } two: get(key: "a") { value }
      entries(keys: ["b", "a", "c", "b"]) { __typename ... on Entry { key } ... on KeyNotFound { key } } }`);
    expect(answer.data["entries"]).toEqual([
      { __typename: "KeyNotFound", key: "b" },
      { __typename: "Entry", key: "a" },
      { __typename: "KeyNotFound", key: "c" },
      { __typename: "KeyNotFound", key: "b" },
    ]);
    expect(server.router.calls.map(({ operations }) => operations.length)).toEqual([3]);
  });

  it("as a mutation, reads its own request's writes, and reads again after a retryable refusal", async () => {
    server.router.refuse("shaky", "OVERLOADED");
    server.router.gate = () => {
      if (server.router.calls.length === 6) server.router.refusals.clear();
      return Promise.resolve();
    };
    const answer = await server.run(`mutation {
      before: get(key: "k") { value }
      put(key: "k", value: 1) { __typename }
      after: get(key: "k") { value }
      first: get(key: "shaky") { key }
      delete(key: "k") { __typename }
      second: get(key: "shaky") { key }
      gone: get(key: "k") { value }
    }`);
    expect(answer.data).toMatchObject({ before: null, after: { value: 1 }, first: null, second: null, gone: null });
    expect(answer.errors).toMatchObject([{ path: ["first"], extensions: { code: "OVERLOADED" } }]);
  });
});

function unavailable(key: string, code: string): object {
  return {
    __typename: "ShardUnavailable",
    code,
    isRetryable: true,
    key,
    shard: { number: shardOfKey(parseKey(key), 4) },
  };
}

describe("entries", () => {
  it("fails as a whole when the request asks for more values than it may", async () => {
    server.router.seed("a", [1]);
    server.router.refuse("b", "ANSWER_TOO_LARGE", "Too large.");
    const answer = await server.run('{ entries(keys: ["a", "b"]) { __typename } cluster { shardCount } }');
    expect(answer.data).toMatchObject({ entries: null, cluster: {} });
    expect(answer.errors).toMatchObject([{ path: ["entries"], extensions: { code: "ANSWER_TOO_LARGE" } }]);
  });

  it("is refused when repeated values would make the answer too long", { timeout: 60_000 }, async () => {
    server.router.seed("a", "x".repeat(1024 * 1024 - 2));
    const fields = Array.from({ length: 70 }, (_, index) => `f${index}: get(key: "a") { value valueText }`).join(" ");
    const answer = await server.run(`{ ${fields} }`);
    expect(answer.data).toBeUndefined();
    expect(answer.errors).toMatchObject([{ extensions: { code: "ANSWER_TOO_LARGE" } }]);
  });

  it("gives each key its own outcome, in order", async () => {
    server.router.seed("a", [1]);
    server.router.refuse("dead", "SHARD_UNAVAILABLE", "down");
    server.router.refuse("busy", "OVERLOADED");
    server.router.refuse("odd", "BAD_REQUEST");
    server.router.refuse("secret", "FORBIDDEN");
    server.router.refuse("strange", "INVALID_KEY");
    const keys = ["dead", "a", "", "busy", "none", "x".repeat(1025), "odd", "secret", "strange"];
    const answer = await server.run(
      `query($keys: [String!]!) { entries(keys: $keys) {
        __typename
        ... on Entry { entryKey: key }
        ... on Problem { code isRetryable }
        ... on InvalidKey { key }
        ... on ShardUnavailable { key shard { number } }
      } }`,
      { keys },
    );
    expect(answer.errors).toBeUndefined();
    expect(answer.data["entries"]).toEqual([
      unavailable("dead", "SHARD_UNAVAILABLE"),
      { __typename: "Entry", entryKey: "a" },
      { __typename: "InvalidKey", code: "INVALID_KEY", isRetryable: false, key: "" },
      unavailable("busy", "OVERLOADED"),
      { __typename: "KeyNotFound", code: "KEY_NOT_FOUND", isRetryable: false },
      { __typename: "InvalidKey", code: "INVALID_KEY", isRetryable: false, key: "x".repeat(1025) },
      unavailable("odd", "SHARD_UNAVAILABLE"),
      { __typename: "Forbidden", code: "FORBIDDEN", isRetryable: false },
      { __typename: "InvalidKey", code: "INVALID_KEY", isRetryable: false, key: "strange" },
    ]);
  });

  it("accepts 1000 keys and refuses 1001 before anything is read", async () => {
    const query = "query($keys: [String!]!) { entries(keys: $keys) { __typename } }";
    const keys = Array.from({ length: 1001 }, (_, index) => `k${index}`);
    const tooMany = await server.run(query, { keys });
    expect(tooMany.data).toEqual({ entries: null });
    expect(tooMany.errors).toMatchObject([{ extensions: { code: "TOO_MANY_KEYS", isRetryable: false } }]);
    expect(server.router.calls).toHaveLength(0);
    const answer = await server.run(query, { keys: keys.slice(1) });
    expect(answer.data["entries"]).toHaveLength(1000);
    expect(server.router.calls).toHaveLength(1);
  });

  it("fails as a masked field when the router returns no outcome", async () => {
    server.router.gate = () => Promise.reject(new Error("secret detail"));
    const answer = await server.run('{ entries(keys: ["a"]) { __typename } }');
    expect(answer.data).toEqual({ entries: null });
    expect(answer.errors).toMatchObject([{ path: ["entries"], extensions: { code: "INTERNAL_SERVER_ERROR" } }]);
    expect(answer.text).not.toContain("secret");
    const line = server.log.lines.find(({ level }) => level === "error");
    expect(String(line?.facts["err"])).toContain("secret detail");
    expect(line?.facts["requestId"]).toBe(answer.headers.get("x-request-id"));
  });
});

describe("node and nodes", () => {
  it("refetch every kind of object by its global ID", async () => {
    server.router.seed("a:b", 1);
    const ids = (
      await server.run(
        '{ get(key: "a:b") { id } shard(number: 3) { id } storageNode(name: "node1") { id } cluster { id } }',
      )
    ).data as Record<string, { id: string }>;
    const answer = await server.run(
      `query($ids: [ID!]!) { nodes(ids: $ids) {
        __typename id ... on Entry { key } ... on Shard { number } ... on StorageNode { name } ... on Cluster { shardCount }
      } }`,
      { ids: Object.values(ids).map(({ id }) => id) },
    );
    expect(answer.data["nodes"]).toMatchObject([
      { __typename: "Entry", key: "a:b", id: ids["get"]?.id },
      { __typename: "Shard", number: 3, id: ids["shard"]?.id },
      { __typename: "StorageNode", name: "node1", id: ids["storageNode"]?.id },
      { __typename: "Cluster", shardCount: 4, id: ids["cluster"]?.id },
    ]);
  });

  it("are null for deleted objects, and errors at their own position for invalid IDs", async () => {
    const gone = [
      encodeGlobalId("Entry", "none"),
      encodeGlobalId("Shard", 4),
      encodeGlobalId("Shard", "01"),
      encodeGlobalId("StorageNode", "none"),
      encodeGlobalId("Cluster", "none"),
    ];
    const bad = [
      "",
      "?",
      `${encodeGlobalId("Shard", 1)}=`,
      Buffer.from("Query:1").toString("base64url"),
      encodeGlobalId("Entry", ""),
    ];
    const answer = await server.run("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: [...gone, ...bad] });
    expect(answer.data["nodes"]).toEqual([...gone, ...bad].map(() => null));
    expect(answer.errors.map(({ path }) => path?.[1]).toSorted()).toEqual([5, 6, 7, 8, 9]);
    const codes = answer.errors.map(({ extensions }) => extensions["code"]).toSorted();
    expect(codes).toEqual(["BAD_USER_INPUT", "BAD_USER_INPUT", "BAD_USER_INPUT", "BAD_USER_INPUT", "INVALID_KEY"]);
    const one = await server.run('{ node(id: "x") { id } }');
    expect(one.errors).toMatchObject([{ path: ["node"], extensions: { code: "BAD_USER_INPUT" } }]);
  });

  it("refuse more than 1000 IDs", async () => {
    const ids = Array.from({ length: 1001 }, () => encodeGlobalId("Shard", 1));
    const answer = await server.run("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids });
    expect(answer.errors).toMatchObject([{ extensions: { code: "TOO_MANY_KEYS" } }]);
  });
});
