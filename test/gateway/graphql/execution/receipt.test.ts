/** The receipt in `extensions.shardgate`, over the whole gateway and storage nodes in memory. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseKey } from "../../../../src/core/key.js";
import { attemptTimeoutMs, requestTimeoutMs } from "../../../../src/core/limits.js";
import type { GetOperation } from "../../../../src/core/operation.js";
import { shardOfKey, type ShardNumber } from "../../../../src/core/shard.js";
import { encodeGlobalId } from "../../../../src/gateway/graphql/values/global-id.js";
import {
  Receipt,
  type ReceiptReport,
  receiptCharactersMax,
} from "../../../../src/gateway/graphql/execution/receipt.js";
import { NodeFault } from "../../../../src/routing/node-client/node-client.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { startTestGateway, type TestGateway } from "../../test-gateway.js";

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await startTestGateway({ nodesMin: 2 });
  await gateway.register("node1", "node2");
});
afterEach(() => gateway.close());

/** The first is answered directly; the second has the same meaning but is left to Yoga. */
const ways = ["application/json", "application/json;q=0.9"] as const;

async function send(query: string, { accept = ways[0] as string, trace = "1", variables = {}, to = gateway } = {}) {
  const headers = { "content-type": "application/json", accept, "x-shardgate-trace": trace, "x-request-id": "r1" };
  const body = JSON.stringify({ query, variables });
  const response = await fetch(`${to.url}/graphql`, { method: "POST", headers, body });
  return (await response.json()) as { data: unknown; extensions?: { shardgate: ReceiptReport } };
}

async function receiptOf(query: string, options: Parameters<typeof send>[1] = {}): Promise<ReceiptReport> {
  const { extensions } = await send(query, options);
  if (extensions === undefined) throw new Error("There is no receipt.");
  return extensions.shardgate;
}

const shard = (key: string): number => shardOfKey(parseKey(key), 4);
const owner = (key: string): string => gateway.registry.map.shards[shard(key)]?.primary ?? "";

describe("a receipt", () => {
  it("is sent only when it is requested", async () => {
    expect(await send("{ cluster { shardCount } }", { trace: "0" })).not.toHaveProperty("extensions");
    expect(await receiptOf("{ cluster { shardCount } }")).toEqual({
      requestId: "r1",
      durationMs: 0,
      fields: [],
      omittedFields: 0,
    });
  });

  it.each(ways)("contains for each field what its operations cost (accept: %s)", async (accept) => {
    const { fields } = await receiptOf(
      `mutation { put(key: "a", value: "12345678") { __typename } b: get(key: "b") { key } }`,
      { accept },
    );
    expect(fields).toEqual([
      {
        path: ["put"],
        operations: 1,
        deduplicated: 0,
        retries: 0,
        unsent: 0,
        bytes: 10,
        batches: [
          {
            id: expect.stringMatching(/^b\w+-\d+$/),
            node: owner("a"),
            shards: [shard("a")],
            operations: 1,
            batchSize: 1,
            waitMs: 0,
            serviceMs: 0,
            fault: null,
          },
        ],
        omittedBatches: 0,
      },
      expect.objectContaining({ path: ["b"], bytes: 0 }),
    ]);
  });

  it("is the same on both ways, and with GraphQL.js's own execution, except for the ids of batches", async () => {
    const query = '{ entries(keys: ["a", "b", "c", "d"]) { __typename } scan(first: 1) { edges { cursor } } }';
    const [direct, byYoga] = await Promise.all(ways.map((accept) => send(query, { accept })));
    const oracle = await startTestGateway({ nodesMin: 2, isOracle: true });
    await oracle.register("node1", "node2");
    const byGraphqlJs = await send(query, { to: oracle });
    await oracle.close();
    // Requests may share batches, so batch sizes differ between runs, but not between these answers.
    const comparable = (answer: unknown): string =>
      JSON.stringify(answer).replaceAll(/"b\w+-\d+"|"batchSize":\d+/g, '"b"');
    expect(comparable(byYoga)).toBe(comparable(direct));
    expect(comparable(byGraphqlJs)).toBe(comparable(direct));
  });

  it("groups keys by batch, over shards and storage nodes", async () => {
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
    const { fields } = await receiptOf("query($keys: [String!]!) { entries(keys: $keys) { __typename } }", {
      variables: { keys },
    });
    expect(fields).toMatchObject([{ path: ["entries"], operations: 40, retries: 0, unsent: 0 }]);
    const batches = fields[0]?.batches ?? [];
    expect(batches.map(({ node }) => node).toSorted()).toEqual(["node1", "node2"]);
    for (const { node, operations, batchSize, shards } of batches) {
      const own = keys.filter((key) => owner(key) === node);
      expect({ operations, batchSize }).toEqual({ operations: own.length, batchSize: own.length });
      expect(shards).toEqual([...new Set(own.map(shard))].toSorted());
    }
  });

  it("reports a key that several fields read once for each of them", async () => {
    const { fields } = await receiptOf('{ get(key: "a") { key } entries(keys: ["a", "a", "b"]) { __typename } }');
    expect(fields).toMatchObject([
      { path: ["get"], operations: 1, deduplicated: 0 },
      { path: ["entries"], operations: 2, deduplicated: 2 },
    ]);
    expect(fields[0]?.batches[0]?.id).toBeOneOf(fields[1]?.batches.map(({ id }) => id) ?? []);
  });

  it("distinguishes reads before a write from those after it", async () => {
    const { fields } = await receiptOf(`mutation {
      before: get(key: "a") { key }
      delete(key: "a") { __typename }
      deleteMany(items: [{ key: "a" }, { key: "" }]) { __typename }
      putMany(items: [{ key: "a", value: 1 }, { key: "a", value: 2 }]) { __typename }
      after: get(key: "a") { value }
      again: get(key: "a") { value }
    }`);
    expect(fields).toMatchObject([
      { path: ["before"], operations: 1, deduplicated: 0 },
      { path: ["delete"], operations: 1 },
      { path: ["deleteMany"], operations: 1 },
      { path: ["putMany"], operations: 2, bytes: 2 },
      { path: ["after"], operations: 1, deduplicated: 0, bytes: 1 },
      { path: ["again"], operations: 1, deduplicated: 1, bytes: 1 },
    ]);
    expect(new Set(fields.flatMap(({ batches }) => batches.map(({ id }) => id))).size).toBe(6);
  });

  it("reports retries, with the reason of each attempt", async () => {
    gateway.node(owner("a")).failNext({ fault: new NodeFault("connectionReset", "node closed", true) });
    const answer = receiptOf('{ get(key: "a") { key } }');
    await gateway.clock.advance(0);
    for (let step = 0; step < 20; step++) await gateway.clock.advance(20);
    const { fields, durationMs } = await answer;
    expect(fields).toMatchObject([{ retries: 1, batches: [{ fault: "connectionReset" }, { fault: null }] }]);
    expect(durationMs).toBeGreaterThan(0);
  });

  it("reports attempts without an answer, and operations that were never sent", async () => {
    gateway.node(owner("a")).hold();
    const answer = receiptOf('{ get(key: "a") { key } }');
    for (let step = 0; step < 60; step++) await gateway.clock.advance(100);
    const { fields, durationMs } = await answer;
    expect(fields[0]?.batches.slice(0, 2)).toMatchObject([
      { fault: "timeout", serviceMs: attemptTimeoutMs },
      { fault: "timeout", serviceMs: attemptTimeoutMs },
    ]);
    expect(durationMs).toBeLessThanOrEqual(requestTimeoutMs);
    // The breaker is open now.
    const { fields: refused } = await receiptOf('{ get(key: "a") { key } }');
    expect(refused).toMatchObject([{ operations: 1, unsent: 1, retries: 0, batches: [] }]);
  });

  it("covers pages, and the reads that determine whether there is a previous one", async () => {
    const { data } = await send(
      `mutation { putMany(items: [{ key: "a", value: 1 }, { key: "b", value: 2 }]) { __typename } }`,
    );
    expect(data).toBeDefined();
    const first = (await send("{ scan(first: 1) { pageInfo { endCursor } } }")).data as {
      scan: { pageInfo: { endCursor: string } };
    };
    const { fields } = await receiptOf(
      "query($after: String) { scan(first: 1, after: $after) { pageInfo { hasPreviousPage } } }",
      { variables: { after: first.scan.pageInfo.endCursor } },
    );
    expect(fields).toMatchObject([{ path: ["scan"] }]);
    expect(fields[0]?.operations).toBeGreaterThan(4);
  });

  it("covers nodes read by global id", async () => {
    const ids = ["a", "b"].map((key) => encodeGlobalId("Entry", key));
    const { fields } = await receiptOf("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", { variables: { ids } });
    expect(fields).toMatchObject([{ path: ["nodes"], operations: 2 }]);
  });
});

describe("the receipt's bound", () => {
  const info = (key: string | number) => ({ path: { prev: undefined, key, typename: "Query" } });
  const batch = (id: number) => ({ id: `b${id}`, node: "node1", operations: 1, serviceMs: 0.12345, fault: null });
  const read = (index: number): GetOperation => ({
    kind: "get",
    shard: index as ShardNumber,
    key: parseKey(`k${index}`),
  });

  it("omits fields, and reports how many", () => {
    const receipt = new Receipt("r1", new FakeClock());
    for (let index = 0; index < 2000; index++) {
      const operation = read(index);
      receipt.runs(info(`f${index}`), [operation]).sent(operation, batch(index), 0);
    }
    const report = receipt.report();
    expect(report.fields.length).toBeGreaterThan(100);
    expect(report.omittedFields).toBe(2000 - report.fields.length);
    expect(JSON.stringify(report).length).toBeLessThan(receiptCharactersMax + 1000);
  });

  it("omits batches of one field, and reports how many", () => {
    const receipt = new Receipt("r1", new FakeClock());
    const operations = Array.from({ length: 2000 }, (_, index) => read(index));
    const recorder = receipt.runs(info("f"), operations);
    operations.forEach((operation, index) => recorder.sent(operation, batch(index), 0));
    const { fields, omittedFields } = receipt.report();
    expect(omittedFields).toBe(0);
    expect(fields).toMatchObject([{ operations: 2000 }]);
    expect(fields[0]?.omittedBatches).toBe(2000 - (fields[0]?.batches.length ?? 0));
    expect(fields[0]?.batches[0]?.serviceMs).toBe(0.123);
  });

  it("has null for a batch that is still in flight", () => {
    const receipt = new Receipt("r1", new FakeClock());
    receipt.runs(info("f"), [read(1)]).sent(read(1), { ...batch(1), serviceMs: null }, 0);
    const [operation] = [read(2)];
    receipt.runs(info("g"), [operation]).sent(operation, { ...batch(2), serviceMs: null }, 0);
    expect(receipt.report().fields).toMatchObject([{ unsent: 1 }, { batches: [{ id: "b2", serviceMs: null }] }]);
  });

  it("omits reads that no field requested", () => {
    const receipt = new Receipt("r1", new FakeClock());
    receipt.loader.sent(read(1), batch(1), 0);
    receipt.loader.answered(read(1), { kind: "notFound" });
    expect(receipt.report().fields).toEqual([]);
  });
});
