import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import {
  frameBodyBytesMax,
  frameRequestBytesMax,
  frameRequestsMax,
  nodeBatchBodyBytesMax,
  receiveCheckMs,
  receiveTimeoutMs,
} from "../../../src/core/limits.js";
import {
  FrameConnection,
  frameRunningMax,
  frameAnswerBytesMax,
} from "../../../src/storage-node/frames/frame-connection.js";
import { PartialRequests } from "../../../src/storage-node/frames/partial-requests.js";
import { encodeRequestFacts } from "../../../src/wire/frame/frame.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { frame } from "../../support/frame-peer.js";
import { RecordLog } from "../../support/record-log.js";

const facts = encodeRequestFacts({ timeoutMs: 5_000 });

/** A request of about `bytes`, in as many frames as necessary. */
function request(id: number, bytes: number): Buffer {
  const frames = [frame("request", id, facts, bytes > 0)];
  for (let left = bytes; left > 0; left -= frameBodyBytesMax) {
    frames.push(frame("part", id, Buffer.alloc(Math.min(left, frameBodyBytesMax)), left > frameBodyBytesMax));
  }
  return Buffer.concat(frames);
}

/** A connection whose requests are answered when a test decides. `isFetched`: whether the gateway reads the answers. */
function openConnection(isFetched = true) {
  const clock = new FakeClock();
  const asked: { answer(): Promise<void> }[] = [];
  const socket = new Duplex({
    read: () => {},
    write: (_bytes, _encoding, done) => {
      if (isFetched) done();
    },
  });
  const connection = new FrameConnection(
    socket,
    Buffer.alloc(0),
    {},
    {
      answer: () => new Promise((resolve) => asked.push({ answer: () => (resolve(Buffer.alloc(1)), settle()) })),
      gate: { isClosed: false, begin: () => {}, end: () => {} },
      metrics: { requestAnswered: () => {} },
      clock,
      log: new RecordLog(),
      connections: 1,
    },
  );
  const receive = async (bytes: Buffer): Promise<void> => {
    socket.emit("data", bytes);
    await settle();
  };
  return { clock, asked, socket, connection, receive };
}

describe("a connection of frames", () => {
  it("stops reading when the accepted requests have as many bytes as allowed", async () => {
    const { asked, socket, receive } = openConnection();
    const count = frameRequestBytesMax / nodeBatchBodyBytesMax;
    for (let id = 1; id <= count; id++) {
      expect(socket.isPaused()).toBe(false);
      await receive(request(id, nodeBatchBodyBytesMax));
    }
    expect(socket.isPaused()).toBe(true);
    await asked[0]?.answer();
    expect(socket.isPaused()).toBe(false);
  });

  it("stops reading when the peer reads no refusals", async () => {
    const { socket, receive } = openConnection(false);
    const refused = Buffer.concat(Array.from({ length: 10_000 }, (_, id) => frame("request", id, "bad")));
    for (let bytes = 0; bytes <= frameAnswerBytesMax && !socket.isPaused(); bytes += 10_000 * 64)
      await receive(refused);
    expect(socket.isPaused()).toBe(true);
  });

  it("frees a request that is cancelled before it starts", async () => {
    const { socket, receive } = openConnection();
    for (let id = 1; id <= frameRunningMax; id++) await receive(request(id, 0));
    const before = process.memoryUsage().arrayBuffers;
    for (let id = 100; id < 100 + 64; id++) {
      await receive(Buffer.concat([request(id, nodeBatchBodyBytesMax / 2), frame("cancel", id)]));
    }
    expect(socket.isPaused()).toBe(false);
    // All of them together have 384 MiB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 1024 * 1024);
  });

  it("reads on when the requests that made it stop were too late to start", async () => {
    const { socket, receive, clock } = openConnection();
    const late = encodeRequestFacts({ timeoutMs: 500 });
    const ids = Array.from({ length: frameRequestsMax }, (_, at) => at + 1);
    for (const id of ids) await receive(frame("request", id, late.subarray(0, 3), true));
    await clock.advance(501);
    await receive(Buffer.concat(ids.map((id) => frame("part", id, late.subarray(3)))));
    expect(socket.isPaused()).toBe(false);
  });

  it("continues with a gateway that is always within a frame, as long as each frame arrives in time", async () => {
    const { clock, socket, connection, receive } = openConnection();
    const bytes = frame("cancel", 1);
    await receive(bytes.subarray(0, 5));
    for (let ms = 0; ms <= 2 * receiveTimeoutMs; ms += receiveCheckMs) {
      await clock.advance(receiveCheckMs);
      await receive(Buffer.concat([bytes.subarray(5), bytes.subarray(0, 5)]));
      connection.check(clock.monotonicMs());
    }
    expect(socket.writableEnded).toBe(false);
    await clock.advance(receiveTimeoutMs + 1);
    connection.check(clock.monotonicMs());
    await settle();
    expect(socket.writableEnded).toBe(true);
  });
});

describe("a request in parts", () => {
  it("counts by the memory that its parts take, not by their content", () => {
    const requests = new PartialRequests();
    const sendEmptyParts = (): void => {
      for (let id = 1; id <= 5; id++) requests.begin(id, Buffer.alloc(0), 0);
      for (let at = 0; at < 60_000; at++) requests.add((at % 5) + 1, Buffer.alloc(0), true);
    };
    expect(sendEmptyParts).toThrow("Requests of more than 50331648 bytes are in progress on the connection.");
  });

  it("does not keep alive the bytes that were received with its short parts", () => {
    const requests = new PartialRequests();
    const piece = Buffer.alloc(frameBodyBytesMax, 1);
    requests.begin(1, piece.subarray(0, 2), 0);
    piece.fill(2);
    expect(requests.add(1, piece.subarray(0, 1), false)?.body).toEqual(Buffer.from([1, 1, 2]));
  });
});
