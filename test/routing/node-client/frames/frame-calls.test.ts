import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  frameBodyBytesMax,
  framePartBytesMin,
  largeAnswerBytesMin,
  nodeAnswerBytesMax,
} from "../../../../src/core/limits.js";
import type { Outcome } from "../../../../src/core/operation.js";
import { FrameCalls, frameIdleMs } from "../../../../src/routing/node-client/frames/frame-calls.js";
import { NodeFault, type NodeCallOptions } from "../../../../src/routing/node-client/node-client.js";
import { encodeBatchRequest } from "../../../../src/wire/batch/batch-body.js";
import { decodeRequest } from "../../../../src/wire/frame/frame.js";
import { answerFrame, helloFrame } from "../../../support/frame-node.js";
import { frame, FramePeer } from "../../../support/frame-peer.js";
import { get, put, routed } from "../../../support/operations.js";

const call: NodeCallOptions = { timeoutMs: 5_000 };
const notFound: readonly Outcome[] = [{ kind: "notFound" }];
const gets = (key = "a") => [routed(get(key))];
const puts = (value = "1") => [routed(put("a", value))];

/** Both ends of a connection; `peer` is the storage node's, which has said hello. */
async function open(hello: Readonly<Record<string, unknown>> = {}) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await vi.waitFor(() => expect(sockets).toHaveLength(1));
  const peer = new FramePeer(sockets[0] as Socket, true);
  const left = vi.fn<() => void>();
  const ready = vi.fn<() => void>();
  const calls = new FrameCalls(socket, { node: "storage node node2", clusterId: "c1", onReady: ready, onLeave: left });
  onTestFinished(() => {
    socket.destroy();
    peer.socket.destroy();
    server.close();
  });
  expect(calls.hasRoom).toBe(false);
  peer.send(helloFrame(hello));
  await vi.waitFor(() => expect(ready).toHaveBeenCalled());
  return { calls, peer, socket, left };
}

/** The fault that the call rejects with. */
async function faultOf(execution: Promise<unknown>): Promise<NodeFault> {
  const error = await execution.catch((caught: unknown) => caught);
  if (!(error instanceof NodeFault)) throw new Error(`No fault but ${String(error)}.`);
  return error;
}

describe("FrameCalls", () => {
  it("sends a batch with its timeout, its id and its trace, and resolves to the outcomes", async () => {
    const { calls, peer } = await open();
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const execution = calls.execute(puts(), { timeoutMs: 1_234, requestId: "b1-7", traceparent });
    const { body } = await peer.message(1, "request");
    expect(decodeRequest(body)).toEqual({
      facts: { timeoutMs: 1_234, requestId: "b1-7", traceparent },
      batch: encodeBatchRequest(puts()),
    });
    const facts = { version: "7" as never, createdAtMs: 1, updatedAtMs: 1, expiresAtMs: null };
    peer.send(answerFrame(1, [{ kind: "written", isNew: true, facts }]));
    expect(await execution).toEqual([{ kind: "written", isNew: true, facts }]);
    expect([calls.size, calls.hasAnswered]).toEqual([0, true]);
  });

  it("sends the batches of one turn in one write, and accepts their answers in any order", async () => {
    const { calls, peer } = await open();
    const pieces: number[] = [];
    peer.socket.on("data", (bytes: Buffer) => pieces.push(bytes.length));
    const all = ["a", "b", "c"].map((key) => calls.execute(gets(key), call));
    await peer.message(3);
    expect(pieces).toHaveLength(1);
    const found = (key: string): readonly Outcome[] => [
      {
        kind: "found",
        entry: {
          key: key as never,
          value: `"${key}"` as never,
          version: null,
          createdAtMs: null,
          updatedAtMs: null,
          expiresAtMs: null,
        },
      },
    ];
    peer.send(answerFrame(3, found("c")), answerFrame(1, found("a")), answerFrame(2, found("b")));
    expect((await Promise.all(all)).map(([outcome]) => outcome?.kind === "found" && outcome.entry.value)).toEqual([
      '"a"',
      '"b"',
      '"c"',
    ]);
  });

  it("splits a long batch into parts, and joins the parts of a long answer", async () => {
    const { calls, peer } = await open();
    const value = JSON.stringify("x".repeat(200_000));
    const execution = calls.execute(puts(value), call);
    expect((await peer.message(1)).frames).toBe(
      Math.ceil((encodeBatchRequest(puts(value)).length + 6) / frameBodyBytesMax),
    );
    const answer = answerFrame(1, [{ kind: "refused", code: "OVERLOADED", message: "m".repeat(50_000), epoch: null }]);
    const body = answer.subarray(9);
    peer.send(
      frame("answer", 1, body.subarray(0, 20_000), true),
      frame("part", 1, body.subarray(20_000, 30_000), true),
    );
    peer.send(frame("part", 1, body.subarray(30_000)));
    expect(await execution).toMatchObject([{ code: "OVERLOADED", message: "m".repeat(50_000) }]);
  });

  it("accepts no more calls at once than the storage node allows", async () => {
    const { calls, peer } = await open({ requestsMax: 2 });
    const all = [calls.execute(gets(), call), calls.execute(gets(), call)];
    expect(calls.hasRoom).toBe(false);
    peer.send(answerFrame(1, notFound));
    await all[0];
    expect(calls.hasRoom).toBe(true);
    peer.send(answerFrame(2, notFound));
    await all[1];
  });

  it("accepts no batch when more bytes than the storage node allows would be in flight", async () => {
    const { calls, peer } = await open({ bytesMax: 13 * 1024 * 1024 });
    expect(calls.hasRoom).toBe(true);
    peer.socket.pause();
    const long = Array.from({ length: 3 }, (_, at) => routed(put(`k${at}`, JSON.stringify("x".repeat(1_000_000)))));
    const execution = calls.execute(long, call).catch(() => {});
    expect(calls.hasRoom).toBe(false);
    peer.socket.resume();
    await peer.message(1);
    expect(calls.hasRoom).toBe(true);
    peer.socket.destroy();
    await execution;
  });
});

describe("FrameCalls, when a batch is refused", () => {
  it.each(["CLUSTER_MISMATCH", "NODE_CONFLICT"])("returns %s as the outcome of each operation", async (code) => {
    const { calls, peer } = await open();
    const execution = calls.execute([...gets(), ...puts()], call);
    await peer.message(1);
    peer.send(frame("problem", 1, JSON.stringify({ status: 409, code, detail: "It is so." })));
    const refusal = { kind: "refused", code, message: "It is so." };
    expect(await execution).toEqual([refusal, refusal]);
  });

  it.each([
    [503, "DRAINING", "draining", true],
    [503, "OVERLOADED", "serverError", true],
    [400, "BAD_REQUEST", "serverError", true],
    [500, "INTERNAL_SERVER_ERROR", "serverError", false],
  ])("rejects for %i %s with the fault %s", async (status, code, reason, isUnsent) => {
    const { calls, peer } = await open();
    const execution = calls.execute(puts(), call);
    await peer.message(1);
    peer.send(frame("problem", 1, JSON.stringify({ status, code, detail: "It is so." })));
    expect(await faultOf(execution)).toMatchObject({ reason, isUnsent });
  });

  it.each(["", "{", "null", '{"code":"DRAINING"}'])(
    "assumes that a batch may have been executed when the reason is %j",
    async (body) => {
      const { calls, peer } = await open();
      const execution = calls.execute(puts(), call);
      await peer.message(1);
      peer.send(frame("problem", 1, body));
      expect((await faultOf(execution)).isUnsent).toBe(body.includes("DRAINING"));
    },
  );
});

describe("FrameCalls, when the connection breaks", () => {
  it.each(["resetAndDestroy", "end"] as const)(
    "distinguishes unsent batches from those that may have been executed: %s",
    async (how) => {
      const { calls, peer, left } = await open();
      const sent = faultOf(calls.execute(puts(), call));
      await peer.message(1);
      peer.socket[how]();
      expect(await sent).toMatchObject({ reason: "connectionReset", isUnsent: false });
      expect(left).toHaveBeenCalledTimes(1);
      expect(calls.hasRoom).toBe(false);
    },
  );

  it("knows that a batch that never left the gateway was not executed", async () => {
    const { calls, socket } = await open();
    const sent = faultOf(calls.execute(puts(), call));
    // Before the end of the turn, in which the batch would be written.
    socket.destroy();
    expect(await sent).toMatchObject({
      reason: "connectionReset",
      isUnsent: true,
      message: "storage node node2 closed the connection before the batch was sent",
    });
  });

  it("knows the same of a batch that waited behind others while the connection accepted nothing", async () => {
    const { calls, peer } = await open();
    peer.socket.pause();
    const long = Array.from({ length: 8 }, (_, at) => routed(put(`k${at}`, JSON.stringify("x".repeat(1_000_000)))));
    const first = faultOf(calls.execute(long, call));
    await new Promise((resolve) => setImmediate(resolve));
    const second = faultOf(calls.execute(puts(), call));
    await new Promise((resolve) => setImmediate(resolve));
    peer.socket.resetAndDestroy();
    expect((await first).isUnsent).toBe(false);
    expect((await second).isUnsent).toBe(true);
  });

  it("ends all calls when it is destroyed", async () => {
    const { calls, peer, left } = await open();
    const execution = faultOf(calls.execute(puts(), call));
    await peer.message(1);
    calls.destroy("aborted", "did not answer before the request was cancelled");
    expect(await execution).toMatchObject({
      reason: "aborted",
      isUnsent: false,
      message: "storage node node2 did not answer before the request was cancelled",
    });
    expect(left).toHaveBeenCalledTimes(1);
    await vi.waitFor(() => expect(peer.isClosed).toBe(true));
  });
});

describe("FrameCalls, when invalid frames arrive", () => {
  it.each([
    ["HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["a type that is unknown", Buffer.from([0, 0, 0, 0, 99, 0, 0, 0, 1])],
    ["a frame longer than any", Buffer.from([0, 1, 0, 1, 3, 0, 0, 0, 1])],
    ["a request", frame("request", 1, "x")],
    ["a cancel", frame("cancel", 1)],
    ["a second hello", helloFrame()],
    ["a part before its answer", frame("part", 1, "x")],
    ["a second beginning", Buffer.concat([frame("answer", 1, "x", true), frame("answer", 1, "x")])],
  ])("ends the connection without trusting any answer: %s", async (_what, bytes) => {
    const { calls, peer } = await open();
    const execution = faultOf(calls.execute(puts(), call));
    await peer.message(1);
    peer.send(bytes);
    expect(await execution).toMatchObject({ reason: "malformedAnswer", isUnsent: false });
    await vi.waitFor(() => expect(peer.isClosed).toBe(true));
  });

  it.each([
    ["no batch", frame("answer", 1, "no newline")],
    ["too many outcomes", answerFrame(1, [...notFound, ...notFound])],
    ["an outcome of something else", answerFrame(1, [{ kind: "deleted", version: null }])],
  ])("refuses only the answer that does not fit its batch: %s", async (_what, bytes) => {
    const { calls, peer } = await open();
    const execution = faultOf(calls.execute(puts(), call));
    await peer.message(1);
    peer.send(bytes);
    expect(await execution).toMatchObject({ reason: "malformedAnswer", isUnsent: false });
    const next = calls.execute(gets(), call);
    await peer.message(2);
    peer.send(answerFrame(2, notFound));
    expect(await next).toEqual(notFound);
  });

  it("cuts off an answer that exceeds the maximum length, and continues", async () => {
    const { calls, peer } = await open();
    const execution = faultOf(calls.execute(gets(), call));
    await peer.message(1);
    const part = Buffer.alloc(frameBodyBytesMax);
    peer.send(frame("answer", 1, part, true));
    for (let bytes = 0; bytes <= nodeAnswerBytesMax; bytes += part.length) peer.send(frame("part", 1, part, true));
    expect(await execution).toMatchObject({ reason: "answerTooLarge", isUnsent: false });
    await peer.message(1, "cancel");
    const next = calls.execute(gets(), call);
    await peer.message(2);
    peer.send(frame("part", 1, part), answerFrame(2, notFound));
    expect(await next).toEqual(notFound);
  });
});

describe("FrameCalls, when an answer arrives in tiny parts", () => {
  it("counts the memory that they take, so that a storage node cannot fill it with empty parts", async () => {
    const { calls, peer } = await open();
    const execution = faultOf(calls.execute(gets(), call));
    await peer.message(1);
    const parts = Buffer.concat(Array.from({ length: 1_000 }, () => frame("part", 1, "", true)));
    peer.send(frame("answer", 1, "", true));
    for (let sent = 0; sent <= nodeAnswerBytesMax / framePartBytesMin; sent += 1_000) peer.send(parts);
    expect(await execution).toMatchObject({ reason: "answerTooLarge", isUnsent: false });
  });
});

describe("FrameCalls, when the caller no longer waits", () => {
  it("gives up a call after its timeout, sends a cancellation, and ignores its answer", async () => {
    const { calls, peer } = await open();
    const others = calls.execute(gets(), call);
    const execution = faultOf(calls.execute(puts(), { timeoutMs: 100 }));
    await peer.message(2);
    peer.send(answerFrame(1, notFound));
    await others;
    expect(await execution).toMatchObject({ reason: "timeout", isUnsent: false });
    await peer.message(2, "cancel");
    peer.send(answerFrame(2, notFound));
    const next = calls.execute(gets(), call);
    await peer.message(3);
    peer.send(answerFrame(3, notFound));
    expect(await next).toEqual(notFound);
  });

  it("leaves a connection on which nothing has arrived during a whole call", async () => {
    const { calls, peer, left } = await open();
    const quick = faultOf(calls.execute(gets(), { timeoutMs: 50 }));
    const patient = calls.execute(gets(), call);
    await quick;
    expect(left).toHaveBeenCalledTimes(1);
    expect(calls.hasRoom).toBe(false);
    peer.send(answerFrame(2, notFound));
    expect(await patient).toEqual(notFound);
    await vi.waitFor(() => expect(peer.isEnded).toBe(true));
  });

  it("distinguishes an answer that arrived in large part from a storage node that is silent", async () => {
    const { calls, peer, left } = await open();
    const execution = faultOf(calls.execute(gets(), { timeoutMs: 300 }));
    await peer.message(1);
    const part = Buffer.alloc(frameBodyBytesMax);
    peer.send(frame("answer", 1, part, true));
    for (let bytes = 0; bytes < largeAnswerBytesMin; bytes += part.length) peer.send(frame("part", 1, part, true));
    expect(await execution).toMatchObject({ reason: "slowAnswer", isUnsent: false });
    expect(left.mock.calls.length).toBeLessThanOrEqual(1);
  });

  it("reads an answer that arrived while the gateway was blocked for longer than the call's timeout", async () => {
    const { calls, peer } = await open();
    const execution = calls.execute(gets(), { timeoutMs: 200 });
    await peer.message(1);
    peer.send(answerFrame(1, notFound));
    for (const untilMs = performance.now() + 600; performance.now() < untilMs;);
    expect(await execution).toEqual(notFound);
  });

  it("rejects an aborted call, and never sends one that was aborted before it began", async () => {
    const { calls, peer } = await open();
    const givenUp = new AbortController();
    const sent = faultOf(calls.execute(puts(), { ...call, signal: givenUp.signal }));
    await peer.message(1);
    givenUp.abort();
    expect(await sent).toMatchObject({ reason: "aborted", isUnsent: false });
    await peer.message(1, "cancel");
    const unsent = faultOf(calls.execute(puts(), { ...call, signal: AbortSignal.abort() }));
    expect(await unsent).toMatchObject({ reason: "aborted", isUnsent: true });
    const inTurn = new AbortController();
    const called = faultOf(calls.execute(puts(), { ...call, signal: inTurn.signal }));
    inTurn.abort();
    expect(await called).toMatchObject({ reason: "aborted", isUnsent: true });
    const next = calls.execute(gets(), { ...call, signal: new AbortController().signal });
    await peer.message(4);
    expect(peer.messages.map(({ id }) => id)).toEqual([1, 1, 4]);
    peer.send(answerFrame(4, notFound));
    await next;
  });
});

describe("FrameCalls, at its end", () => {
  it("closes a connection that it has left, even when the storage node reads nothing any more", async () => {
    const { calls, peer, socket, left } = await open();
    peer.socket.pause();
    const long = Array.from({ length: 8 }, (_, at) => routed(put(`k${at}`, JSON.stringify("x".repeat(1_000_000)))));
    await faultOf(calls.execute(long, { timeoutMs: 100 }));
    expect(left).toHaveBeenCalledTimes(1);
    await vi.waitFor(() => expect(socket.destroyed).toBe(true), { timeout: 15_000 });
  });

  it("accepts no call after a goodbye, has running calls answered, and ends the connection", async () => {
    const { calls, peer, left } = await open();
    const execution = calls.execute(gets(), call);
    await peer.message(1);
    peer.send(frame("goodbye", 0));
    await vi.waitFor(() => expect(calls.hasRoom).toBe(false));
    expect(left).toHaveBeenCalledTimes(1);
    expect(peer.isEnded).toBe(false);
    peer.send(answerFrame(1, notFound));
    expect(await execution).toEqual(notFound);
    await vi.waitFor(() => expect(peer.isEnded).toBe(true));
  });

  it("ends an unused connection after a while, and keeps one that is used", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const { calls, peer, left } = await open();
    const execution = calls.execute(gets(), call);
    await vi.waitFor(() => expect(peer.messages).toHaveLength(1));
    await vi.advanceTimersByTimeAsync(2 * frameIdleMs);
    expect(left).not.toHaveBeenCalled();
    peer.send(answerFrame(1, notFound));
    await execution;
    await vi.advanceTimersByTimeAsync(frameIdleMs);
    expect(left).toHaveBeenCalledTimes(1);
    expect(calls.hasRoom).toBe(false);
  });
});
