import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { membershipBodyBytesMax } from "../../../../src/core/limits.js";
import { startTestGateway, type TestGateway } from "../../test-gateway.js";
import { postJson, rawRequest, type RawAnswer } from "../raw-request.js";
import { suspectAfterMs, downAfterMs } from "../../../../src/registry/liveness.js";

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startTestGateway({ nodesMin: 2 });
});
afterEach(() => gateway.close());

const get = (target: string): Promise<RawAnswer> => rawRequest(gateway.url, target);
const post = (target: string, body: unknown): Promise<RawAnswer> => postJson(gateway.url, target, body);
const remove = (target: string): Promise<RawAnswer> => rawRequest(gateway.url, target, { method: "DELETE" });

describe("GET /shards", () => {
  it("has one row per assignment, and rows for shards without an owner", async () => {
    expect((await get("/shards")).json()).toEqual({
      shardCount: 4,
      version: 2,
      shards: [0, 1, 2, 3].map((shardId) => {
        return { shardId, nodeId: null, isPrimary: false, epoch: 0, lineage: 0, state: "UNASSIGNED" };
      }),
    });
    await gateway.register("node1", "node2");
    expect((await get("/shards")).json()).toEqual({
      shardCount: 4,
      version: 5,
      shards: [0, 1, 2, 3].map((shardId) => {
        const nodeId = shardId < 2 ? "node1" : "node2";
        return { shardId, nodeId, isPrimary: true, epoch: 1, lineage: 0, state: "ACTIVE" };
      }),
    });
    await gateway.clock.advance(downAfterMs);
    expect((await get("/shards")).json()).toMatchObject({
      shards: [{ nodeId: "node1", state: "UNAVAILABLE" }, {}, {}, {}],
    });
  });
});

describe("POST /shards/assign", () => {
  it("assigns an empty shard to another node and answers with its row", async () => {
    await gateway.register("node1", "node2");
    const answer = await post("/shards/assign", { shardId: 0, nodeId: "node2", isPrimary: true, force: false });
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({
      shardId: 0,
      nodeId: "node2",
      isPrimary: true,
      epoch: 2,
      lineage: 0,
      state: "ACTIVE",
    });
  });

  it("refuses to hide data unless forced, and checks the epoch", async () => {
    await gateway.register("node1", "node2");
    await rawRequest(gateway.url, "/data/user123", { method: "PUT", body: "1" });
    const wish = { shardId: 2, nodeId: "node1" };
    expect((await post("/shards/assign", wish)).json()).toMatchObject({
      status: 409,
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      shard: 2,
      node: "node2",
    });
    expect((await post("/shards/assign", { ...wish, force: true, ifEpoch: 7 })).json()).toMatchObject({
      status: 409,
      code: "EPOCH_CONFLICT",
      epoch: 1,
    });
    expect((await post("/shards/assign", { ...wish, force: true, ifEpoch: 1 })).json()).toMatchObject({
      epoch: 2,
      lineage: 1,
    });
    expect((await get("/data/user123")).headers).toMatchObject({ "x-shard": "2", "x-node": "node1" });
  });

  it.each([
    [{ nodeId: "node1" }, 400, "Field `shardId` of the body is missing."],
    [{ shardId: "0", nodeId: "node1" }, 400, "Field `shardId` of the body must be integer."],
    [{ shardId: 1.5, nodeId: "node1" }, 400, "Field `shardId` of the body must be integer."],
    [{ shardId: 0, nodeId: null }, 400, "Field `nodeId` of the body must be string."],
    [{ shardId: 0, nodeId: "node1", force: "true" }, 400, "Field `force` of the body must be boolean."],
    [[], 400, "The body must be object."],
    [{ shardId: 0, nodeId: "a b" }, 400, "a b"],
    [{ shardId: 4, nodeId: "node1" }, 404, "Shard 4 does not exist"],
    [{ shardId: 0, nodeId: "node9" }, 404, "node9"],
    [{ shardId: 0, nodeId: "node1", isPrimary: false }, 501, "Replicas are not supported yet"],
  ])("refuses %j", async (body, status, detail) => {
    await gateway.register("node1");
    const answer = await post("/shards/assign", body);
    expect(answer.json()).toMatchObject({ status, detail: expect.stringContaining(detail) });
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
  });
});

describe("/nodes", () => {
  it("lists the gateway's facts of each node", async () => {
    expect((await get("/nodes")).json()).toEqual({ nodes: [] });
    await gateway.register("node1", "node2");
    const lastSeenAt = new Date(gateway.clock.nowMs()).toISOString();
    await gateway.clock.advance(suspectAfterMs);
    const rows = (await get("/nodes")).json();
    const ofStore = { isStoreShared: false, isDraining: false };
    const facts = { ...ofStore, state: "SUSPECT", lastSeenAt, latencyMs: null, problem: null, staleShards: [] };
    expect(rows).toEqual({
      nodes: [
        { id: "node1", url: "http://node1:8000", storeId: "store-node1", shards: [0, 1], ...facts },
        { id: "node2", url: "http://node2:8000", storeId: "store-node2", shards: [2, 3], ...facts },
      ],
    });
  });

  it("reports why a node may not serve, and accepts it with its data once the loss is accepted", async () => {
    await gateway.register("node1", "node2");
    expect((await post("/nodes/node1/accept-loss", {})).json()).toMatchObject({ status: 400, code: "BAD_REQUEST" });
    const empty = { id: "node1", url: "http://node1:8000", incarnation: "2", storeId: "new", starts: ["2"] };
    expect((await post("/nodes", empty)).json()).toMatchObject({
      status: 409,
      code: "STORE_NOT_RECOGNIZED",
      node: "node1",
      storeId: "new",
      knownStoreId: "store-node1",
      shards: [0, 1],
    });
    const problem = {
      code: "STORE_NOT_RECOGNIZED",
      message: expect.stringContaining("node1"),
      advice: expect.stringContaining("shardgate node accept-loss node1"),
      shards: [0, 1],
      storeId: "new",
    };
    expect((await get("/nodes")).json()).toMatchObject({ nodes: [{ id: "node1", state: "UP", problem }, {}] });
    expect((await get("/metrics")).text).toContain("shardgate_storage_nodes_with_problem 1");
    const accepted = await rawRequest(gateway.url, "/nodes/node1/accept-loss", { method: "POST" });
    expect(accepted).toMatchObject({ status: 200, text: '{"id":"node1"}' });
    expect((await post("/nodes", empty)).json()).toMatchObject({ shards: [{ epoch: 2, lineage: 1 }, {}] });
    expect((await get("/nodes")).json()).toMatchObject({ nodes: [{ problem: null }, {}] });
  });

  it("drains a storage node and undoes that, and answers the shards that it still owns", async () => {
    await gateway.register("node1", "node2");
    const asked: unknown[] = [];
    Object.assign(gateway.services.membership, {
      drain: async (name: string, isUndone: boolean) => {
        asked.push([name, isUndone]);
        return isUndone ? [] : [1, 2];
      },
    });
    const drained = await rawRequest(gateway.url, "/nodes/node1/drain", { method: "POST" });
    expect(drained).toMatchObject({ status: 200, text: '{"id":"node1","isDraining":true,"shards":[1,2]}' });
    const undone = await rawRequest(gateway.url, "/nodes/node1/drain", { method: "DELETE" });
    expect(undone).toMatchObject({ status: 200, text: '{"id":"node1","isDraining":false,"shards":[]}' });
    expect(asked).toEqual([
      ["node1", false],
      ["node1", true],
    ]);
    expect((await get("/nodes")).json()).toMatchObject({ nodes: [{ isDraining: false, isStoreShared: false }, {}] });
  });

  it("lists a node that was never heard from", async () => {
    gateway.node("node1").injectFault = () => {
      throw new Error("nobody is there");
    };
    await post("/nodes", { id: "node1", url: "http://node1:8000/" });
    expect((await get("/nodes")).json()).toMatchObject({ nodes: [{ url: "http://node1:8000", lastSeenAt: null }] });
  });

  it("reports a registration as new only once", async () => {
    const registration = {
      id: "node1",
      url: "http://node1:8000",
      incarnation: "i",
      clusterId: null,
      shards: [],
      later: 1,
    };
    const first = await post("/nodes", registration);
    expect(first.status).toBe(201);
    expect(first.json()).toEqual({ clusterId: "c1", shardCount: 4, mapVersion: 3, shards: [] });
    expect((await post("/nodes", registration)).status).toBe(200);
  });

  it.each([
    [{ url: "http://a" }, "Field `id` of the body is missing."],
    [{ id: "node1", url: 5 }, "Field `url` of the body must be string."],
    [{ id: "node1", url: "http://a", shards: [{ shardId: 0, epoch: 1, sizeBytes: 0 }] }, "Field `shards/0/keyCount`"],
    [{ id: "node1", url: "http://a", shards: [{ shardId: 0 }] }, "Field `shards/0/epoch` of the body is missing."],
    [{ id: "node1", url: "http://a", mapVersion: 2 ** 40 }, "Field `mapVersion` of the body must be <="],
    [{ id: "node1", url: "http://a", starts: [1] }, "Field `starts/0` of the body must be string."],
    [{ id: "node1", url: "http://a", shards: {} }, "Field `shards` of the body must be array."],
    [{ id: "node1", url: "http://user:secret@a" }, ""],
    [{ id: "node1", url: "http://169.254.169.254" }, ""],
    [{ id: "..", url: "http://a" }, ".."],
    [{ id: "x".repeat(64), url: "http://a" }, "Field `id` of the body must NOT have more than 63 characters."],
  ])("refuses to register %j", async (body, detail) => {
    const answer = await post("/nodes", body);
    expect(answer.json()).toMatchObject({ status: 400, code: "BAD_REQUEST", detail: expect.stringContaining(detail) });
    expect((await get("/nodes")).json()).toEqual({ nodes: [] });
  });

  it("refuses a node of another cluster, and another process with the name of a live node", async () => {
    await gateway.register("node1", "node2");
    expect((await post("/nodes", { id: "node3", url: "http://b", clusterId: "other" })).json()).toMatchObject({
      status: 409,
      code: "CLUSTER_MISMATCH",
    });
    expect((await post("/nodes", { id: "node1", url: "http://b" })).json()).toMatchObject({
      status: 409,
      code: "NODE_CONFLICT",
    });
  });

  it("removes a node when forced, or when it is down and owns no shard", async () => {
    await gateway.register("node1", "node2");
    expect((await remove("/nodes/node1")).json()).toMatchObject({ status: 409, code: "ASSIGNMENT_WOULD_HIDE_DATA" });
    expect((await remove("/nodes/node1?force=yes")).json()).toMatchObject({
      status: 400,
      detail: expect.stringContaining("Field `force` of the query must be equal to one of the allowed values"),
    });
    expect((await remove("/nodes/node1?force=false")).status).toBe(409);
    expect((await remove("/nodes/node1?force=true")).json()).toEqual({ id: "node1", unassignedShards: [0, 1] });
    expect((await remove("/nodes/node1")).json()).toMatchObject({ status: 404, code: "NODE_NOT_FOUND" });
    await gateway.clock.advance(downAfterMs);
    expect((await remove("/nodes/node2")).json()).toMatchObject({ status: 409, code: "ASSIGNMENT_WOULD_HIDE_DATA" });
    await post("/nodes", { id: "node3", url: "http://node3:8000" });
    expect((await remove("/nodes/node3")).status).toBe(200);
  });

  it("accepts heartbeats with and without a body", async () => {
    await gateway.register("node1");
    gateway.node("plain", "plain");
    expect((await post("/nodes", { id: "plain", url: "http://plain:8000" })).status).toBe(201);
    const bare = await rawRequest(gateway.url, "/nodes/plain/heartbeat", { method: "POST" });
    expect(bare.json()).toMatchObject({ clusterId: "c1", shardCount: 4 });
    const claimed = { method: "POST", headers: { "content-type": "application/json" } };
    expect((await rawRequest(gateway.url, "/nodes/plain/heartbeat", claimed)).status).toBe(200);
    expect((await post("/nodes/node1/heartbeat", {})).json()).toMatchObject({ status: 404, code: "NODE_NOT_FOUND" });
    const { version: mapVersion } = gateway.registry.map;
    const current = await post("/nodes/node1/heartbeat", { incarnation: "node1", mapVersion, exhausted: [] });
    expect(current.json()).toEqual({ clusterId: "c1", shardCount: 4, mapVersion });
    expect((await post("/nodes/node1/heartbeat", { incarnation: "other" })).json()).toMatchObject({
      code: "NODE_CONFLICT",
    });
    expect((await post("/nodes/node9/heartbeat", {})).json()).toMatchObject({ status: 404, code: "NODE_NOT_FOUND" });
    expect((await post("/nodes/a%20b/heartbeat", {})).json()).toMatchObject({ status: 400, code: "BAD_REQUEST" });
  });
});

describe("what a storage node is answered", () => {
  it("names the gateway that leads, where its URL is known", async () => {
    const node = { id: "node1", url: "http://node1:8000", incarnation: "node1" };
    expect((await post("/nodes", node)).json()).not.toHaveProperty("leader");
    const leader = await startTestGateway({ ownUrl: "http://gateway1:4000" });
    leader.node("node1");
    expect((await postJson(leader.url, "/nodes", node)).json()).toMatchObject({ leader: "http://gateway1:4000" });
    const heartbeat = await postJson(leader.url, "/nodes/node1/heartbeat", { incarnation: "node1" });
    expect(heartbeat.json()).toMatchObject({ clusterId: "c1", leader: "http://gateway1:4000" });
    await leader.close();
  });
});

describe("a REST request that is refused before its handler", () => {
  it("gets 404 for an unknown path, and 405 with Allow for an unsupported method", async () => {
    const missing = await get("/nothing?here=1");
    expect(missing.json()).toMatchObject({
      status: 404,
      code: "NOT_FOUND",
      detail: "There is no route /nothing.",
    });
    expect(missing.headers).not.toHaveProperty("allow");
    for (const [method, target, allow] of [
      ["POST", "/data/k", "DELETE, GET, HEAD, PUT"],
      ["PATCH", "/data/a%2Fb", "DELETE, GET, HEAD, PUT"],
      ["PUT", "/shards", "GET, HEAD"],
      ["GET", "/shards/assign", "POST"],
      ["DELETE", "/nodes", "GET, HEAD, POST"],
      ["OPTIONS", "/nodes/x", "DELETE"],
    ] as const) {
      const answer = await rawRequest(gateway.url, target, { method });
      expect([target, answer.status, answer.headers["allow"]]).toEqual([target, 405, allow]);
      expect(answer.json()).toMatchObject({ code: "METHOD_NOT_ALLOWED" });
    }
  });

  it.each([
    ["/data/country/FRA", "/data/country%2FFRA."],
    ["/data/a%2Fb/c/?ttl=1", "/data/a%2Fb%2Fc%2F."],
    [`/data/a/${"x".repeat(300)}`, `/data/a%2F${"x".repeat(246)}…`],
  ])("learns how to write a key with slashes: %s", async (target, path) => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const problem = (await rawRequest(gateway.url, target, { method })).json();
      expect(problem).toMatchObject({ status: 404, code: "NOT_FOUND", detail: expect.stringContaining(path) });
    }
    expect((await get("/shards/country/FRA")).json()["detail"]).toBe("There is no route /shards/country/FRA.");
  });

  it("gets 415 for another media type, 413 for a long body, and 400 for invalid JSON", async () => {
    const send = (type: string, body: string): Promise<RawAnswer> =>
      rawRequest(gateway.url, "/nodes", { method: "POST", headers: { "content-type": type }, body });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "nonsense"]) {
      expect((await send(type, "{}")).json()).toMatchObject({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" });
    }
    expect((await rawRequest(gateway.url, "/nodes", { method: "POST", body: "{}" })).status).toBe(415);
    const long = await send("application/json", `"${"x".repeat(membershipBodyBytesMax)}"`);
    expect(long.json()).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" });
    const broken = await send("application/json", "{");
    expect(broken.json()).toMatchObject({
      status: 400,
      code: "BAD_REQUEST",
      detail: expect.stringContaining("not JSON"),
    });
    expect((await send("application/json", "")).json()).toMatchObject({
      status: 400,
      detail: "The body must be object.",
    });
    expect((await send("application/json; charset=utf-8", '{"id":"n","url":"http://a"}')).status).toBe(201);
  });

  it("gets 400 for a path that cannot be decoded", async () => {
    expect((await remove("/nodes/%zz")).json()).toMatchObject({ status: 400, code: "BAD_REQUEST" });
  });

  it("is answered with its id: the client's if it is harmless, else a generated one", async () => {
    const idOf = async (told: string): Promise<unknown> =>
      (await rawRequest(gateway.url, "/health", { headers: { "x-request-id": told } })).headers["x-request-id"];
    expect(await idOf("Abc-1._z")).toBe("Abc-1._z");
    expect(await idOf("x".repeat(64))).toBe("x".repeat(64));
    const own = [await idOf("x".repeat(65)), await idOf("a b"), await idOf("<script>"), await idOf("")];
    own.push((await get("/nothing")).headers["x-request-id"], (await remove("/nodes/%zz")).headers["x-request-id"]);
    expect(new Set(own).size).toBe(own.length);
    for (const id of own) expect(id).toMatch(/^[0-9a-z]+-[0-9a-z]+$/);
    expect(gateway.log.lines).toContainEqual({
      level: "debug",
      message: "A REST request was answered.",
      facts: expect.objectContaining({ requestId: "Abc-1._z", method: "GET", route: "/health", status: 200 }),
    });
  });
});

describe("/gateways", () => {
  const beat = { url: "http://g2:4000", mapVersion: 1, leaderId: "l1", seen: [], refused: [] };

  it("lists the gateways that the leader has seen in the last minute", async () => {
    const own = { name: null, url: null, isLeader: true, mapVersion: 2, lastSeenAt: "2026-01-31T12:00:00.000Z" };
    expect((await get("/gateways")).json()).toEqual({ gateways: [own] });
    expect((await post("/gateways/g2:4000/beat", beat)).status).toBe(200);
    const other = { name: "g2:4000", url: "http://g2:4000", isLeader: false, mapVersion: 1 };
    expect((await get("/gateways")).json()).toEqual({ gateways: [own, { ...other, lastSeenAt: own.lastSeenAt }] });
    await gateway.clock.advance(60_000);
    expect((await get("/gateways")).json()).toMatchObject({ gateways: [{ isLeader: true }] });
  });

  it("takes a beat of the largest cluster, and of a gateway that has the name of another route", async () => {
    const nodes = Array.from({ length: 2_000 }, (_, index) => `${"n".repeat(58)}-${1_000 + index}`);
    const full = { ...beat, seen: nodes.map((node) => [node, 1_000]), refused: nodes };
    expect((await post("/gateways/leader/beat", full)).status).toBe(200);
    expect((await post("/gateways/%5B::1%5D:4000/beat", full)).status).toBe(200);
  });

  it("takes a registration and a question about all shards of the largest cluster", async () => {
    const shards = Array.from({ length: 16_384 }, (_, shardId) => {
      const claim = { epoch: 2 ** 21 - 1, releasedEpoch: 2 ** 21 - 2, lineage: 1_000, sequence: 2 ** 32 };
      return { shardId, keyCount: 1_000_000_000, sizeBytes: 1_000_000_000_000, sealedFor: null, ...claim };
    });
    const starts = Array.from({ length: 1_000 }, (_, start) => `${"s".repeat(32)}${start}`);
    const identity = { incarnation: starts[0], storeId: "store", starts };
    const registration = { id: "node1", url: "http://node1:8000", shardCount: 16_384, shards, ...identity };
    const refused = (await post("/gateways/leader/register", registration)).json();
    expect(refused).toMatchObject({ code: "SHARD_COUNT_MISMATCH" });
    const all = shards.map(({ shardId }) => shardId);
    expect((await post("/gateways/leader/histories", { shards: all })).json()).toMatchObject({
      histories: { length: 16_384 },
    });
  });

  it.each([
    ["no object", []],
    ["a member too few", { ...beat, refused: undefined }],
    ["a URL that is none", { ...beat, url: "javascript:alert(1)" }],
    ["a URL with a password", { ...beat, url: "http://a:b@g2" }],
    ["a version that is none", { ...beat, mapVersion: -1 }],
    ["a leader that is none", { ...beat, leaderId: 7 }],
    ["a long id of a leader", { ...beat, leaderId: "x".repeat(129) }],
    ["verdicts that are none", { ...beat, seen: {} }],
    ["a verdict without a time", { ...beat, seen: [["node1"]] }],
    ["a verdict with more", { ...beat, seen: [["node1", 1, 2]] }],
    ["a verdict of the future", { ...beat, seen: [["node1", -1]] }],
    ["a verdict that is no list", { ...beat, seen: [{ 0: "node1", 1: 1, length: 2 }] }],
    ["a verdict of no storage node", { ...beat, seen: [["", 1]] }],
    [
      "more verdicts than there are storage nodes",
      { ...beat, seen: Array.from({ length: 2_001 }, () => ["node1", 1]) },
    ],
    ["more refusals than there are storage nodes", { ...beat, refused: Array(2_001).fill("node1") }],
    ["a long name of a storage node", { ...beat, refused: ["n".repeat(64)] }],
  ])("refuses a beat with %s", async (_what, body) => {
    expect((await post("/gateways/g2/beat", body)).json()).toMatchObject({ code: "BAD_REQUEST" });
    expect((await get("/gateways")).json()).toMatchObject({ gateways: [{ isLeader: true }] });
  });

  it("refuses a beat of a gateway whose name is none, and of one that follows another leader", async () => {
    for (const name of ["%00", "a%20b", "x".repeat(261), ".."]) {
      expect([name, (await post(`/gateways/${name}/beat`, beat)).status]).not.toEqual([name, 200]);
    }
    for (const leaderId of [null, "l0"]) {
      const refused = await post("/gateways/g2/beat", { ...beat, leaderId });
      expect([refused.status, refused.json()]).toMatchObject([409, { code: "REGISTRY_CONFLICT" }]);
    }
  });

  it("refuses a beat that is longer than a registration may be", async () => {
    const refused = await post("/gateways/g2/beat", { ...beat, more: "x".repeat(membershipBodyBytesMax) });
    expect(refused.status).toBe(413);
  });

  it.each([
    ["register", { id: "node1" }],
    ["heartbeat", { name: "node1" }],
    ["heartbeat", { name: "node1", heartbeat: { mapVersion: "1" } }],
    ["remove", { name: "no/de", isForced: true }],
    ["remove", { name: "node1", isForced: 1 }],
    ["assign", { shard: 0.5, node: "node1", isPrimary: true, ifEpoch: null, isForced: false }],
    ["assign", { shard: 0, node: "node1", isPrimary: true, isForced: false }],
    ["acceptLoss", {}],
    ["histories", { shards: Array(16_385).fill(0) }],
    ["histories", { shards: [16_384] }],
    ["refresh", { node: "" }],
    ["refresh", undefined],
  ])("refuses a body that no gateway sends with %s: %j", async (command, body) => {
    expect((await post(`/gateways/leader/${command}`, body)).json()).toMatchObject({ code: "BAD_REQUEST" });
  });

  it("has no other commands", async () => {
    expect((await post("/gateways/leader/constructor", {})).status).toBe(404);
    expect((await post("/gateways/leader/beatFrom", {})).status).toBe(404);
  });
});
