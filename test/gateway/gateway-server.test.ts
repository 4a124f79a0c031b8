import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Agent, request } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { drainTimeoutMs } from "../../src/core/limits.js";
import { graphql } from "../support/gateway-calls.js";
import { settle } from "../support/fake-clock.js";
import { rawRequest } from "./rest/raw-request.js";
import { startTestGateway, type TestGateway } from "./test-gateway.js";
import { drainUnusedMs } from "../../src/gateway/edge/drain.js";

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startTestGateway();
  await gateway.register("node1");
});
afterEach(() => gateway.close());

/** The bytes that are received when these bytes are sent on a bare connection. */
function exchange(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(gateway.port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
}

describe("a gateway", () => {
  it("serves GraphQL at /graphql and REST everywhere else", async () => {
    await rawRequest(gateway.url, "/data/user123", { method: "PUT", body: '{"n":1.50}' });
    const answer = await graphql(gateway.url, '{ get(key: "user123") { valueText shard { number } } }');
    expect(answer).toEqual({ data: { get: { valueText: '{"n":1.50}', shard: { number: 2 } } } });
    const byQuery = await rawRequest(gateway.url, "/graphql?query=%7B__typename%7D", {
      headers: { accept: "application/json" },
    });
    expect(byQuery.json()).toEqual({ data: { __typename: "Query" } });
    expect(byQuery.headers["x-request-id"]).toBeDefined();
    expect((await rawRequest(gateway.url, "/graphql/")).json()).toMatchObject({ code: "NOT_FOUND" });
    expect(gateway.url).toBe(`http://127.0.0.1:${gateway.port}`);
  });

  it("answers bytes that are not HTTP, and headers that never end, with a problem", async () => {
    const nonsense = await exchange("nonsense\r\n\r\n");
    expect(nonsense).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n(.+\r\n)*content-type: application\/problem\+json\r\n/);
    expect(nonsense).toContain('"detail":"The request cannot be read: it is not HTTP."');
    const long = await exchange(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(20_000)}\r\n\r\n`);
    expect(long).toContain("its URL and headers are too long");
  });

  it("fails to start on a port that is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await vi.waitFor(() => expect(other.listening).toBe(true));
    const { port } = other.address() as AddressInfo;
    const { startGateway } = await import("../../src/gateway/gateway-server.js");
    const { services } = gateway;
    await expect(startGateway({ host: "127.0.0.1", port, services, isPlaygroundEnabled: false })).rejects.toMatchObject(
      { code: "EADDRINUSE" },
    );
    other.close();
  });

  it.each([
    ["0.0.0.0", "127.0.0.1"],
    ["::1", "[::1]"],
    ["::", "[::1]"],
  ])("reports a URL that can be called when it listens on %s", async (host, name) => {
    const { startGateway } = await import("../../src/gateway/gateway-server.js");
    const { services } = await startTestGateway();
    const other = await startGateway({ host, port: 0, services, isPlaygroundEnabled: false });
    expect(other.url).toBe(`http://${name}:${other.port}`);
    expect((await fetch(`${other.url}/health`)).status).toBe(200);
    await other.close();
  });
});

describe("a gateway that closes", () => {
  it("finishes open requests, accepts no connection, and keeps none open", async () => {
    const agent = new Agent({ keepAlive: true });
    const overKeptConnection = (target: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = request(`${gateway.url}${target}`, { agent }, (response) => {
          response.resume().on("end", () => resolve(response.statusCode ?? 0));
        });
        sent.on("error", reject).end();
      });
    // One connection is idle when the gateway begins to close, the other becomes idle later.
    expect(await Promise.all([overKeptConnection("/health"), overKeptConnection("/health")])).toEqual([200, 200]);
    const node = gateway.node("node1");
    node.hold();
    const underWay = overKeptConnection("/data/k");
    await vi.waitFor(() => expect(node.batches).toHaveLength(1));
    let isClosed = false;
    const closing = gateway.close().then(() => (isClosed = true));
    await vi.waitFor(() => expect(rawRequest(gateway.url, "/health")).rejects.toMatchObject({ code: "ECONNREFUSED" }));
    expect(isClosed).toBe(false);
    node.release();
    expect(await underWay).toBe(404);
    await closing;
    await gateway.close();
    agent.destroy();
  });

  it("serves a request that arrives on an open connection, and then closes it", async () => {
    const node = gateway.node("node1");
    node.hold();
    const socket = connect(gateway.port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    const ended = new Promise<void>((resolve) => void socket.once("close", () => resolve()));
    socket.write("GET /data/k HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await vi.waitFor(() => expect(node.batches).toHaveLength(1));
    const closing = gateway.close();
    socket.write("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await settle();
    node.release();
    await Promise.all([ended, closing]);
    expect(text).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect(text).toMatch(/HTTP\/1\.1 200 OK\r\n(.+\r\n)*connection: close\r\n/i);
  });

  it("is not ready from the first moment on, and serves as before until its delay is over", async () => {
    const closing = gateway.close(3_000);
    const ready = await rawRequest(gateway.url, "/ready");
    expect(ready.status).toBe(503);
    expect(ready.json()).toMatchObject({ code: "DRAINING", isRetryable: true });
    expect(ready.headers["retry-after"]).toBe("1");
    const graphqlPost = { method: "POST", headers: { "content-type": "application/json" } };
    const answers = await Promise.all([
      rawRequest(gateway.url, "/health"),
      rawRequest(gateway.url, "/data/k", { method: "PUT", body: "1" }),
      rawRequest(gateway.url, "/graphql", { ...graphqlPost, body: '{"query":"{ get(key: \\"k\\") { key } }"}' }),
      rawRequest(gateway.url, "/graphql?query=%7B__typename%7D", { headers: { accept: "application/json" } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 201, 200, 200]);
    for (const { headers } of [ready, ...answers]) expect(headers["connection"]).toBe("close");
    await gateway.clock.advance(3_000);
    await closing;
    await expect(rawRequest(gateway.url, "/health")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("does not wait for a connection that never has a request", async () => {
    const sockets = [1, 2].map(() => connect(gateway.port, "127.0.0.1").resume());
    for (const socket of sockets) socket.on("error", () => {});
    await Promise.all(sockets.map((socket) => vi.waitFor(() => expect(socket.readyState).toBe("open"))));
    sockets[1]?.write("GET /health HT");
    // A request on another connection is answered after those two.
    expect((await rawRequest(gateway.url, "/health")).status).toBe(200);
    const closing = gateway.close();
    await vi.waitFor(async () => {
      await gateway.clock.advance(drainUnusedMs);
      expect(sockets.map(({ closed }) => closed)).toEqual([true, true]);
    });
    await closing;
    expect(gateway.log.lines.some(({ message }) => message.includes("were cut off"))).toBe(false);
  });

  it("destroys connections that outlast the drain", async () => {
    const node = gateway.node("node1");
    node.hold();
    gateway.services.router.execute = () => new Promise(() => {});
    const underWay = rawRequest(gateway.url, "/data/k").catch((error: unknown) => error);
    await vi.waitFor(async () => expect(await gateway.services.metrics.total("shardgate_requests_total")).toBe(0));
    await settle();
    const closing = gateway.close();
    await vi.waitFor(async () => {
      await gateway.clock.advance(drainTimeoutMs);
      expect(await Promise.race([underWay, null])).toMatchObject({ code: "ECONNRESET" });
    });
    await closing;
    expect(gateway.log.lines.some(({ message }) => message.includes("were cut off"))).toBe(true);
  });
});
