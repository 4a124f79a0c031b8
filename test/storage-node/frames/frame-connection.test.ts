import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  drainTimeoutMs,
  frameBodyBytesMax,
  frameRequestsMax,
  idleConnectionMs,
  nodeBatchBodyBytesMax,
  receiveCheckMs,
  receiveTimeoutMs,
  refusedRequestMs,
} from "../../../src/core/limits.js";
import { ShardHost } from "../../../src/storage-node/shards/shard-host.js";
import type { StorageNodeOptions } from "../../../src/storage-node/node-server.js";
import { encodeRequestFacts } from "../../../src/wire/frame/frame.js";
import { clusterHeader } from "../../../src/wire/paths.js";
import { batch, frame, openPeer, upgradeHead, type FramePeer } from "../../support/frame-peer.js";
import { RecordTracer } from "../../support/record-tracer.js";
import { assignments, get, put } from "../operations.js";
import { runNode } from "../running-node.js";
import { frameRunningMax } from "../../../src/storage-node/frames/frame-connection.js";

async function runPeer(options: Partial<StorageNodeOptions> = {}, bytes: string = upgradeHead()) {
  const parts = await runNode(options);
  const peer = await openPeer(parts.node.url, bytes);
  onTestFinished(() => void peer.socket.destroy());
  await peer.message(0, "hello");
  return { ...parts, peer };
}

/** Stores a value of a megabyte under the key `large`, with a request in parts. */
async function putLarge(peer: FramePeer): Promise<void> {
  const body = batch([put("large", JSON.stringify("x".repeat(1_000_000)))]);
  peer.send(frame("request", 1, body.subarray(0, 60_000), true));
  for (let at = 60_000; at < body.length; at += 60_000) {
    peer.send(frame("part", 1, body.subarray(at, at + 60_000), at + 60_000 < body.length));
  }
  await peer.message(1, "answer");
}

/** Waits for the end of the connection and returns the message of its goodbye. */
async function goodbyeOf(peer: FramePeer): Promise<string> {
  const why = await peer.problem(0, "goodbye");
  await vi.waitFor(() => expect(peer.isEnded).toBe(true));
  return why;
}

describe("a connection of frames", () => {
  it("answers batches as POST /batch does", async () => {
    const { peer, send } = await runPeer();
    const operations = [put("a", "1"), get("a"), get("b")];
    peer.request(1, operations);
    expect(await peer.outcomes(1, operations)).toMatchObject([
      { kind: "written", isNew: true },
      { kind: "found", entry: { value: "1" } },
      { kind: "notFound" },
    ]);
    const { body } = await send("/batch", { method: "POST", body: batch([get("a"), get("b")]).subarray(6) });
    peer.request(2, [get("a"), get("b")]);
    expect((await peer.message(2)).body).toEqual(body);
  });

  it("answers in any order: a read does not wait for an earlier write", async () => {
    const { peer, engine } = await runPeer();
    engine.hold();
    peer.request(1, [put("a", "1")]);
    peer.request(2, [get("b")]);
    expect(await peer.outcomes(2, [get("b")])).toEqual([{ kind: "notFound" }]);
    engine.release();
    expect(await peer.outcomes(1, [put("a", "1")])).toMatchObject([{ kind: "written" }]);
    expect(peer.messages.map(({ id }) => id)).toEqual([0, 2, 1]);
  });

  it("transfers values of any length in frames of bounded length, with other frames in between", async () => {
    const { peer } = await runPeer();
    const value = JSON.stringify("x".repeat(1_000_000));
    const operations = [put("large", value)];
    const body = batch(operations);
    peer.send(frame("request", 1, body.subarray(0, 50_000), true));
    peer.request(2, [get("b")]);
    await peer.message(2, "answer");
    for (let at = 50_000; at < body.length; at += 50_000) {
      peer.send(frame("part", 1, body.subarray(at, at + 50_000), at + 50_000 < body.length));
    }
    expect(await peer.outcomes(1, operations)).toMatchObject([{ kind: "written" }]);
    peer.request(3, [get("large")]);
    const answer = await peer.message(3);
    expect(answer.frames).toBe(Math.ceil(answer.body.length / frameBodyBytesMax));
    expect(await peer.outcomes(3, [get("large")])).toMatchObject([{ entry: { value } }]);
  });

  it("refuses a batch that it cannot decode, and continues", async () => {
    const { peer } = await runPeer();
    peer.send(frame("request", 1, Buffer.concat([encodeRequestFacts({ timeoutMs: 1_000 }), Buffer.from("{}\n")])));
    expect(await peer.problem(1)).toMatch(/^BAD_REQUEST: .*`operations` is not an array/);
    peer.send(frame("request", 2, "abc"));
    expect(await peer.problem(2)).toBe("BAD_REQUEST: The head of the request cannot be read.");
    peer.request(3, [get("a")]);
    expect(await peer.outcomes(3, [get("a")])).toEqual([{ kind: "notFound" }]);
  });

  it("refuses a batch that exceeds the maximum length, and continues", async () => {
    const { peer } = await runPeer();
    const part = Buffer.alloc(frameBodyBytesMax, 1);
    peer.send(frame("request", 1, part, true));
    for (let bytes = 0; bytes <= nodeBatchBodyBytesMax; bytes += part.length) peer.send(frame("part", 1, part, true));
    peer.send(frame("part", 1, "", false));
    expect(await peer.problem(1)).toBe("BODY_TOO_LARGE: The batch exceeds the maximum length.");
    peer.request(2, [get("a")]);
    await peer.message(2, "answer");
  });

  it("refuses a gateway whose cluster is no longer the storage node's", async () => {
    const options = {
      gatewayUrls: ["http://127.0.0.1:9"],
      worker: { isFirst: false, count: 2, metricsText: async () => "" },
    };
    const { peer, engine } = await runPeer(options, upgradeHead([`${clusterHeader}: c2`]));
    peer.request(1, [get("a")]);
    expect(await peer.outcomes(1, [get("a")])).toMatchObject([{ code: "SHARD_UNAVAILABLE" }]);
    vi.spyOn(ShardHost.prototype, "document", "get").mockReturnValue({ clusterId: "c1" } as never);
    peer.request(2, [put("a", "1")]);
    expect(await peer.problem(2)).toBe(
      'CLUSTER_MISMATCH: This storage node belongs to cluster "c1"; the request is from cluster "c2".',
    );
    expect(engine.writes).toEqual([]);
    vi.restoreAllMocks();
  });

  it("refuses operations of another epoch than the storage node's", async () => {
    const { peer, send } = await runPeer();
    const assigned = await send("/assignments", { method: "PUT", body: JSON.stringify(assignments(1, { 2: 3 })) });
    expect(assigned.status).toBe(204);
    peer.request(2, [get("a", 4)]);
    expect(await peer.outcomes(2, [get("a")])).toMatchObject([{ kind: "refused", code: "SHARD_NOT_HOSTED" }]);
  });

  it("counts, traces and logs each request as it does those over HTTP", async () => {
    const tracer = new RecordTracer();
    const { peer, send, log } = await runPeer({ tracer });
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const facts = encodeRequestFacts({ timeoutMs: 1_000, requestId: "b1-7", traceparent });
    peer.send(frame("request", 1, Buffer.concat([facts, batch([get("a")]).subarray(6)])));
    await peer.message(1, "answer");
    const metrics = (await send("/metrics")).text;
    expect(metrics).toContain('shardgate_storage_requests_total{route="/batch",method="POST",status="200"} 1');
    const span = tracer.spans.find(({ name }) => name === "POST /batch");
    expect(span).toMatchObject({ parent: traceparent, isEnded: true, attributes: { "shardgate.request_id": "b1-7" } });
    expect(log.lines.map(({ facts: line }) => line["requestId"])).toContain("b1-7");
  });

  it("masks an unexpected error, and logs it", async () => {
    const { peer, log } = await runPeer();
    vi.spyOn(ShardHost.prototype, "execute").mockRejectedValueOnce(new Error("/secret/path"));
    peer.request(1, [get("a")]);
    expect(await peer.problem(1)).toBe(
      "INTERNAL_SERVER_ERROR: The storage node failed to process the request; its log has the cause.",
    );
    expect(log.lines.some(({ level }) => level === "error")).toBe(true);
  });
});

describe("a cancelled request", () => {
  it("does not start when it is cancelled in the same chunk", async () => {
    const { peer, engine } = await runPeer();
    peer.send(frame("request", 1, batch([get("a")])), frame("cancel", 1), frame("request", 2, batch([get("b")])));
    await peer.message(2, "answer");
    expect(engine.reads).toEqual([1]);
    expect(peer.messages.map(({ id }) => id)).toEqual([0, 2]);
  });

  it("does not start when parts of it are missing", async () => {
    const { peer, engine } = await runPeer();
    peer.send(frame("request", 1, batch([put("a", "1")]), true), frame("cancel", 1));
    peer.send(frame("request", 1, batch([get("b")])));
    await peer.message(1, "answer");
    expect(engine.writes).toEqual([]);
  });

  it("gets no answer when it has started, but its write is committed", async () => {
    const { peer, engine } = await runPeer();
    engine.hold();
    peer.request(1, [put("a", "1")]);
    await vi.waitFor(() => expect(engine.writes).toEqual([1]));
    peer.send(frame("cancel", 1), frame("cancel", 99));
    peer.request(2, [get("b")]);
    await peer.message(2);
    engine.release();
    peer.request(3, [put("a", "2"), get("a")]);
    expect(await peer.outcomes(3, [put("a", "2"), get("a")])).toMatchObject([{ isNew: false }, { kind: "found" }]);
    expect(peer.messages.map(({ id }) => id)).toEqual([0, 2, 3]);
  });

  it("does not start when it waits behind others", async () => {
    const { peer, engine } = await runPeer();
    engine.hold();
    for (let id = 1; id <= frameRunningMax; id++) peer.request(id, [put(`k${id}`, "1")]);
    peer.request(100, [put("cancelled", "1")]);
    peer.request(101, [get("cancelled")]);
    await vi.waitFor(() => expect(engine.writes).toEqual([1]));
    peer.send(frame("cancel", 100), frame("request", 102, "unreadable"));
    await peer.problem(102);
    engine.release();
    expect(await peer.outcomes(101, [get("cancelled")])).toEqual([{ kind: "notFound" }]);
    expect(peer.messages.map(({ id }) => id)).not.toContain(100);
  });

  it("does not start when its timeout passes before its turn", async () => {
    const { peer, engine, clock } = await runPeer();
    engine.hold();
    for (let id = 1; id <= frameRunningMax; id++) peer.request(id, [put(`k${id}`, "1")]);
    peer.send(frame("request", 100, batch([put("late", "1")], { timeoutMs: 500 })));
    peer.request(101, [get("late")]);
    peer.send(frame("request", 102, "unreadable"));
    await peer.problem(102);
    await clock.advance(501);
    engine.release();
    expect(await peer.outcomes(101, [get("late")])).toEqual([{ kind: "notFound" }]);
  });

  it("does not start when its timeout passed before it had arrived completely", async () => {
    const { peer, engine, clock } = await runPeer();
    const body = batch([put("a", "1")], { timeoutMs: 500 });
    peer.send(frame("request", 1, body.subarray(0, 30), true));
    peer.request(2, [get("b")]);
    await peer.message(2);
    await clock.advance(501);
    peer.send(frame("part", 1, body.subarray(30)));
    peer.request(3, [get("b")]);
    await peer.message(3);
    expect(engine.writes).toEqual([]);
  });
});

describe("a message that no gateway sends", () => {
  const body = batch([put("evil", "1")]);
  const part = Buffer.alloc(frameBodyBytesMax, 1);
  it.each([
    ["a type that is unknown", [Buffer.from([0, 0, 0, 0, 99, 0, 0, 0, 1])], "Frames of type 99 are unknown."],
    ["HTTP", [Buffer.from("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")], "Frames of type 47 are unknown."],
    [
      "a frame longer than any",
      [Buffer.from([0, 1, 0, 1, 1, 0, 0, 0, 1])],
      "A frame has 65537 bytes; at most 65536 are allowed.",
    ],
    ["a frame of 4 GiB", [Buffer.alloc(9, 0xff)], "Frames of type 127 are unknown."],
    ["a cancel in parts", [frame("cancel", 1, "", true)], "No cancel comes in parts."],
    ["a part of nothing", [frame("part", 7, "x")], "A frame continues request 7, which does not exist."],
    [
      "a part of a request that was cancelled",
      [frame("request", 1, body, true), frame("cancel", 1), frame("part", 1, "x")],
      "A frame continues request 1, which does not exist.",
    ],
    ["an id twice", [frame("request", 1, body, true), frame("request", 1, body)], "Request id 1 is already in use."],
    ["a hello", [frame("hello", 0, "{}")], "Gateways must not send frames of type hello."],
    ["an answer", [frame("answer", 1, "x")], "Gateways must not send frames of type answer."],
    ["a problem", [frame("problem", 1, "x")], "Gateways must not send frames of type problem."],
    ["a goodbye", [frame("goodbye", 0)], "Gateways must not send frames of type goodbye."],
    [
      "too many requests in parts",
      Array.from({ length: frameRequestsMax + 1 }, (_, id) => frame("request", id + 1, "", true)),
      `More than ${frameRequestsMax} requests are in progress on the connection.`,
    ],
    [
      "too many bytes in parts",
      [1, 2, 3, 4, 5].flatMap((id) => [
        frame("request", id, part, true),
        ...Array.from({ length: nodeBatchBodyBytesMax / part.length }, () => frame("part", id, part, true)),
      ]),
      "Requests of more than 50331648 bytes are in progress on the connection.",
    ],
  ])("ends the connection with a goodbye that gives the reason: %s", async (_what, frames, why) => {
    const { peer, engine, send } = await runPeer();
    // Earlier requests are answered first.
    peer.request(1_000_000, [get("a")]);
    peer.send(...frames);
    expect(await goodbyeOf(peer)).toBe(`BAD_REQUEST: ${why}`);
    expect(peer.messages.map(({ type }) => type)).toEqual(expect.arrayContaining(["hello", "goodbye", "answer"]));
    expect(engine.writes).toEqual([]);
    expect((await send("/health")).status).toBe(200);
  });

  it("destroys the connection of a peer that does not close its side", async () => {
    const { peer, clock } = await runPeer();
    peer.socket.on("end", () => {}).setKeepAlive(true);
    (peer.socket as { allowHalfOpen: boolean }).allowHalfOpen = true;
    peer.send(frame("hello", 0));
    await goodbyeOf(peer);
    await clock.advance(refusedRequestMs + 1);
    await vi.waitFor(() => {
      if (!peer.isClosed) peer.socket.write("x");
      expect(peer.isClosed).toBe(true);
    });
  });
});

describe("the bounds of a connection of frames", () => {
  it("limit how many requests run, and start the next one when one is answered", async () => {
    const { peer, engine, send } = await runPeer();
    engine.hold();
    for (let id = 1; id <= frameRequestsMax + 5; id++) peer.request(id, [put(`k${id}`, "1")]);
    const inFlight = async () =>
      / (\d+)\n/.exec((await send("/metrics")).text.split("requests_in_flight").at(-1) ?? "")?.[1];
    await vi.waitFor(async () => expect(await inFlight()).toBe(String(frameRunningMax + 1)));
    engine.release();
    for (let id = 1; id <= frameRequestsMax + 5; id++) await peer.message(id, "answer");
  });

  it("stop reading from a gateway that reads no answers, and close its connection when that lasts", async () => {
    const { peer, engine, clock } = await runPeer();
    await putLarge(peer);
    peer.socket.pause();
    for (let id = 2; id <= 200; id++) peer.request(id, [get("large")]);
    // 16 MiB of answers wait, beside what the sockets' own buffers hold.
    await vi.waitFor(() => expect(engine.reads.length).toBeGreaterThan(16));
    const before = engine.reads.length;
    await clock.advance(receiveCheckMs);
    expect(engine.reads.length).toBeLessThan(100);
    expect(engine.reads.length).toBeGreaterThanOrEqual(before);
    await clock.advance(receiveTimeoutMs + 2 * receiveCheckMs);
    peer.socket.resume();
    await vi.waitFor(() => expect(peer.isClosed).toBe(true));
    expect(peer.messages.length).toBeLessThan(100);
  });

  it.each([
    ["a frame that breaks off", frame("request", 1, "x".repeat(100)).subarray(0, 50)],
    ["a head that breaks off", Buffer.from([0, 0])],
    ["a request whose parts stop coming", frame("request", 1, batch([get("a")]), true)],
  ])("close the connection of a gateway that stops in the middle: %s", async (_what, bytes) => {
    const { peer, clock } = await runPeer();
    peer.request(5, [get("a")]);
    peer.send(bytes);
    await peer.message(5);
    for (let ms = 0; ms < receiveTimeoutMs; ms += receiveCheckMs) await clock.advance(receiveCheckMs);
    expect(peer.isEnded).toBe(false);
    await clock.advance(2 * receiveCheckMs);
    expect(await goodbyeOf(peer)).toBe("BAD_REQUEST: A request did not arrive in time.");
  });

  it("let an idle connection be ended first by the gateway, then by the storage node", async () => {
    const { peer, clock } = await runPeer();
    peer.request(1, [get("a")]);
    await peer.message(1);
    for (let ms = 0; ms < idleConnectionMs; ms += receiveCheckMs) await clock.advance(receiveCheckMs);
    expect(peer.messages.map(({ type }) => type)).toEqual(["hello", "answer"]);
    await clock.advance(receiveCheckMs);
    await peer.message(0, "goodbye");
    peer.request(2, [get("a")]);
    await peer.message(2, "answer");
    for (let ms = 0; ms <= idleConnectionMs; ms += receiveCheckMs) await clock.advance(receiveCheckMs);
    await clock.advance(receiveCheckMs);
    await vi.waitFor(() => expect(peer.isEnded).toBe(true));
  });

  it("do not count a connection as idle while a request is running", async () => {
    const { peer, engine, clock } = await runPeer();
    engine.holdReads();
    peer.request(1, [get("a")]);
    await vi.waitFor(() => expect(engine.reads).toEqual([1]));
    // The read itself has been given up by then; nothing else has.
    await clock.advance(receiveCheckMs);
    expect(peer.messages.map(({ type }) => type)).toEqual(["hello"]);
    engine.release();
    await peer.message(1, "answer");
  });
});

describe("a storage node that drains", () => {
  it("says goodbye, answers accepted requests, and refuses later ones with DRAINING", async () => {
    const { peer, engine, node, clock } = await runPeer();
    engine.hold();
    peer.request(1, [put("a", "1")]);
    await vi.waitFor(() => expect(engine.writes).toEqual([1]));
    const draining = node.drain();
    expect((await peer.message(0, "goodbye")).body).toHaveLength(0);
    peer.request(2, [get("a")]);
    expect(await peer.problem(2)).toBe("DRAINING: The storage node is shutting down.");
    engine.release();
    expect(await peer.outcomes(1, [put("a", "1")])).toMatchObject([{ kind: "written" }]);
    await clock.advance(1_000);
    await draining;
    await vi.waitFor(() => expect(peer.isClosed).toBe(true));
  });

  it("destroys a connection whose requests do not end in time", async () => {
    const { peer, engine, node, clock } = await runPeer();
    engine.hold();
    peer.request(1, [put("a", "1")]);
    await vi.waitFor(() => expect(engine.writes).toEqual([1]));
    const draining = node.drain();
    await clock.advance(drainTimeoutMs);
    await vi.waitFor(() => expect(peer.isClosed).toBe(true));
    engine.release();
    await draining;
  });

  it("destroys a connection whose gateway reads nothing any more", async () => {
    const { peer, engine, node, clock } = await runPeer();
    await putLarge(peer);
    peer.socket.pause();
    for (let id = 2; id <= 30; id++) peer.request(id, [get("large")]);
    await vi.waitFor(() => expect(engine.reads.length).toBeGreaterThan(10));
    let isOver = false;
    const draining = node.drain().finally(() => (isOver = true));
    while (!isOver) await clock.advance(refusedRequestMs);
    await draining;
    expect(peer.messages.length).toBeLessThan(30);
    expect(clock.monotonicMs()).toBeLessThan(receiveTimeoutMs);
  });

  it("ends a connection whose gateway ended its side, once all requests are answered", async () => {
    const { peer, engine } = await runPeer();
    engine.hold();
    peer.request(1, [put("a", "1")]);
    await vi.waitFor(() => expect(engine.writes).toEqual([1]));
    peer.socket.end();
    await peer.message(0, "goodbye");
    engine.release();
    await peer.message(1, "answer");
    await vi.waitFor(() => expect(peer.isEnded).toBe(true));
  });

  it("completes a write whose gateway has disconnected", async () => {
    const { peer, engine, send } = await runPeer();
    engine.hold();
    peer.request(1, [put("a", "1")]);
    await vi.waitFor(() => expect(engine.writes).toEqual([1]));
    peer.socket.resetAndDestroy();
    engine.release();
    await vi.waitFor(async () => expect((await send("/shard/2/store/a")).status).toBe(200));
  });
});
