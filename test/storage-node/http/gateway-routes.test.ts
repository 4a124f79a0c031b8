import { describe, expect, it } from "vitest";
import { nodeBatchBodyBytesMax } from "../../../src/core/limits.js";
import type { JsonText } from "../../../src/core/text/json-text.js";
import type { RoutedOperation } from "../../../src/core/operation.js";
import { decodeBatchAnswer, encodeBatchRequest } from "../../../src/wire/batch/batch-body.js";
import { assignments, get, put, remove, scan } from "../operations.js";
import type { Answer } from "../raw-http.js";
import { runNode } from "../running-node.js";

describe("POST /batch", () => {
  it("answers one outcome per operation over many shards", async () => {
    const { send } = await runNode();
    const batch = [put("a", '"ä"', { shard: 1 }), put("b", "2"), get("a", null, 1), remove("none"), get("b"), scan()];
    const answer = await send("/batch", { method: "POST", body: encodeBatchRequest(batch) });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/vnd.shardgate.batch");
    expect(decodeBatchAnswer(answer.body, batch)).toMatchObject([
      { kind: "written", isNew: true },
      { kind: "written", isNew: true },
      { kind: "found", entry: { value: '"ä"', version: "1" } },
      { kind: "notFound" },
      { kind: "found", entry: { value: "2" } },
      { kind: "page", entries: [{ key: "b" }], hasMore: false },
    ]);
  });

  it("refuses a bad operation alone and runs the others", async () => {
    const { send } = await runNode();
    const batch: RoutedOperation[] = [
      put("a", "1"),
      put("b", "{" as JsonText),
      put("\u0000", "3"),
      get("..", 1),
      put("d", "4"),
    ];
    const answer = await send("/batch", { method: "POST", body: encodeBatchRequest(batch) });
    expect(decodeBatchAnswer(answer.body, batch)).toMatchObject([
      { kind: "written" },
      { kind: "refused", code: "INVALID_VALUE" },
      { kind: "refused", code: "INVALID_KEY" },
      { kind: "refused", code: "INVALID_KEY" },
      { kind: "written" },
    ]);
    expect((await send("/shard/2/store")).json()["entries"]).toMatchObject([{ key: "a" }, { key: "d", value: 4 }]);
  });

  it("runs 1000 operations in one commit, and refuses more", async () => {
    const { send, engine } = await runNode();
    const batch = Array.from({ length: 1000 }, (_, index) => put(`k${index}`, `${index}`, { shard: index % 64 }));
    const answer = await send("/batch", { method: "POST", body: encodeBatchRequest(batch) });
    expect(decodeBatchAnswer(answer.body, batch).every(({ kind }) => kind === "written")).toBe(true);
    expect(engine.writes).toEqual([1000]);
    const tooMany = await send("/batch", { method: "POST", body: encodeBatchRequest([...batch, get("x")]) });
    expect([tooMany.status, tooMany.json()["code"]]).toEqual([400, "TOO_MANY_KEYS"]);
  });

  it.each(["", "{}", '{"operations":1}\n', "not json\n"])("refuses the body %j", async (body) => {
    const { send } = await runNode();
    const answer = await send("/batch", { method: "POST", body });
    expect([answer.status, answer.json()["code"]]).toEqual([400, "BAD_REQUEST"]);
  });

  it("refuses a whole batch of another cluster, and runs nothing", async () => {
    const { send, engine } = await runNode();
    await send("/assignments", { method: "PUT", body: JSON.stringify(assignments(1, { 2: 5 })) });
    const body = encodeBatchRequest([put("a", "1", { epoch: 5 }), get("a", 5)]);
    const headers = { "x-shardgate-cluster": "c2" };
    const answer = await send("/batch", { method: "POST", body, headers });
    expect([answer.status, answer.json()["code"]]).toEqual([409, "CLUSTER_MISMATCH"]);
    expect([engine.reads, engine.writes]).toEqual([[], []]);
  });

  it("refuses a body that is too long", async () => {
    const { send } = await runNode();
    const answer = await send("/batch", { method: "POST", body: Buffer.alloc(nodeBatchBodyBytesMax + 1) });
    expect([answer.status, answer.json()["code"]]).toEqual([413, "BODY_TOO_LARGE"]);
  });
});

describe("GET /shards", () => {
  it("lists shards with their claims, keys and bytes", async () => {
    const ofClaim = { releasedEpoch: 0, lineage: 0, sealedFor: null };
    const { send, putValue } = await runNode();
    await send("/assignments", { method: "PUT", body: JSON.stringify(assignments(1, { 1: 3, 2: 5 })) });
    await putValue("/shard/2/store/ab", "123");
    expect((await send("/shards")).json()).toEqual({
      shards: [
        { shardId: 1, epoch: 3, keyCount: 0, sizeBytes: 0, sequence: 2 * 2 ** 32, ...ofClaim },
        { shardId: 2, epoch: 5, keyCount: 1, sizeBytes: 5, sequence: 4 * 2 ** 32 + 1, ...ofClaim },
      ],
    });
  });
});

describe("GET /health", () => {
  it("describes the node and its capabilities", async () => {
    const { send } = await runNode();
    const answer = await send("/health");
    expect([answer.status, answer.json()]).toEqual([
      200,
      {
        status: "ok",
        protocol: "shardgate/1",
        engine: "scripted",
        id: "node1",
        capabilities: ["batch", "scan", "ttl", "conditions", "frames"],
        clusterId: null,
        storeId: "store1",
        isAcknowledged: false,
      },
    ]);
  });

  it("names the cluster, and reports that the start is not acknowledged yet", async () => {
    const { send } = await runNode();
    await send("/assignments", { method: "PUT", body: JSON.stringify(assignments(1, { 1: 3 })) });
    expect((await send("/health")).json()).toMatchObject({ clusterId: "c1", isAcknowledged: false });
    const { send: ask } = await runNode({ gatewayUrls: ["http://127.0.0.1:9"] });
    expect((await ask("/health")).json()).toMatchObject({ clusterId: null, isAcknowledged: false });
  });

  it("answers from the last known state while the engine fails", async () => {
    const worker = { isFirst: false, count: 2, metricsText: async () => "" };
    const { send, engine } = await runNode({ worker });
    engine.stateFailure = new Error("No disk.");
    expect((await send("/health")).status).toBe(200);
  });
});

describe("PUT /assignments", () => {
  it("refuses assignments of another cluster", async () => {
    const { send } = await runNode();
    const assign = (body: object): Promise<Answer> =>
      send("/assignments", { method: "PUT", body: JSON.stringify(body) });
    expect((await assign(assignments(1, { 1: 3 }))).status).toBe(204);
    const foreign = await assign({ ...assignments(2, {}), clusterId: "c2" });
    expect([foreign.status, foreign.json()["code"]]).toEqual([409, "CLUSTER_MISMATCH"]);
  });

  it.each(["", "{", "[]", "null", '{"clusterId":"c1"}'])("refuses the body %j", async (body) => {
    const { send } = await runNode();
    const answer = await send("/assignments", { method: "PUT", body });
    expect([answer.status, answer.json()["code"]]).toEqual([400, "BAD_REQUEST"]);
  });
});
