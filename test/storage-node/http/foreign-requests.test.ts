import { describe, expect, it } from "vitest";
import { encodeBatchRequest } from "../../../src/wire/batch/batch-body.js";
import { assignments, get, put } from "../operations.js";
import { runNode } from "../running-node.js";

const entry = "/shard/2/store/user123";
const assigned = JSON.stringify(assignments(1, { 2: 5 }));

/** All requests of a gateway that read or change something. */
const requests = [
  ["/batch", { method: "POST", body: encodeBatchRequest([put("a", "1"), get("a")]) }],
  [entry, { method: "GET" }],
  [entry, { method: "PUT", body: "2" }],
  [entry, { method: "DELETE" }],
  ["/shard/2/store", { method: "GET" }],
  ["/shards", { method: "GET" }],
  ["/assignments", { method: "PUT", body: assigned }],
] as const;

describe("a request for another storage node", () => {
  it.each(requests)("is refused and runs nothing: %s %j", async (path, request) => {
    const { send, engine } = await runNode({ name: "b" });
    const answer = await send(path, { ...request, headers: { "x-shardgate-node": "a" } });
    expect([answer.status, answer.json()]).toMatchObject([
      409,
      { code: "NODE_CONFLICT", detail: "This storage node is b, not a.", node: "b" },
    ]);
    expect([engine.reads, engine.writes]).toEqual([[], []]);
    expect((await send("/shards")).json()).toEqual({ shards: [] });
  });

  it("is refused even before the start is acknowledged", async () => {
    const { send } = await runNode({ name: "b", gatewayUrls: ["http://127.0.0.1:9"] });
    const answer = await send("/assignments", { method: "PUT", body: assigned, headers: { "x-shardgate-node": "a" } });
    expect([answer.status, answer.json()["code"]]).toEqual([409, "NODE_CONFLICT"]);
  });

  it("is answered when it only asks for health or metrics", async () => {
    const { send } = await runNode({ name: "b" });
    const headers = { "x-shardgate-node": "a", "x-shardgate-cluster": "c1" };
    const health = await send("/health", { headers });
    expect([health.status, health.json()["id"]]).toEqual([200, "b"]);
    expect((await send("/metrics", { headers })).status).toBe(200);
  });
});

describe("a request for this storage node", () => {
  it("is answered, as is one that names no storage node", async () => {
    const { send, putValue } = await runNode({ name: "b" });
    expect((await putValue(entry, "1", { "x-shardgate-node": "b" })).status).toBe(201);
    expect((await send(entry)).text).toBe("1");
  });
});

describe("a request of a cluster's gateway", () => {
  it.each(requests)("is refused by a storage node without a gateway: %s %j", async (path, request) => {
    const { send, engine } = await runNode();
    const headers = { "x-shardgate-cluster": "c1", "x-shardgate-node": "node1" };
    const answer = await send(path, { ...request, headers });
    expect([answer.status, answer.json()]).toMatchObject([
      409,
      {
        code: "CLUSTER_MISMATCH",
        detail: "This storage node was started without --gateway and serves no cluster.",
      },
    ]);
    expect([engine.reads, engine.writes]).toEqual([[], []]);
    expect((await send("/shards")).json()).toEqual({ shards: [] });
  });
});
