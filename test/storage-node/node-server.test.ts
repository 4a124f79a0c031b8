import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { errorRules, ShardgateError } from "../../src/core/error.js";
import { drainTimeoutMs } from "../../src/core/limits.js";
import { answerClientError } from "../../src/storage-node/http/problem-reply.js";
import { startStorageNode } from "../../src/storage-node/node-server.js";
import { OpenAnswers } from "../../src/storage-node/http/open-answers.js";
import { listeningUrl } from "../../src/wire/paths.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import type { Answer } from "./raw-http.js";
import { drained, runNode } from "./running-node.js";
import { ScriptedEngine } from "./shards/scripted-engine.js";

describe("the storage node's server", () => {
  it("commits concurrent writes in far fewer groups", async () => {
    const { engine, putValue, send } = await runNode();
    engine.hold();
    const first = putValue("/shard/0/store/first", "0");
    await vi.waitFor(() => expect(engine.writes).toEqual([1]));
    const others = Array.from({ length: 100 }, (_, index) => putValue(`/shard/2/store/k${index}`, `${index}`));
    // A read is answered during the commit; by then the earlier writes have arrived, or will join later.
    expect((await send("/shard/2/store/k0")).status).toBe(404);
    engine.release();
    const answers = await Promise.all([first, ...others]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.slice(1).map(({ headers }) => headers.etag)).size).toBe(100);
    expect(engine.writes.length).toBeLessThan(20);
    expect(engine.writes.reduce((sum, size) => sum + size)).toBe(101);
  });

  it("masks an unexpected error, and logs its cause", async () => {
    const { engine, send, log } = await runNode();
    const cause = new Error("/secret/path");
    vi.spyOn(engine, "stats").mockRejectedValue(cause);
    const answer = await send("/shards", { headers: { "x-request-id": "r1" } });
    expect([answer.status, answer.json()["code"]]).toEqual([500, "INTERNAL_SERVER_ERROR"]);
    expect(answer.text).not.toContain("secret");
    expect(log.lines.findLast(({ level }) => level !== "debug")).toMatchObject({
      level: "error",
      facts: { err: cause, method: "GET", url: "/shards", requestId: "r1" },
    });
  });

  it("masks a thrown value that is not an Error", async () => {
    const { engine, send } = await runNode();
    vi.spyOn(engine, "stats").mockRejectedValue("nothing");
    expect((await send("/shards")).status).toBe(500);
  });

  it.each([
    ["OVERLOADED", 503, "1"],
    ["STORAGE_FULL", 507, undefined],
  ] as const)("answers a write refused with %s with the status of the code", async (code, status, retryAfter) => {
    const { engine, putValue } = await runNode();
    engine.writeFailure = new ShardgateError(code, "No room in /secret/path.");
    const answer = await putValue("/shard/2/store/a", "1");
    expect([answer.status, answer.headers["retry-after"]]).toEqual([status, retryAfter]);
    expect(answer.json()["code"]).toBe(code);
    expect(answer.text).not.toContain("secret");
  });

  it("tells only writers that nothing was written", async () => {
    const { engine, send, putValue } = await runNode();
    engine.writeFailure = new ShardgateError("STORAGE_FULL", "No room.");
    const { advice } = (await putValue("/shard/2/store/a", "1")).json();
    expect(advice).toBe("Nothing was written. Free disk space at the storage node.");
    vi.spyOn(engine, "read").mockRejectedValue(new Error("broken"));
    const answer = (await send("/shard/2/store/a")).json();
    expect(answer).toMatchObject({ code: "STORAGE_FAILED", advice: errorRules.STORAGE_FAILED.advice });
  });

  it.each([
    ["GARBAGE\r\n\r\n", "HTTP/1.1 400 Bad Request"],
    [`GET / HTTP/1.1\r\nx: ${"x".repeat(20_000)}\r\n\r\n`, "HTTP/1.1 431 Request Header Fields Too Large"],
  ])("answers %j, which is not a request, with a problem", async (bytes, statusLine) => {
    const { node } = await runNode();
    const text = await exchange(node.port, bytes);
    expect(text.split("\r\n")[0]).toBe(statusLine);
    expect(text).toContain("Content-Type: application/problem+json\r\n");
    expect(JSON.parse(text.slice(text.indexOf("\r\n\r\n")))).toMatchObject({ code: "BAD_REQUEST" });
  });

  it("answers a request that did not arrive in time, and sends nothing on a connection that has closed", () => {
    const none = new OpenAnswers(new FakeClock());
    const socket = withTimeout(new PassThrough());
    answerClientError(Object.assign(new Error("slow"), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), socket as never, none);
    expect(socket.read().toString()).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
    const gone = new PassThrough();
    answerClientError(Object.assign(new Error("gone"), { code: "ECONNRESET" }), gone as never, none);
    expect([gone.destroyed, gone.read()]).toEqual([true, null]);
    const unnamed = withTimeout(new PassThrough());
    answerClientError(new Error("odd"), unnamed as never, none);
    expect(unnamed.read().toString()).toMatch(/^HTTP\/1.1 400 /);
  });

  it("survives a client that disconnects in the middle of a body", async () => {
    const { node, send, log } = await runNode();
    const socket = connect(node.port, "127.0.0.1");
    socket.write(
      "PUT /shard/2/store/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    );
    await once(socket, "data");
    socket.write("half");
    socket.resetAndDestroy();
    expect((await send("/shard/2/store/a")).status).toBe(404);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it.each([
    ["127.0.0.1", "http://127.0.0.1:4001"],
    ["localhost", "http://localhost:4001"],
    ["0.0.0.0", "http://127.0.0.1:4001"],
    ["::", "http://[::1]:4001"],
    ["::1", "http://[::1]:4001"],
  ])("listening on %s has the URL %s", (host, url) => {
    expect(listeningUrl(host, 4001)).toBe(url);
  });

  it("leaves the engine to the caller when the port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const [engine, clock] = [new ScriptedEngine(), new FakeClock()];
    const starting = startStorageNode({
      name: "node1",
      host: "127.0.0.1",
      port,
      engine,
      clock,
      log: new RecordLog(),
      gatewayUrls: [],
      advertisedUrl: null,
      incarnation: "first",
      newId: () => "store1",
    });
    await expect(starting).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect([engine.isClosed, clock.pendingTimers]).toEqual([false, 0]);
    other.close();
  });
});

describe("the drain of a storage node", () => {
  it("refuses new requests, finishes accepted ones, and closes everything", async () => {
    const { engine, node, putValue, send, clock } = await runNode();
    const keepAlive = new Agent({ keepAlive: true });
    await new Promise<void>((resolve) => {
      request(node.url, { agent: keepAlive, path: "/health" }, (response) =>
        response.resume().on("end", resolve),
      ).end();
    });
    engine.hold();
    const committing = putValue("/shard/2/store/a", "1");
    await vi.waitFor(() => expect(engine.writes).toEqual([1]));
    const upload = startUpload(node.url, "/shard/2/store/b");
    await upload.accepted;

    const draining = node.drain();
    expect(node.drain()).toBe(draining);
    for (const path of ["/shard/2/store/a", "/shards", "/nothing"]) {
      const refused = await send(path);
      expect([refused.status, refused.json()["code"]]).toEqual([503, "DRAINING"]);
      expect(refused.headers).toMatchObject({ "retry-after": "1", connection: "close" });
    }
    const health = await send("/health");
    expect([health.status, health.json()["status"], health.headers.connection]).toEqual([503, "draining", "close"]);
    expect(engine.isClosed).toBe(false);

    engine.release();
    upload.finish("2");
    for (const answer of [await committing, await upload.answer]) {
      expect([answer.status, answer.headers.connection]).toEqual([201, "close"]);
    }
    expect((await send("/shard/2/store/a")).json()["code"]).toBe("DRAINING");
    expect(engine.isClosed).toBe(false);
    await drained(node, clock);
    expect(engine.isClosed).toBe(true);
    await expect(send("/health")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await vi.waitFor(() => expect(Object.keys(keepAlive.freeSockets)).toEqual([]));
  });

  it("destroys connections whose requests do not end in time", async () => {
    const { engine, node, putValue, clock, log } = await runNode();
    engine.hold();
    const committing = putValue("/shard/2/store/a", "1").catch((error: unknown) => error);
    await vi.waitFor(() => expect(engine.writes).toEqual([1]));
    const upload = startUpload(node.url, "/shard/2/store/b");
    const cutOff = upload.answer.catch((error: unknown) => error);
    await upload.accepted;
    const draining = node.drain();
    await clock.advance(drainTimeoutMs);
    await draining;
    expect(engine.isClosed).toBe(true);
    expect(log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
    expect(await committing).toMatchObject({ code: "ECONNRESET" });
    expect(await cutOff).toMatchObject({ code: "ECONNRESET" });
  });
});

function withTimeout(socket: PassThrough): PassThrough {
  return Object.assign(socket, { setTimeout: () => {} });
}

/** Sends `bytes` on a connection of its own and resolves to everything that is received. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.write(bytes);
  await once(socket, "close");
  return text;
}

/** A PUT that sends its body only when the test decides; `accepted` resolves when the node asked for the body. */
function startUpload(origin: string, path: string) {
  const outgoing = request(origin, { path, method: "PUT", agent: false, headers: { expect: "100-continue" } });
  outgoing.flushHeaders();
  const answer = once(outgoing, "response").then(([response]) => {
    response.resume();
    return { status: response.statusCode, headers: response.headers } as Pick<Answer, "status" | "headers">;
  });
  return { accepted: once(outgoing, "continue"), answer, finish: (body: string) => outgoing.end(body) };
}
