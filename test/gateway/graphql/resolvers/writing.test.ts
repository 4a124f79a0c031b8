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

const putMany = `mutation($items: [PutInput!]!) { putMany(items: $items) {
  __typename
  ... on PutSuccess { isNew entry { key value version expiresAt } }
  ... on Problem { code isRetryable }
  ... on VersionConflict { key current { version value } }
  ... on InvalidKey { key }
} }`;
const deleteMany = `mutation($items: [DeleteInput!]!) { deleteMany(items: $items) {
  __typename
  ... on DeleteSuccess { key deletedId version }
  ... on Problem { code isRetryable }
  ... on VersionConflict { key current { version } }
} }`;

/** The operations that reached the router, in order. */
function sent(): readonly unknown[] {
  return server.router.calls.flatMap(({ operations }) => operations);
}

describe("put", () => {
  it("returns the current entry, and whether it is new", async () => {
    const query = `mutation { put(key: "k", value: 1) { ... on PutSuccess { isNew entry {
      id key value version createdAt updatedAt expiresAt sizeBytes shard { number }
    } } } }`;
    const first = await server.run(query);
    expect(first.data["put"]).toEqual({
      isNew: true,
      entry: {
        id: encodeGlobalId("Entry", "k"),
        key: "k",
        value: 1,
        version: "1",
        createdAt: "2026-01-31T12:00:00.000Z",
        updatedAt: "2026-01-31T12:00:00.000Z",
        expiresAt: null,
        sizeBytes: 1,
        shard: { number: shardOfKey(parseKey("k"), 4) },
      },
    });
    expect((await server.run(query)).data["put"]).toMatchObject({ isNew: false, entry: { version: "2" } });
  });

  it("returns null for the version and times that a plain storage node does not keep", async () => {
    server.router.isPlain = true;
    const answer = await server.run(`mutation {
      put(key: "k", value: 1) { ... on PutSuccess { entry { version createdAt updatedAt expiresAt } } }
      delete(key: "k") { ... on DeleteSuccess { version } }
    }`);
    expect(answer.data).toEqual({
      put: { entry: { version: null, createdAt: null, updatedAt: null, expiresAt: null } },
      delete: { version: null },
    });
  });

  it("passes on expiry and condition", async () => {
    await server.run(`mutation {
      a: put(key: "k", value: 1, expiry: {ttlSeconds: 60}, condition: {ifAbsent: true}) { __typename }
      b: put(key: "k", value: 2, expiry: {at: "2026-02-01T00:00:00.5+01:00"}, condition: {ifPresent: true}) { __typename }
      c: put(key: "k", value: 3, expiry: null, condition: {ifVersion: "2"}) { __typename }
    }`);
    expect(sent()).toMatchObject([
      { expiry: { kind: "ttl", seconds: 60 }, condition: { kind: "ifAbsent" } },
      { expiry: { kind: "at", atMs: Date.parse("2026-01-31T23:00:00.500Z") }, condition: { kind: "ifPresent" } },
      { expiry: null, condition: { kind: "ifVersion", version: "2" } },
    ]);
  });

  it("returns the current entry in a conflict", async () => {
    server.router.seed("k", "old");
    const answer = await server.run(`mutation {
      a: put(key: "k", value: 1, condition: {ifAbsent: true}) { ... on VersionConflict { code key current { value } } }
      b: put(key: "none", value: 1, condition: {ifPresent: true}) { ... on VersionConflict { current { value } } }
    }`);
    expect(answer.data).toEqual({
      a: { code: "VERSION_CONFLICT", key: "k", current: { value: "old" } },
      b: { current: null },
    });
  });

  it.each([
    ["condition: {ifAbsent: false}", "`condition.ifAbsent` must be true", "BAD_USER_INPUT"],
    ["condition: {ifPresent: false}", "`condition.ifPresent` must be true", "BAD_USER_INPUT"],
    ['condition: {ifVersion: "01"}', "Version", "BAD_USER_INPUT"],
    ["condition: {ifVersion: 7}", "Version must be a string", "BAD_USER_INPUT"],
    ["condition: {ifAbsent: true, ifPresent: true}", "exactly one", "GRAPHQL_VALIDATION_FAILED"],
    ["condition: {}", "exactly one", "GRAPHQL_VALIDATION_FAILED"],
    ["expiry: {ttlSeconds: 0}", "`expiry.ttlSeconds` is 0", "BAD_USER_INPUT"],
    ["expiry: {ttlSeconds: -5}", "at least 1", "BAD_USER_INPUT"],
    ["expiry: {ttlSeconds: 2147483648}", "32-bit", "GRAPHQL_VALIDATION_FAILED"],
    ['expiry: {at: "9999-12-31T23:59:59.999-00:01"}', "`expiry.at` is after the year 9999", "BAD_USER_INPUT"],
    ['expiry: {at: "+010000-01-01T00:00:00Z"}', "DateTime must be", "BAD_USER_INPUT"],
    ['expiry: {at: "2026-02-30T12:00:00Z"}', "DateTime must be", "BAD_USER_INPUT"],
    ['expiry: {at: "2026-13-01T12:00:00Z"}', "DateTime must be", "BAD_USER_INPUT"],
    ['expiry: {at: "tomorrow"}', "DateTime must be", "BAD_USER_INPUT"],
    ["expiry: {at: 1}", "DateTime must be", "BAD_USER_INPUT"],
  ])("refuses %s and writes nothing", async (argument, message, code) => {
    const answer = await server.run(`mutation { put(key: "k", value: 1, ${argument}) { __typename } }`);
    expect(answer.errors).toMatchObject([{ message: expect.stringContaining(message), extensions: { code } }]);
    expect(server.router.calls).toHaveLength(0);
  });

  it("refuses the same in variables", async () => {
    const query =
      'mutation($c: WriteCondition, $e: Expiry) { put(key: "k", value: 1, condition: $c, expiry: $e) { __typename } }';
    const variables = [
      { c: { ifVersion: "0" } },
      { c: { ifVersion: "18446744073709551616" } },
      { c: { ifVersion: 1 } },
      { c: { ifAbsent: true, ifVersion: "1" } },
      { c: { ifAbsent: false } },
      { e: { at: "2026-01-31" } },
      { e: { ttlSeconds: 1.5 } },
    ];
    for (const each of variables) {
      const answer = await server.run(query, each);
      expect(answer.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT", isRetryable: false } }]);
    }
    expect(server.router.calls).toHaveLength(0);
    expect((await server.run(query, { c: { ifVersion: "18446744073709551615" } })).errors).toBeUndefined();
    expect((await server.run(query, { c: null, e: { at: "2026-02-01t00:00:00z" } })).errors).toBeUndefined();
  });
});

describe("putMany", () => {
  it("gives each item its own outcome, in order, and writes the valid ones in one batch", async () => {
    server.router.seed("old", 0);
    server.router.refuse("dead", "SHARD_UNAVAILABLE");
    server.router.refuse("lost", "OUTCOME_UNKNOWN");
    server.router.refuse("plain", "NOT_SUPPORTED");
    server.router.refuse("heavy", "INVALID_VALUE");
    server.router.refuse("full", "STORAGE_FULL");
    server.router.calls.splice(0);
    const answer = await server.run(putMany, {
      items: [
        { key: "new", value: 1, expiry: { ttlSeconds: 10 } },
        { key: "", value: 1 },
        { key: "old", value: 1, condition: { ifAbsent: true } },
        ...["dead", "lost", "plain", "heavy", "full"].map((key) => ({ key, value: 1 })),
      ],
    });
    expect(answer.errors).toBeUndefined();
    expect(answer.data["putMany"]).toEqual([
      {
        __typename: "PutSuccess",
        isNew: true,
        entry: { key: "new", value: 1, version: "2", expiresAt: "2026-01-31T12:00:10.000Z" },
      },
      { __typename: "InvalidKey", code: "INVALID_KEY", isRetryable: false, key: "" },
      {
        __typename: "VersionConflict",
        code: "VERSION_CONFLICT",
        isRetryable: false,
        key: "old",
        current: { version: "1", value: 0 },
      },
      { __typename: "ShardUnavailable", code: "SHARD_UNAVAILABLE", isRetryable: true },
      { __typename: "OutcomeUnknown", code: "OUTCOME_UNKNOWN", isRetryable: false },
      { __typename: "NotSupported", code: "NOT_SUPPORTED", isRetryable: false },
      { __typename: "InvalidValue", code: "INVALID_VALUE", isRetryable: false },
      { __typename: "ShardUnavailable", code: "STORAGE_FULL", isRetryable: true },
    ]);
    expect(server.router.calls.map(({ operations }) => operations.length)).toEqual([7]);
  });

  it("applies items with the same key in order, one after the other", async () => {
    const items = [
      { key: "k", value: "first", condition: { ifAbsent: true } },
      { key: "other", value: 1 },
      { key: "k", value: "second", condition: { ifVersion: "1" } },
      { key: "k", value: "third", condition: { ifPresent: true } },
      { key: "other", value: 2 },
    ];
    const answer = await server.run(putMany, { items });
    expect(answer.data["putMany"]).toMatchObject(
      items.map(({ key, value }) => ({ __typename: "PutSuccess", entry: { key, value } })),
    );
    const keys = server.router.calls.map(({ operations }) =>
      operations.map((operation) => (operation.kind === "scan" ? "" : operation.key)),
    );
    expect(keys).toEqual([["k", "other"], ["k", "other"], ["k"]]);
    expect((await server.run('{ get(key: "k") { value } }')).data).toEqual({ get: { value: "third" } });
  });

  it("leaves it to the storage node's clock whether an expiry has passed, which fails only that item", async () => {
    const answer = await server.run(putMany, {
      items: [
        { key: "a", value: 1, expiry: { at: "9999-12-31T23:59:59.999Z" } },
        { key: "b", value: 1, expiry: { at: "2026-01-31T12:00:00Z" } },
        { key: "c", value: 1, expiry: { at: "0000-01-01T00:00:00Z" } },
      ],
    });
    const passed = { __typename: "ExpiryPassed", code: "EXPIRY_PASSED", isRetryable: false };
    expect(answer.data["putMany"]).toEqual([expect.objectContaining({ __typename: "PutSuccess" }), passed, passed]);
    expect(server.router.has("b")).toBe(false);
    // The gateway sent the items that it cannot judge itself.
    expect(server.router.calls[0]?.operations).toHaveLength(3);
  });

  it("refuses the whole field, naming the item, when a condition or expiry is invalid", async () => {
    const items = [
      { key: "a", value: 1 },
      { key: "b", value: 1, condition: { ifPresent: false } },
    ];
    const answer = await server.run(putMany, { items });
    expect(answer.data).toEqual({ putMany: null });
    expect(answer.errors).toMatchObject([
      { message: "`items[1].condition.ifPresent` must be true; to write without a condition, omit it." },
    ]);
    expect(server.router.calls).toHaveLength(0);
  });

  it("accepts 1000 items and refuses 1001 before anything is written", async () => {
    const items = Array.from({ length: 1001 }, (_, index) => ({ key: `k${index}`, value: index }));
    const tooMany = await server.run(putMany, { items });
    expect(tooMany.errors).toMatchObject([{ path: ["putMany"], extensions: { code: "TOO_MANY_KEYS" } }]);
    expect(server.router.calls).toHaveLength(0);
    expect((await server.run(putMany, { items: items.slice(1) })).data["putMany"]).toHaveLength(1000);
    expect((await server.run(putMany, { items: [] })).data["putMany"]).toEqual([]);
  });
});

describe("delete and deleteMany", () => {
  it("return what was deleted, or why nothing was", async () => {
    for (const key of ["a", "b", "c"]) server.router.seed(key, key);
    server.router.refuse("dead", "SHARD_UNAVAILABLE");
    server.router.refuse("lost", "OUTCOME_UNKNOWN");
    const answer = await server.run(deleteMany, {
      items: [
        { key: "a" },
        { key: "a" },
        { key: "b", condition: { ifVersion: "9" } },
        { key: "c", condition: { ifVersion: "3" } },
        { key: ".." },
        { key: "dead" },
        { key: "lost" },
      ],
    });
    expect(answer.data["deleteMany"]).toEqual([
      { __typename: "DeleteSuccess", key: "a", deletedId: encodeGlobalId("Entry", "a"), version: "1" },
      { __typename: "KeyNotFound", code: "KEY_NOT_FOUND", isRetryable: false },
      {
        __typename: "VersionConflict",
        code: "VERSION_CONFLICT",
        isRetryable: false,
        key: "b",
        current: { version: "2" },
      },
      { __typename: "DeleteSuccess", key: "c", deletedId: encodeGlobalId("Entry", "c"), version: "3" },
      { __typename: "InvalidKey", code: "INVALID_KEY", isRetryable: false },
      { __typename: "ShardUnavailable", code: "SHARD_UNAVAILABLE", isRetryable: true },
      { __typename: "OutcomeUnknown", code: "OUTCOME_UNKNOWN", isRetryable: false },
    ]);
    const one = await server.run('mutation { delete(key: "b") { ... on DeleteSuccess { key } } }');
    expect(one.data).toEqual({ delete: { key: "b" } });
    expect(server.router.has("b")).toBe(false);
  });

  it("refuse 1001 items, and an invalid condition", async () => {
    const items = Array.from({ length: 1001 }, (_, index) => ({ key: `k${index}` }));
    expect((await server.run(deleteMany, { items })).errors).toMatchObject([{ extensions: { code: "TOO_MANY_KEYS" } }]);
    const wrong = await server.run('mutation { delete(key: "k", condition: {ifAbsent: false}) { __typename } }');
    expect(wrong.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
    expect(server.router.calls).toHaveLength(0);
  });
});

describe("a request of several mutations", () => {
  it("runs them in order, and a failure does not affect the others", async () => {
    const answer = await server.run(`mutation {
      a: put(key: "k", value: 1) { __typename }
      b: put(key: "k", value: 2, expiry: {ttlSeconds: 0}) { __typename }
      c: delete(key: "k", condition: {ifVersion: "1"}) { __typename }
    }`);
    expect(answer.data).toEqual({ a: { __typename: "PutSuccess" }, b: null, c: { __typename: "DeleteSuccess" } });
  });

  it("masks an outcome that no write can have", async () => {
    const found = { kind: "found" } as never;
    const execute = server.router.execute.bind(server.router);
    server.router.execute = () => Promise.resolve([found]);
    const answer = await server.run(
      'mutation { put(key: "k", value: 1) { __typename } delete(key: "k") { __typename } }',
    );
    expect(answer.data).toEqual({ put: null, delete: null });
    expect(answer.errors.map(({ extensions }) => extensions["code"])).toEqual([
      "INTERNAL_SERVER_ERROR",
      "INTERNAL_SERVER_ERROR",
    ]);
    server.router.execute = () => Promise.resolve([]);
    const none = await server.run('mutation { put(key: "k", value: 1) { __typename } }');
    expect(none.errors).toMatchObject([{ extensions: { code: "INTERNAL_SERVER_ERROR" } }]);
    server.router.execute = () => Promise.resolve([{ kind: "deleted", version: null }]);
    const odd = await server.run('{ get(key: "k") { key } }');
    expect(odd.errors).toMatchObject([{ extensions: { code: "INTERNAL_SERVER_ERROR" } }]);
    server.router.execute = execute;
  });
});
