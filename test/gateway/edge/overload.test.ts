/**
 * Overload over real sockets: clients are loopback addresses, and the tests count how many requests of each are served.
 */
import { request, type IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { GatewayBounds } from "../../../src/core/bounds.js";
import { gatewayConnectionCheckMs } from "../../../src/core/limits.js";
import { rawRequest } from "../rest/raw-request.js";
import { startTestGateway, type TestGateway } from "../test-gateway.js";
import { gatewayBodyGraceMs, gatewayDiscardMs } from "../../../src/gateway/edge/open-request.js";

const greedy = "127.0.0.1";
const modest = "127.0.0.2";
const third = "127.0.0.3";

let gateway: TestGateway;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gateway.close();
});

async function start(bounds: Partial<GatewayBounds>): Promise<void> {
  gateway = await startTestGateway({ bounds });
  await gateway.register("node1");
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends one request of a client on a connection of its own. */
function ask(client: string, path = "/data/k", method = "GET", body = "", headers = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      port: gateway.port,
      host: "127.0.0.1",
      localAddress: client,
      path,
      method,
      headers,
      agent: false,
    };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on("error", reject).end(body);
  });
}

/** Sends the bytes of a client that keeps its connection open; received bytes are collected in `text`. */
function open(client: string, bytes: string) {
  const socket = connect({ port: gateway.port, host: "127.0.0.1", localAddress: client });
  const connection = { socket, text: "", isClosed: false };
  sockets.push(socket);
  socket.setEncoding("latin1").on("data", (chunk: string) => (connection.text += chunk));
  socket.on("error", () => {}).on("close", () => (connection.isClosed = true));
  socket.write(bytes);
  return connection;
}

/** Number of answers by status. */
function counts(answers: readonly Answer[]): Record<number, number> {
  const result: Record<number, number> = {};
  for (const { status } of answers) result[status] = (result[status] ?? 0) + 1;
  return result;
}

const refusals = (reason: string): Promise<number> =>
  gateway.services.metrics.total("shardgate_requests_refused_total", { reason });

describe("a gateway with more requests than it can serve", () => {
  it("serves each client its share, refuses the rest at once, and serves all again afterwards", async () => {
    await start({ requests: 12 });
    gateway.node("node1").hold();
    const asked: Promise<Answer>[] = [];
    const askMany = (client: string, count: number) => {
      const answers = Array.from({ length: count }, () => ask(client));
      asked.push(...answers);
      return answers;
    };
    askMany(greedy, 30);
    // Half of all, because it is the only client.
    await vi.waitFor(async () => expect(await refusals("client-requests")).toBe(24));
    askMany(modest, 10);
    // Half of the rest, however much the greedy client holds.
    await vi.waitFor(async () => expect(await refusals("client-requests")).toBe(31));
    askMany(third, 1);
    await vi.waitFor(async () =>
      expect(await gateway.services.metrics.text()).toMatch(/^shardgate_requests_in_flight 10$/m),
    );
    for (const path of ["/health", "/ready", "/metrics"]) expect((await ask(greedy, path)).status).toBe(200);
    const refused = await ask(greedy);
    expect(refused).toMatchObject({ status: 429, headers: { "retry-after": "1", connection: "close" } });
    expect(JSON.parse(refused.text)).toMatchObject({ code: "TOO_MANY_REQUESTS", isRetryable: true });

    gateway.node("node1").release();
    const answers = await Promise.all(asked);
    expect(counts(answers.slice(0, 30))).toEqual({ 404: 6, 429: 24 });
    expect(counts(answers.slice(30, 40))).toEqual({ 404: 3, 429: 7 });
    expect(answers[40]?.status).toBe(404);
    expect(counts(await Promise.all(Array.from({ length: 6 }, () => ask(greedy))))).toEqual({ 404: 6 });
  });

  it("accepts the heartbeat of a storage node at the address of a client that has used up its share", async () => {
    await start({ clientRequests: 1 });
    gateway.node("node1").hold();
    const underWay = ask(greedy);
    await vi.waitFor(() => expect(gateway.node("node1").batches).toHaveLength(1));
    expect((await ask(greedy)).status).toBe(429);
    const body = JSON.stringify({ incarnation: "node1" });
    const heartbeat = await ask(greedy, "/nodes/node1/heartbeat", "POST", body, { "content-type": "application/json" });
    expect(heartbeat.status).toBe(200);
    gateway.node("node1").release();
    expect((await underWay).status).toBe(404);
  });

  it("serves a client no more concurrent requests than the bound for one client", async () => {
    await start({ clientRequests: 2 });
    gateway.node("node1").hold();
    const asked = Array.from({ length: 5 }, () => ask(greedy));
    await vi.waitFor(async () => expect(await refusals("client-requests")).toBe(3));
    gateway.node("node1").release();
    expect(counts(await Promise.all(asked))).toEqual({ 404: 2, 429: 3 });
  });

  it("refuses GraphQL clients with a GraphQL error, on a connection that is kept", async () => {
    await start({ requests: 1 });
    gateway.node("node1").hold();
    const underWay = ask(modest);
    await vi.waitFor(() => expect(gateway.node("node1").batches).toHaveLength(1));
    const json = { "content-type": "application/json" };
    const body = '{"query":"{ __typename }"}';
    for (const accept of ["*/*", "application/graphql-response+json, application/json"]) {
      const answer = await ask(greedy, "/graphql", "POST", body, { ...json, accept, connection: "keep-alive" });
      expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1", connection: "keep-alive" } });
      const type = accept === "*/*" ? "application/json" : "application/graphql-response+json";
      expect(answer.headers["content-type"]).toBe(`${type}; charset=utf-8`);
      expect(JSON.parse(answer.text)).toMatchObject({
        errors: [{ extensions: { code: "OVERLOADED", isRetryable: true } }],
      });
    }
    expect(await gateway.services.metrics.total("shardgate_errors_total", { code: "OVERLOADED" })).toBe(2);
    gateway.node("node1").release();
    expect((await underWay).status).toBe(404);
    expect(JSON.parse((await ask(greedy, "/graphql", "POST", body, json)).text)).toEqual({
      data: { __typename: "Query" },
    });
  });

  it("regains the shares of clients that disconnected", async () => {
    await start({ requests: 12 });
    gateway.node("node1").hold();
    const gone = [4, 1, 1].map((times) =>
      open(greedy, "GET /data/k HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(times)),
    );
    await vi.waitFor(async () => expect((await ask(greedy)).status).toBe(429));
    for (const { socket } of gone) socket.destroy();
    await vi.waitFor(async () => {
      // Answers that wait behind another one are found in the next check of all requests.
      await gateway.clock.advance(gatewayConnectionCheckMs);
      expect(await gateway.services.metrics.text()).toMatch(/^shardgate_requests_in_flight 0$/m);
    });
    gateway.node("node1").release();
    expect(counts(await Promise.all(Array.from({ length: 6 }, () => ask(greedy))))).toEqual({ 404: 6 });
  });

  it("divides the requests of a pipeline as it does those of several connections", async () => {
    await start({ requests: 12 });
    gateway.node("node1").hold();
    const pipeline = open(greedy, "GET /data/k HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(20));
    await vi.waitFor(async () => expect(await refusals("client-requests")).toBe(14));
    expect((await ask(modest, "/health")).status).toBe(200);
    gateway.node("node1").release();
    await vi.waitFor(() => {
      const statuses = [...pipeline.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
      expect(statuses).toEqual([...Array<string>(6).fill("404"), ...Array<string>(14).fill("429")]);
    });
  });
});

const post = (length: number): string =>
  `POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
const put = (length: number): string => `PUT /data/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${length}\r\n\r\n`;

describe("a gateway with more request bodies than it can hold", () => {
  it("gives each client its share of memory, and others theirs", async () => {
    await start({ bodiesBytes: 64 * 1024, bodyBytes: 16 * 1024, valueBytes: 16 * 1024 });
    // Two of them take half of the memory.
    const held = [post, put].map((head) => open(greedy, head(16 * 1024) + " ".repeat(16 * 1024 - 1)));
    await vi.waitFor(async () =>
      expect(JSON.parse((await ask(greedy, "/data/k", "PUT", "12345678")).text)).toMatchObject({
        code: "TOO_MANY_REQUESTS",
        status: 429,
      }),
    );
    expect((await ask(greedy)).status).toBe(404);
    expect((await ask(modest, "/data/k", "PUT", "1")).status).toBe(201);
    // An announced body is refused before it is sent.
    const announced = open(greedy, post(8 * 1024));
    await vi.waitFor(() => expect(announced.text).toMatch(/^HTTP\/1\.1 429 .*"TOO_MANY_REQUESTS"/s));
    expect(announced.text).toContain("retry-after: 1");
    // An unannounced body is refused when it arrives.
    const chunks = open(greedy, put(0).replace("content-length: 0", "transfer-encoding: chunked"));
    chunks.socket.write(`1000\r\n${" ".repeat(0x1000)}\r\n`);
    await vi.waitFor(() => expect(chunks.text).toMatch(/^HTTP\/1\.1 429 /));
    for (const { socket } of held) socket.destroy();
    await vi.waitFor(async () => expect((await ask(greedy, "/data/k", "PUT", "12345678")).status).toBe(200));
  });

  it("gives up bodies that stall, discards what still arrives, and then disconnects their clients", async () => {
    await start({});
    const stalled = [post, put].map((head) => open(greedy, `${head(100)} `));
    await vi.waitFor(async () =>
      expect(await gateway.services.metrics.text()).toMatch(/^shardgate_requests_in_flight 2$/m),
    );
    await gateway.clock.advance(gatewayBodyGraceMs + gatewayConnectionCheckMs);
    await vi.waitFor(() => {
      for (const { text } of stalled) expect(text).toMatch(/^HTTP\/1\.1 408 .*"REQUEST_TIMEOUT"/s);
    });
    expect(await refusals("slow-body")).toBe(2);
    expect(stalled.map(({ isClosed }) => isClosed)).toEqual([false, false]);
    await vi.waitFor(async () => {
      await gateway.clock.advance(gatewayDiscardMs);
      expect(stalled.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    });
    expect((await ask(greedy)).status).toBe(404);
  });

  it("keeps the connection of a client that sends the rest", async () => {
    await start({ bodyBytes: 1024 });
    const client = open(greedy, post(2048) + " ".repeat(1024));
    await vi.waitFor(() => expect(client.text).toMatch(/^HTTP\/1\.1 413 /));
    client.socket.write(`${" ".repeat(1024)}GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    await vi.waitFor(() => expect(client.text).toContain("HTTP/1.1 200 OK"));
  });
});

describe("a gateway with more answers than it can hold", () => {
  it("refuses the client that does not read them, and serves others", async () => {
    const value = JSON.stringify("x".repeat(1_000_000));
    await start({ answersBytes: 40_000_000 });
    await ask(modest, "/data/k", "PUT", value);
    // Far more than the sockets of both sides can buffer.
    const slow = Array.from({ length: 40 }, () => {
      const connection = open(greedy, "GET /data/k HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(20));
      connection.socket.pause();
      return connection;
    });
    await vi.waitFor(async () => expect(await refusals("client-answers")).toBeGreaterThan(0));
    expect((await ask(modest)).status).toBe(200);
    for (const { socket } of slow) socket.destroy();
    await vi.waitFor(async () => {
      await gateway.clock.advance(gatewayConnectionCheckMs);
      expect((await ask(greedy)).status).toBe(200);
    });
  });
});

describe("a gateway with more connections than it can keep", () => {
  it("closes those beyond a client's share, and accepts those of others", async () => {
    await start({ connections: 6 });
    const connections = Array.from({ length: 5 }, () => open(greedy, ""));
    await vi.waitFor(() => expect(connections.filter(({ isClosed }) => isClosed)).toHaveLength(2));
    expect(await refusals("client-connections")).toBe(2);
    expect((await ask(modest, "/health")).status).toBe(200);
    for (const { socket } of connections) socket.destroy();
    await vi.waitFor(async () => expect((await ask(greedy, "/health")).status).toBe(200));
  });

  it("closes every further one when it is full", async () => {
    await start({ connections: 1 });
    const first = open(greedy, "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await vi.waitFor(() => expect(first.text).toContain("200 OK"));
    await expect(rawRequest(gateway.url, "/health")).rejects.toThrow();
    expect(await refusals("connections")).toBe(1);
  });
});
