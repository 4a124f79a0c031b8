import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../../test-gateway.js";
import { rawRequest, type RawAnswer } from "../raw-request.js";
import { downAfterMs } from "../../../../src/registry/liveness.js";

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startTestGateway({ nodesMin: 2, shardCount: 12 });
});
afterEach(() => gateway.close());

const get = (target: string): Promise<RawAnswer> => rawRequest(gateway.url, target);

/** Of a gateway that leads alone. */
const standing = { isLeading: true, leader: { name: null, url: null }, isRegistryReachable: true };

describe("GET /health and GET /ready", () => {
  it("reports a live gateway before it is ready", async () => {
    expect(await get("/health")).toMatchObject({
      status: 200,
      text: '{"status":"ok","protocol":"shardgate-gateway/1"}',
    });
    const unready = await get("/ready");
    expect(unready.json()).toMatchObject({
      status: 503,
      code: "SHARD_UNAVAILABLE",
      detail: expect.stringMatching(/^12 of 12 shards have no live storage node: 0 \(no node\), .*, and 2 more\.$/),
      missing: Array.from({ length: 12 }, (_, shardId) => ({ shardId, nodeId: null, state: "UNASSIGNED" })),
    });
    expect(unready.headers["retry-after"]).toBe("1");
  });

  it("reports ready while every shard has a live primary, and degraded while some have", async () => {
    await gateway.register("node1", "node2");
    const ready = await get("/ready");
    expect(ready.status).toBe(200);
    expect(ready.json()).toEqual({ status: "ready", problems: [], ...standing });
    await gateway.clock.advance(downAfterMs);
    gateway.services.membership.heartbeat("node1", { incarnation: "node1" });
    const degraded = await get("/ready");
    expect(degraded.status).toBe(200);
    expect(degraded.json()).toEqual({
      status: "degraded",
      problems: [
        {
          node: "node2",
          store: "store-node2",
          shards: [2, 3, 6, 7, 8, 9],
          code: "SHARD_UNAVAILABLE",
          message: "Storage node node2 does not respond; its shards cannot be served.",
          advice: "Check the storage node's process and its log.",
        },
      ],
      ...standing,
    });
    await gateway.clock.advance(downAfterMs);
    expect((await get("/ready")).json()).toMatchObject({
      status: 503,
      detail: expect.stringContaining(
        "12 of 12 shards have no live storage node: 0 (of node1), 1 (of node1), 2 (of node2),",
      ),
      problems: [{ node: "node1" }, { node: "node2" }],
    });
    expect((await rawRequest(gateway.url, "/ready", { method: "HEAD" })).status).toBe(503);
    // A probe asks every second or so.
    const told = gateway.log.lines.filter(({ facts }) => facts["url"] === "/ready" || facts["code"] !== undefined);
    expect(told).toEqual([]);
  });
});

describe("GET /metrics", () => {
  it("counts requests by route and status, batches by node, and shards by state", async () => {
    await gateway.register("node1", "node2");
    for (const key of ["a", "b", "c"]) await get(`/data/${key}`);
    await get("/nothing");
    await gateway.clock.advance(downAfterMs);
    gateway.services.membership.heartbeat("node1", { incarnation: "node1" });
    const { headers, text } = await get("/metrics");
    expect(headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain('shardgate_requests_total{route="/data/:key",method="GET",status="404"} 3');
    expect(text).toContain('shardgate_requests_total{route="unknown",method="GET",status="404"} 1');
    expect(text).toContain('shardgate_shards{state="ACTIVE"} 6');
    expect(text).toContain('shardgate_shards{state="UNAVAILABLE"} 6');
    expect(text).toContain("process_cpu_seconds_total");
    expect(text).not.toContain("nothing");
    const { metrics } = gateway.services;
    expect(await metrics.total("shardgate_node_operations_total")).toBe(3);
    const perNode = await Promise.all(
      ["node1", "node2"].map((node) => metrics.total("shardgate_node_operations_total", { node })),
    );
    expect(perNode[0] ?? 0).toBe(gateway.node("node1").batches.flat().length);
    expect((perNode[0] ?? 0) + (perNode[1] ?? 0)).toBe(3);
  });
});

describe("GET /openapi.json", () => {
  interface Operation {
    readonly operationId: string;
    readonly summary: string;
    readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
    readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: unknown }>> };
    readonly responses: Readonly<
      Record<string, { readonly description: string; readonly content?: Readonly<Record<string, unknown>> }>
    >;
  }
  interface Document {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
  }
  const read = async (): Promise<Document> => (await get("/openapi.json")).json() as unknown as Document;
  const operationsOf = ({ paths }: Document): readonly (readonly [string, Operation])[] =>
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    );

  it("describes every route that exists and no other", async () => {
    const document = await read();
    expect(document.openapi).toBe("3.1.0");
    expect(
      operationsOf(document)
        .map(([name]) => name)
        .toSorted(),
    ).toEqual([
      "DELETE /data/{key}",
      "DELETE /nodes/{id}",
      "DELETE /nodes/{id}/drain",
      "GET /data",
      "GET /data/{key}",
      "GET /gateways",
      "GET /health",
      "GET /metrics",
      "GET /nodes",
      "GET /openapi.json",
      "GET /ready",
      "GET /shards",
      "HEAD /data/{key}",
      "POST /gateways/leader/acceptLoss",
      "POST /gateways/leader/assign",
      "POST /gateways/leader/drain",
      "POST /gateways/leader/heartbeat",
      "POST /gateways/leader/histories",
      "POST /gateways/leader/refresh",
      "POST /gateways/leader/register",
      "POST /gateways/leader/remove",
      "POST /gateways/{name}/beat",
      "POST /nodes",
      "POST /nodes/{id}/accept-loss",
      "POST /nodes/{id}/drain",
      "POST /nodes/{id}/heartbeat",
      "POST /shards/assign",
      "PUT /data/{key}",
    ]);
    for (const [name] of operationsOf(document)) {
      const [method = "", path = ""] = name.split(" ");
      const answer = await rawRequest(gateway.url, path.replace(/\{\w+\}/, "x"), { method });
      expect([name, [404, 405].includes(answer.status) && answer.text.includes("route")]).toEqual([name, false]);
    }
  });

  it("describes for each route its purpose, its input and its answers", async () => {
    const operations = operationsOf(await read());
    expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length);
    for (const [name, { summary, responses, parameters = [] }] of operations) {
      expect([name, summary]).toEqual([name, expect.stringMatching(/\S/)]);
      const inPath = parameters
        .filter((parameter) => parameter.in === "path")
        .map((parameter) => `{${parameter.name}}`);
      expect(inPath).toEqual(name.match(/\{\w+\}/g) ?? []);
      for (const { description } of parameters) expect(description).toMatch(/\S/);
      const statuses = Object.keys(responses);
      expect(statuses).toEqual(expect.arrayContaining(["400", "500", "503"]));
      expect(statuses.some((status) => status.startsWith("2"))).toBe(true);
      for (const [status, { description, content }] of Object.entries(responses)) {
        expect(description).toMatch(/\S/);
        if (Number(status) >= 400) {
          expect(content).toEqual({ "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } });
        }
      }
    }
  });

  it("names the parameters, bodies and headers of a write", async () => {
    const { put } = (await read()).paths["/data/{key}"] ?? {};
    expect(put?.parameters?.map((parameter) => `${parameter.in} ${parameter.name}`).toSorted()).toEqual([
      "header if-match",
      "header if-none-match",
      "header x-shardgate-trace",
      "path key",
      "query ttl",
    ]);
    expect(Object.keys(put?.requestBody?.content ?? {})).toEqual(["application/json"]);
    expect(Object.keys(put?.responses ?? {})).toEqual(
      expect.arrayContaining(["200", "201", "412", "413", "422", "501"]),
    );
    expect(put?.responses["201"]).toMatchObject({ headers: { etag: {}, "x-shard": {}, "x-node": {} } });
    expect(put?.responses["201"]).not.toHaveProperty("content");
  });

  it("has no dangling references", async () => {
    const document = await read();
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) {
      const [, name = ""] = /^#\/components\/schemas\/(\w+)$/.exec(reference) ?? [];
      expect([reference, Object.hasOwn(document.components.schemas, name)]).toEqual([reference, true]);
    }
    expect(Object.keys(document.components.schemas).toSorted()).toEqual([
      "HostedShard",
      "NodeAssignments",
      "Problem",
      "ShardRow",
    ]);
    expect(JSON.stringify(document)).not.toContain('"$id"');
  });
});
