/** Callers learn nothing of keys outside of their permissions, and of the cluster, however they ask. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { breakerOpenMs } from "../../../src/core/limits.js";
import { NodeFault } from "../../../src/routing/node-client/node-client.js";
import { postJson, rawRequest } from "../rest/raw-request.js";
import { startTestGateway, type TestGateway } from "../test-gateway.js";
import { testAccess } from "./callers.js";

const keys = ["a/1", "a/2", "b/1", "b/2", "aa"];
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway({ access: testAccess() });
  await gateway.register("node1");
  for (const key of keys) {
    const body = JSON.stringify(`value of ${key}`);
    await rawRequest(gateway.url, `/data/${encodeURIComponent(key)}`, { method: "PUT", body, headers: as("admin") });
  }
});
afterAll(() => gateway.close());

const as = (kind: string) => ({ authorization: `Bearer ${kind}` });
const id = (local: string): string => Buffer.from(`Entry:${local}`).toString("base64url");

type Errors = readonly { readonly path: readonly unknown[]; readonly extensions: { readonly code: string } }[];

async function ask(kind: string, body: object) {
  const headers = { ...as(kind), "content-type": "application/json" };
  const answer = await rawRequest(gateway.url, "/graphql", { method: "POST", body: JSON.stringify(body), headers });
  const { data, errors = [] } = answer.json() as { data: Record<string, unknown>; errors?: Errors };
  return { data, errors: errors.map(({ path, extensions }) => [path.join("."), extensions.code]), text: answer.text };
}
const run = (kind: string, query: string, variables: object = {}) => ask(kind, { query, variables });

/** The result of `work`, with pauses between attempts skipped. */
async function whileTimePasses<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const watched = work.finally(() => (isOver = true));
  while (!isOver) await gateway.clock.advance(100);
  return watched;
}

/** Keys that storage nodes have been asked for so far. */
const askedKeys = (): readonly string[] =>
  gateway
    .node("node1")
    .batches.flatMap((batch) =>
      batch.map(({ operation }) => (operation.kind === "scan" ? `scan ${operation.prefix}` : operation.key)),
    );

describe("a caller without permission to read cluster data", () => {
  it("gets the entry even when a field of its shard is refused", async () => {
    const shard = "shard { number primary { name } replicas { name } assignments { isPrimary } }";
    const { data, errors } = await run(
      "readPrefix",
      `{ entries(keys: ["a/1", "a/2"]) { ... on Entry { key ${shard} } } }`,
    );
    const nulls = { number: expect.any(Number), primary: null, replicas: null, assignments: null };
    expect(data["entries"]).toEqual([
      { key: "a/1", shard: nulls },
      { key: "a/2", shard: nulls },
    ]);
    expect(new Set(errors.map(([, code]) => code))).toEqual(new Set(["FORBIDDEN"]));
  });
});

describe("a key outside of the caller's permissions", () => {
  it("is refused alone in a batch, and never reaches a storage node", async () => {
    const before = askedKeys().length;
    const query = `query ($keys: [String!]!) {
      entries(keys: $keys) { __typename ... on Entry { key value } ... on Forbidden { key code isRetryable } }
    }`;
    const { data, errors } = await run("readPrefix", query, { keys: ["a/1", "b/1", "a/2", "aa", "a"] });
    expect(errors).toEqual([]);
    const forbidden = (key: string) => ({ __typename: "Forbidden", key, code: "FORBIDDEN", isRetryable: false });
    expect(data).toEqual({
      entries: [
        { __typename: "Entry", key: "a/1", value: "value of a/1" },
        forbidden("b/1"),
        { __typename: "Entry", key: "a/2", value: "value of a/2" },
        forbidden("aa"),
        forbidden("a"),
      ],
    });
    expect(askedKeys().slice(before).toSorted()).toEqual(["a/1", "a/2"]);
  });

  it("is refused alone among writes, and is not written", async () => {
    const before = askedKeys().length;
    const { data } = await run(
      "writePrefix",
      `mutation {
        putMany(items: [{ key: "b/1", value: 1 }, { key: "a/1", value: "value of a/1" }, { key: "b/9", value: 1 }]) {
          __typename
        }
        deleteMany(items: [{ key: "b/2" }, { key: "a/none" }, { key: "b/none" }]) { __typename }
        put(key: "b/1", value: 1, condition: { ifAbsent: true }) { __typename }
        delete(key: "b/1", condition: { ifVersion: "999999" }) { __typename }
      }`,
    );
    const of = (...names: readonly string[]) => names.map((__typename) => ({ __typename }));
    expect(data).toEqual({
      putMany: of("Forbidden", "PutSuccess", "Forbidden"),
      deleteMany: of("Forbidden", "KeyNotFound", "Forbidden"),
      put: { __typename: "Forbidden" },
      delete: { __typename: "Forbidden" },
    });
    expect(askedKeys().slice(before)).toEqual(["a/1", "a/none"]);
    expect(await run("admin", '{ get(key: "b/1") { value } }')).toMatchObject({
      data: { get: { value: "value of b/1" } },
    });
  });

  it("is refused in every alias, fragment and operation, and among refetched objects", async () => {
    const query = `
      query Mine { get(key: "a/1") { key } }
      query Theirs($foreign: ID!, $own: ID!) {
        first: get(key: "b/1") { ...Value }
        second: get(key: "a/1") { ...Value }
        ... on Query { third: node(id: $foreign) { ...Value } }
        nodes(ids: [$foreign, $own, $foreign]) { ...Value }
      }
      fragment Value on Entry { value }`;
    const variables = { foreign: id("b/1"), own: id("a/1") };
    const { data, errors } = await ask("readPrefix", { query, operationName: "Theirs", variables });
    expect(data).toEqual({
      first: null,
      second: { value: "value of a/1" },
      third: null,
      nodes: [null, { value: "value of a/1" }, null],
    });
    expect(errors.toSorted()).toEqual(["first", "nodes.0", "nodes.2", "third"].map((path) => [path, "FORBIDDEN"]));
  });

  it("looks the same whether or not it exists", async () => {
    const document = `query ($key: String!, $id: ID!) {
      get(key: $key) { key } node(id: $id) { id } shardForKey(key: $key) { number }
      entries(keys: [$key]) { __typename ... on Problem { code message } }
    }`;
    const answerTo = async (key: string) =>
      (await run("readPrefix", document, { key, id: id(key) })).text.replaceAll(key, "KEY");
    expect(await answerTo("b/1")).toBe(await answerTo("b/x"));
    for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
      const shapeOf = async (key: string) => {
        const target = `/data/${encodeURIComponent(key)}`;
        const { status, headers, text } = await rawRequest(gateway.url, target, {
          method,
          headers: as("writePrefix"),
          body: method === "PUT" ? "1" : "",
        });
        const { date: _date, "x-request-id": _id, ...rest } = headers;
        return { status, rest, text: text.replaceAll(key, "KEY") };
      };
      expect(await shapeOf("b/1")).toEqual(await shapeOf("b/x"));
      expect((await shapeOf("b/1")).rest).not.toHaveProperty("x-shard");
    }
  });

  it("is not revealed by the bounds of a scan", async () => {
    const cursor = (key: string) => Buffer.from(`1:${key}`).toString("base64url");
    const query = `query ($after: String) {
      scan(prefix: "a/", after: $after) { edges { node { key } } pageInfo { hasPreviousPage } }
    }`;
    const before = askedKeys().length;
    const [there, missing] = await Promise.all([
      run("readPrefix", query, { after: cursor("b/1") }),
      run("readPrefix", query, { after: cursor("b/x") }),
    ]);
    expect(there.data).toEqual(missing.data);
    const asked = new Set(askedKeys().slice(before));
    expect(asked).toEqual(new Set(["scan a/"]));
  });
});

describe("cluster data", () => {
  it("are not revealed by failures", async () => {
    const fault = new NodeFault("connectionRefused", "storage node node1 (http://node1:8000) refused", true);
    gateway.node("node1").injectFault = () => ({ fault });
    const document = `mutation { put(key: "a/1", value: 1) { ... on ShardUnavailable { code message shard { number state epoch } } } }`;
    const answers = Promise.all([
      run("writePrefix", document),
      run("admin", document),
      rawRequest(gateway.url, "/data/a%2F1", { headers: as("readPrefix") }),
    ]);
    const [restricted, free, rest] = await whileTimePasses(answers);
    gateway.node("node1").injectFault = () => null;
    await gateway.clock.advance(2 * breakerOpenMs);
    gateway.services.membership.heartbeat("node1", { incarnation: "node1" });
    expect(restricted.text).toContain("SHARD_UNAVAILABLE");
    expect(restricted.text + rest.text).not.toContain("node1");
    // The message fits a write instead.
    expect(restricted.text).toMatch(/Shard \d+: Nothing was written\. Try again/);
    expect((rest.json() as { readonly detail: string }).detail).toMatch(/^Shard \d+: Try again/);
    expect(rest).toMatchObject({ status: 503 });
    expect(rest.headers).not.toHaveProperty("x-node");
    expect(free.text).toContain("node1");
  });

  it("are visible to callers who may read all keys", async () => {
    const answer = await rawRequest(gateway.url, "/data/a%2F1", { headers: as("readAll") });
    expect(answer.headers).toMatchObject({ "x-node": "node1" });
    const own = await rawRequest(gateway.url, "/data/a%2F1", { headers: as("readPrefix") });
    expect(own.headers).not.toHaveProperty("x-node");
    expect(own.headers).toHaveProperty("x-shard");
  });

  it("are not revealed by a receipt", async () => {
    const traced = async (kind: string) => {
      const headers = { ...as(kind), "x-shardgate-trace": "1", "content-type": "application/json" };
      const body = JSON.stringify({ query: '{ get(key: "a/1") { key } }' });
      const graphql = await rawRequest(gateway.url, "/graphql", { method: "POST", body, headers });
      const rest = await rawRequest(gateway.url, "/data/a%2F1", { headers });
      return [graphql.text.includes("node1"), "server-timing" in rest.headers];
    };
    expect(await traced("readAll")).toEqual([true, true]);
    expect(await traced("writePrefix")).toEqual([false, false]);
  });

  it("are not revealed by readiness, except that the gateway is not ready", async () => {
    const cold = await startTestGateway({ access: testAccess() });
    const [stranger, viewer] = [
      await rawRequest(cold.url, "/ready"),
      await rawRequest(cold.url, "/ready", { headers: as("readAll") }),
    ];
    await cold.close();
    expect([stranger.status, viewer.status]).toEqual([503, 503]);
    expect(stranger.json()).not.toHaveProperty("missing");
    expect(viewer.json()).toHaveProperty("missing");
  });
});

describe("a gateway without authentication", () => {
  it("accepts a storage node only with its secret, if there is one", async () => {
    const open = await startTestGateway({ access: testAccess({ isOpen: true }) });
    const node = { id: "node1", url: "http://node1:8000" };
    expect((await postJson(open.url, "/nodes", { ...node, incarnation: "x" })).json()).toMatchObject({
      code: "FORBIDDEN",
    });
    expect((await postJson(open.url, "/nodes", node)).status).toBe(201);
    expect((await rawRequest(open.url, "/nodes", { headers: as("wrong") })).status).toBe(401);
    await open.close();
  });
});
