import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { plainNodeInFlightMax, valueBytesMax } from "../../../src/core/limits.js";
import type { Operation } from "../../../src/core/operation.js";
import { PlainNodeFault } from "../../../src/routing/node-client/node-client.js";
import { UndiciNodeClient } from "../../../src/routing/node-client/undici-node-client.js";
import { noTls } from "../../../src/tls/tls-source.js";
import { entryPath, problemMediaType } from "../../../src/wire/paths.js";
import { startBrokenServer, unusedUrl } from "../../support/broken-server.js";
import { startNodeServer } from "../../support/node-server.js";
import { openGuard } from "../../support/open-guard.js";
import { get, put, remove, routed } from "../../support/operations.js";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const call = { timeoutMs: 5_000 };
const facts = { clusterId: () => "c1", mayBePlain: () => true };

function clientOf(url: string): UndiciNodeClient {
  const client = new UndiciNodeClient({ name: "old", url, facts, guard: openGuard, tls: noTls });
  closers.push(() => client.close());
  return client;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A plain node that answers each key from `answers`, and all others with 404. */
async function plainNode(answers: Readonly<Record<string, Answer>>) {
  const server = await startBrokenServer(
    (response, request) => {
      const answer = answers[request.url?.split("/").at(-1) ?? ""];
      if (answer === undefined) response.writeHead(404).end();
      else answer(response, request);
    },
    (response) => response.writeHead(404).end(),
  );
  closers.push(() => server.close());
  const client = clientOf(server.url);
  const run = (operations: readonly Operation[], timeoutMs = 5_000) =>
    client.execute(
      operations.map((operation) => routed(operation, 3)),
      { timeoutMs },
    );
  return { run, server };
}

const status =
  (code: number): Answer =>
  (response) =>
    response.writeHead(code).end();

const problem =
  (body: object, code: number): Answer =>
  (response) =>
    response.writeHead(code, { "content-type": problemMediaType }).end(JSON.stringify(body));

describe("a plain storage node", () => {
  it("is asked for many keys at once, but never for more than its bound", async () => {
    const server = await startNodeServer("plain");
    closers.push(() => server.close());
    const client = clientOf(server.url);
    const operations = Array.from({ length: 300 }, (_, index) => routed(put(`key-${index}`, String(index))));
    const halves = [operations.slice(0, 150), operations.slice(150)];
    server.memory.hold();
    const executions = Promise.all(halves.map((half) => client.execute(half, call)));
    await vi.waitFor(() => expect(server.concurrencyMax).toBe(plainNodeInFlightMax));
    server.memory.release();
    const outcomes = (await executions).flat();
    expect(outcomes).toHaveLength(300);
    expect(outcomes.every(({ kind }) => kind === "written")).toBe(true);
    expect(server.concurrencyMax).toBe(plainNodeInFlightMax);
  });

  it("gets the key as one percent-encoded segment, and the epoch of its shard", async () => {
    let epoch: unknown;
    const answer: Answer = (response, request) => {
      epoch = request.headers["shard-epoch"];
      response.end("1");
    };
    const { run, server } = await plainNode({ "a%2F%2E%2E%2Fb": status(500), "a%2F..%2Fb": answer });
    expect(await run([get("a/../b")])).toMatchObject([{ kind: "found" }]);
    expect(epoch).toBe("3");
    expect(server.requests.at(-1)).toBe(`GET ${entryPath(get("a/../b").shard, get("a/../b").key)}`);
  });

  it.each([200, 201, 204])("has written when it answers a PUT with %i", async (code) => {
    const { run } = await plainNode({ a: status(code) });
    expect(await run([put("a", "1")])).toMatchObject([{ kind: "written", isNew: code === 201 }]);
  });

  it.each([200, 204])("has deleted when it answers a DELETE with %i", async (code) => {
    const { run } = await plainNode({ a: status(code) });
    expect(await run([remove("a")])).toEqual([{ kind: "deleted", version: null }]);
  });

  it("fails for one key without affecting the others", async () => {
    const { run } = await plainNode({
      ok: (response) => response.end("1"),
      reset: (response) => response.socket?.destroy(),
      failing: status(500),
      forbidden: status(403),
      moved: (response) => response.writeHead(301, { location: "/" }).end(),
      busy: status(429),
    });
    const outcomes = await run([
      get("reset"),
      put("reset", "1"),
      get("failing"),
      put("failing", "1"),
      put("forbidden", "1"),
      put("moved", "1"),
      get("busy"),
      get("ok"),
      get("none"),
    ]);
    const unavailable = { kind: "refused", code: "SHARD_UNAVAILABLE" };
    const unknown = { kind: "refused", code: "OUTCOME_UNKNOWN" };
    expect(outcomes).toMatchObject([
      unavailable,
      unknown,
      unavailable,
      unknown,
      unavailable,
      unknown,
      { kind: "refused", code: "OVERLOADED" },
      { kind: "found" },
      { kind: "notFound" },
    ]);
  });

  it.each([400, 413, 415, 422])("refuses a value with %i", async (code) => {
    const { run } = await plainNode({ a: status(code) });
    expect(await run([put("a", "1")])).toMatchObject([{ code: "INVALID_VALUE" }]);
  });

  it("may answer with problem details that have a known code", async () => {
    const { run } = await plainNode({
      stale: problem({ code: "STALE_EPOCH", detail: "No.", epoch: 9 }, 409),
      full: problem({ code: "STORAGE_FULL", detail: "Full." }, 507),
      none: problem({ code: "KEY_NOT_FOUND" }, 404),
    });
    expect(await run([put("stale", "1"), put("full", "1"), get("none")])).toEqual([
      { kind: "refused", code: "STALE_EPOCH", message: "No.", epoch: 9 },
      { kind: "refused", code: "STORAGE_FULL", message: "Full." },
      { kind: "notFound" },
    ]);
  });

  it("is not trusted when its value is not JSON, or too long", async () => {
    const { run } = await plainNode({
      html: (response) => response.end("<html>"),
      bytes: (response) => response.end(Buffer.from([0xff])),
      long: (response) => response.end(Buffer.alloc(valueBytesMax + 1, 0x31)),
      ok: (response) => response.end("1"),
    });
    const failed = { kind: "refused", code: "STORAGE_FAILED" };
    const outcomes = await run([get("html"), get("bytes"), get("long"), get("ok")]);
    expect(outcomes).toMatchObject([failed, failed, failed, { kind: "found" }]);
    expect(outcomes[0]).toMatchObject({
      message: expect.stringMatching(/key "html" in shard \d, as storage node old .* is not JSON/),
    });
    expect(outcomes[2]).toMatchObject({ message: expect.stringContaining("is longer than 1048576 bytes.") });
  });

  it("does not get a later write of a key while the outcome of an earlier one is unknown", async () => {
    const { run, server } = await plainNode({
      a: (response) => response.socket?.destroy(),
      b: (response) => response.end("1"),
    });
    const outcomes = await run([put("a", "1"), put("a", "2"), get("b")]);
    expect(outcomes).toMatchObject([{ code: "OUTCOME_UNKNOWN" }, { code: "SHARD_UNAVAILABLE" }, { kind: "found" }]);
    expect(server.requests.filter((request) => request.startsWith("PUT"))).toHaveLength(1);
  });

  it.each([
    [400, "requestFailed", true],
    [414, "requestFailed", true],
    [500, "requestFailed", false],
    [501, "requestFailed", false],
    [502, "serverError", false],
    [503, "serverError", false],
    [504, "serverError", false],
  ])("that answers %i has the fault %s", async (code, reason, isUnsent) => {
    const { run } = await plainNode({ bad: status(code) });
    const expected = isUnsent ? "SHARD_UNAVAILABLE" : "OUTCOME_UNKNOWN";
    await expect(run([remove("bad")])).rejects.toMatchObject({ reason, outcomes: [{ code: expected }] });
  });

  it("counts as failed when it fails as a whole for one of several keys", async () => {
    const { run } = await plainNode({ bad: status(500), worse: status(503) });
    await expect(run([get("bad"), get("worse")])).rejects.toMatchObject({ reason: "serverError" });
  });

  it("rejects the whole batch, unsent, when it cannot be connected to", async () => {
    const execution = clientOf(await unusedUrl()).execute([routed(put("a", "1"))], call);
    await expect(execution).rejects.toMatchObject({ reason: "connectionRefused", isUnsent: true });
  });

  it("rejects a batch without any answer, with what that means for each operation", async () => {
    const hanging = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`key-${index}`, () => {}]));
    const { run } = await plainNode(hanging);
    const writes = Object.keys(hanging).map((key) => put(key, "1"));
    const fault = await run(writes, 200).catch((error: unknown) => error);
    if (!(fault instanceof PlainNodeFault)) throw new Error(`No fault but ${String(fault)}.`);
    expect(fault).toMatchObject({ reason: "timeout" });
    const codes = fault.outcomes.map((outcome) => (outcome.kind === "refused" ? outcome.code : outcome.kind));
    expect(codes.filter((code) => code === "OUTCOME_UNKNOWN")).toHaveLength(plainNodeInFlightMax);
    expect(codes.filter((code) => code === "SHARD_UNAVAILABLE")).toHaveLength(60 - plainNodeInFlightMax);
  });
});
