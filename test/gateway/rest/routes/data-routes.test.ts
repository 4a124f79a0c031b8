import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { requestTimeoutMs, valueBytesMax } from "../../../../src/core/limits.js";
import type { StopSignal } from "../../../../src/core/tasks/stop-signal.js";
import { NodeFault } from "../../../../src/routing/node-client/node-client.js";
import { settle } from "../../../support/fake-clock.js";
import { startTestGateway, type TestGateway } from "../../test-gateway.js";
import { rawRequest, type RawAnswer, type RawOptions } from "../raw-request.js";

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startTestGateway();
  await gateway.register("node1");
});
afterEach(() => gateway.close());

function send(method: string, target: string, options: RawOptions = {}): Promise<RawAnswer> {
  return rawRequest(gateway.url, target, { method, ...options });
}

const refused = new NodeFault("connectionRefused", "connection refused", true);

describe("PUT and GET /data/{key}", () => {
  it("returns the value byte for byte, with its version, times, shard and node", async () => {
    const value = '{ "b": 1.00, "a": [12345678901234567890, "\\u00e9é😀"],\n "toJSON": null }';
    const put = await send("PUT", "/data/user123", { body: value });
    expect(put).toMatchObject({ status: 201, text: "" });
    expect(put.headers).toMatchObject({ etag: '"1"', "x-shard": "2", "x-node": "node1", "content-length": "0" });
    await gateway.clock.advance(1500);
    const got = await send("GET", "/data/user123");
    expect(got).toMatchObject({ status: 200, text: value });
    expect(got.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "content-length": String(Buffer.byteLength(value)),
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      etag: '"1"',
      "last-modified": "Sat, 31 Jan 2026 12:00:00 GMT",
      "x-created-at": "2026-01-31T12:00:00.000Z",
      "x-shard": "2",
      "x-node": "node1",
    });
    expect(got.headers).not.toHaveProperty("x-expires-at");
  });

  it("reports that an entry was replaced", async () => {
    await send("PUT", "/data/k", { body: "1" });
    const put = await send("PUT", "/data/k", { body: "2" });
    expect(put.status).toBe(200);
    expect(put.headers.etag).toBe('"2"');
  });

  it("accepts the value with any media type", async () => {
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "nonsense", ""]) {
      expect((await send("PUT", "/data/k", { body: "1", headers: { "content-type": type } })).status).toBeLessThan(202);
    }
  });

  it("keeps an entry for its time to live", async () => {
    const put = await send("PUT", "/data/k?ttl=60", { body: "1" });
    expect(put.headers["x-expires-at"]).toBe("2026-01-31T12:01:00.000Z");
    await gateway.clock.advance(60_000);
    expect((await send("GET", "/data/k")).status).toBe(404);
  });

  it.each(["/data/k?ttl=0", "/data/k?ttl=1.5", "/data/k?ttl=", "/data/k?ttl=253402300800", "/data/k?ttl=1&ttl=2"])(
    "refuses %s",
    async (target) => {
      const answer = await send("PUT", target, { body: "1" });
      expect(answer.json()).toMatchObject({ status: 400, code: "BAD_REQUEST", detail: expect.stringContaining("ttl") });
      expect((await send("GET", "/data/k")).status).toBe(404);
    },
  );

  it.each([
    ["no JSON", "{a:1}"],
    ["nothing", ""],
    ["a name twice", '{"a":1,"a":2}'],
    ["bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
  ])("refuses %s as a value", async (_what, body) => {
    const answer = await send("PUT", "/data/k", { body });
    expect(answer.status).toBe(422);
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ code: "INVALID_VALUE", isRetryable: false });
  });

  it("refuses a body that cannot be a value", async () => {
    const answer = await send("PUT", "/data/k", { body: Buffer.alloc(valueBytesMax + 1, "1") });
    expect(answer.json()).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" });
  });

  it("accepts a value of maximum length", async () => {
    const value = `"${"x".repeat(valueBytesMax - 2)}"`;
    expect((await send("PUT", "/data/k", { body: value })).status).toBe(201);
    expect((await send("GET", "/data/k")).text).toBe(value);
  });
});

describe("the key of /data/{key}", () => {
  it("is not read from a path that only the router treats as the same", async () => {
    await send("PUT", "/data/a%2Fb", { body: "1" });
    expect((await send("GET", "/%64ata/a%252Fb")).json()).toMatchObject({ status: 404, code: "NOT_FOUND" });
  });

  it("refuses a compressed value", async () => {
    const answer = await send("PUT", "/data/k", { body: "1", headers: { "content-encoding": "gzip" } });
    expect(answer.json()).toMatchObject({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" });
  });

  it.each([
    ["/data/a%2Fb", "a/b"],
    ["/data/a%2fb", "a/b"],
    ["/data/a%252Fb", "a%2Fb"],
    ["/data/%25", "%"],
    ["/data/a+b", "a+b"],
    ["/data/a%20b;c=d:e@f$g&h,i", "a b;c=d:e@f$g&h,i"],
    ["/data/%3F%23", "?#"],
    ["/data/...", "..."],
    ["/data/%C3%A9", "é"],
    ["/data/e%CC%81", "e\u0301"],
    ["/data/%F0%9F%98%80", "😀"],
    ["/data/__proto__", "__proto__"],
    [`/data/${"%F0%9F%98%80".repeat(256)}`, "😀".repeat(256)],
  ])("is decoded once from %s", async (target, key) => {
    expect((await send("PUT", target, { body: "1" })).status).toBe(201);
    const written = gateway
      .node("node1")
      .batches.flat()
      .map(({ operation }) => operation);
    expect(written.at(-1)).toMatchObject({ kind: "put", key });
  });

  it.each([
    "/data/",
    "/data/%zz",
    "/data/%",
    "/data/%C3",
    "/data/%2e%2e",
    "/data/%2e",
    "/data/..",
    "/data/.",
    "/data/%00",
    "/data/a%0Ab",
    "/data/%ED%A0%80",
    `/data/${"k".repeat(1025)}`,
    `/data/${"%F0%9F%98%80".repeat(257)}`,
  ])("is refused in %s", async (target) => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const answer = await send(method, target, method === "PUT" ? { body: "1" } : {});
      expect(answer.json()).toMatchObject({ status: 400, code: "INVALID_KEY" });
      expect(answer.headers).not.toHaveProperty("x-shard");
    }
    expect((await send("HEAD", target)).status).toBe(400);
    expect(gateway.node("node1").batches).toEqual([]);
  });

  it("is refused when it has bytes that were not percent-encoded", async () => {
    const target = Buffer.from("/data/é", "utf8").toString("latin1");
    expect((await send("GET", target)).json()).toMatchObject({ status: 400, code: "BAD_REQUEST" });
  });

  it.each(["/data/a/b", "/data/a/", "//data/a", "/data//a"])(
    "is one whole path segment, so %s is not a route",
    async (target) => {
      expect((await send("GET", target)).json()).toMatchObject({ status: 404, code: "NOT_FOUND" });
    },
  );
});

describe("conditional requests of /data/{key}", () => {
  it("write only under the condition, and otherwise answer with the current version", async () => {
    const put = (headers: Record<string, string>): Promise<RawAnswer> => send("PUT", "/data/k", { body: "1", headers });
    expect((await put({ "if-match": "*" })).json()).toMatchObject({
      status: 412,
      code: "VERSION_CONFLICT",
      version: null,
    });
    expect((await put({ "if-none-match": "*" })).status).toBe(201);
    const conflict = await put({ "if-none-match": "*" });
    expect(conflict.json()).toMatchObject({ status: 412, code: "VERSION_CONFLICT", version: "1" });
    expect(conflict.headers).toMatchObject({ "x-node": "node1" });
    expect((await put({ "if-match": '"1"' })).status).toBe(200);
    expect((await put({ "if-match": '"1"' })).status).toBe(412);
    expect((await put({ "if-match": '"1", "2"' })).json()).toMatchObject({ status: 400, code: "BAD_REQUEST" });
    expect((await send("DELETE", "/data/k", { headers: { "if-match": '"1"' } })).status).toBe(412);
    expect((await send("DELETE", "/data/k", { headers: { "if-match": '"2"' } })).status).toBe(204);
  });

  it("accept the version from a header of its own, and from a tag that a proxy weakened", async () => {
    const put = (tag: string, body: string): Promise<RawAnswer> =>
      send("PUT", "/data/k", { body, headers: { "if-match": tag } });
    expect((await send("PUT", "/data/k", { body: "1" })).headers["x-version"]).toBe("1");
    const { headers } = await send("GET", "/data/k");
    expect(headers["x-version"]).toBe("1");
    expect((await put(`"${headers["x-version"]}"`, "2")).headers["x-version"]).toBe("2");
    expect((await put('W/"2"', "3")).status).toBe(200);
    for (const tag of ['W/"2"', '"3-gzip"', '"other"', '"0"']) {
      expect((await put(tag, "4")).json()).toMatchObject({ status: 412, code: "VERSION_CONFLICT", version: "3" });
    }
    expect((await send("DELETE", "/data/k", { headers: { "if-match": '"3-gzip"' } })).status).toBe(412);
    expect((await send("GET", "/data/k")).text).toBe("3");
  });

  it("answer 304 when the client has the version already", async () => {
    await send("PUT", "/data/k", { body: "1" });
    for (const method of ["GET", "HEAD"]) {
      const same = await send(method, "/data/k", { headers: { "if-none-match": 'W/"9", "1"' } });
      expect(same).toMatchObject({ status: 304, text: "" });
      expect(same.headers.etag).toBe('"1"');
      expect((await send(method, "/data/k", { headers: { "if-none-match": '"9"' } })).status).toBe(200);
    }
  });
});

describe("HEAD and DELETE /data/{key}", () => {
  it("answers as GET, without the value", async () => {
    await send("PUT", "/data/k?ttl=60", { body: '"äöü"' });
    const head = await send("HEAD", "/data/k");
    const get = await send("GET", "/data/k");
    expect(head).toMatchObject({ status: 200, text: "" });
    const shared = ["etag", "last-modified", "x-created-at", "x-expires-at", "x-shard", "x-node", "content-length"];
    for (const name of shared) expect([name, head.headers[name]]).toEqual([name, get.headers[name]]);
    expect(await send("HEAD", "/data/missing")).toMatchObject({ status: 404, text: "" });
  });

  it("deletes once, ignoring a body", async () => {
    await send("PUT", "/data/k", { body: "1" });
    expect(await send("DELETE", "/data/k", { body: "{}", headers: { "content-length": "2" } })).toMatchObject({
      status: 204,
      text: "",
    });
    const again = await send("DELETE", "/data/k");
    expect(again.json()).toMatchObject({
      status: 404,
      code: "KEY_NOT_FOUND",
      shard: 2,
      detail: 'Key "k" is not in shard 2.',
    });
  });
});

describe("/data/{key} when storage nodes fail", () => {
  it("answers 503 with Retry-After for a shard without an owner", async () => {
    await gateway.services.membership.remove("node1", true);
    const answer = await send("GET", "/data/k");
    expect(answer.json()).toMatchObject({ status: 503, code: "SHARD_UNAVAILABLE", isRetryable: true, shard: 2 });
    expect(answer.headers).toMatchObject({ "retry-after": "1", "x-shard": "2" });
    expect(answer.headers).not.toHaveProperty("x-node");
  });

  it("tells only writers that nothing was written", async () => {
    await gateway.services.membership.remove("node1", true);
    const advice = async (method: string, target: string): Promise<unknown> => {
      const answer = await send(method, target, method === "PUT" ? { body: "1" } : {});
      return (answer.json() as { readonly advice: unknown }).advice;
    };
    const retry = "Try again. If the error persists, check the cluster's storage nodes.";
    expect(await advice("GET", "/data/user123")).toBe(retry);
    expect(await advice("GET", "/ready")).toBe(retry);
    expect(await advice("PUT", "/data/user123")).toBe(`Nothing was written. ${retry}`);
    expect(await advice("DELETE", "/data/user123")).toBe(`Nothing was written. ${retry}`);
  });

  it("answers 503 for a node that refuses the connection, and 504 for a write whose answer is lost", async () => {
    const node = gateway.node("node1");
    node.failNext({ fault: refused }, 100);
    const answering = send("PUT", "/data/k", { body: "1" });
    await vi.waitFor(async () => {
      await gateway.clock.advance(1000);
      expect(await Promise.race([answering, null])).not.toBeNull();
    });
    expect((await answering).json()).toMatchObject({ status: 503, code: "SHARD_UNAVAILABLE" });
    await gateway.clock.advance(10_000);
    node.injectFault = () => null;
    gateway.services.membership.heartbeat("node1", { incarnation: "node1" });
    expect((await send("GET", "/data/k")).status).toBe(404);
    node.failNext({ fault: new NodeFault("connectionReset", "connection reset", false), isExecuted: true });
    expect((await send("PUT", "/data/k", { body: "1" })).json()).toMatchObject({
      status: 504,
      code: "OUTCOME_UNKNOWN",
    });
    expect((await send("GET", "/data/k")).text).toBe("1");
  });

  it("gives up at the request's deadline", async () => {
    gateway.node("node1").hold();
    const answering = send("GET", "/data/k");
    await vi.waitFor(() => expect(gateway.node("node1").batches).toHaveLength(1));
    await gateway.clock.advance(requestTimeoutMs);
    expect((await answering).json()).toMatchObject({ status: 503, code: "SHARD_UNAVAILABLE" });
  });

  it("gives up when the client has disconnected", async () => {
    const node = gateway.node("node1");
    node.hold();
    const { execute } = gateway.services.router;
    const signals: (StopSignal | undefined)[] = [];
    gateway.services.router.execute = (operations, context) => {
      signals.push(context.signal);
      return execute.call(gateway.services.router, operations, context);
    };
    const sent = request(`${gateway.url}/data/k`).on("error", () => {});
    sent.end();
    await vi.waitFor(() => expect(node.batches).toHaveLength(1));
    expect(signals[0]?.aborted).toBe(false);
    sent.destroy();
    await vi.waitFor(() => expect(signals[0]?.aborted).toBe(true));
  });

  it("masks an unexpected error, and logs it with its cause and the request's id", async () => {
    const cause = new Error("secret detail");
    gateway.services.router.execute = () => Promise.reject(cause);
    const answer = await send("GET", "/data/k", { headers: { "x-request-id": "req-7" } });
    expect(answer.json()).toMatchObject({ status: 500, code: "INTERNAL_SERVER_ERROR" });
    expect(answer.text).not.toContain("secret");
    expect(answer.headers["x-request-id"]).toBe("req-7");
    const line = gateway.log.lines.find(({ level }) => level === "error");
    expect(line?.facts).toMatchObject({ err: cause, requestId: "req-7", method: "GET", url: "/data/k" });
  });

  it("masks a router that returns no outcome, or one that does not fit", async () => {
    gateway.services.router.execute = async () => [];
    expect((await send("GET", "/data/k")).status).toBe(500);
    gateway.services.router.execute = async () => [{ kind: "page", entries: [], hasMore: false }];
    expect((await send("GET", "/data/k")).status).toBe(500);
  });
});

describe("/data/{key} on a plain storage node", () => {
  it("serves values without versions and refuses conditions", async () => {
    const plain = await startTestGateway();
    plain.node("plain", "plain");
    await plain.services.membership.register({ id: "plain", url: "http://plain:8000" });
    await settle();
    expect((await rawRequest(plain.url, "/data/k", { method: "PUT", body: "1" })).status).toBeLessThan(202);
    const got = await rawRequest(plain.url, "/data/k");
    expect(got).toMatchObject({ status: 200, text: "1" });
    expect(got.headers).not.toHaveProperty("etag");
    const conditional = { method: "PUT", body: "2", headers: { "if-match": '"1"' } };
    expect((await rawRequest(plain.url, "/data/k", conditional)).json()).toMatchObject({
      status: 501,
      code: "NOT_SUPPORTED",
    });
    await plain.close();
  });
});

describe("Server-Timing", () => {
  const traced = { headers: { "x-shardgate-trace": "1" } };

  it("reports what an operation cost when the client asks for it", async () => {
    const { headers } = await send("PUT", "/data/k", { body: "1", ...traced });
    expect(headers["server-timing"]).toMatch(
      /^wait;dur=0, service;dur=0;desc="node1, batch b\w+-\d+ of 1", retries;desc="0"$/,
    );
    expect((await send("GET", "/data/k")).headers).not.toHaveProperty("server-timing");
  });

  it("reports retries, and an operation that no batch carried", async () => {
    gateway.node("node1").failNext({ fault: refused }, 3);
    const answer = send("GET", "/data/k", traced);
    for (let step = 0; step < 60; step++) await gateway.clock.advance(20);
    expect(await answer).toMatchObject({ status: 503, headers: { "server-timing": expect.stringContaining('"2"') } });
    expect((await send("GET", "/data/k", traced)).headers["server-timing"]).toBe('retries;desc="0"');
  });
});
