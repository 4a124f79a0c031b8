import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameBodyBytesMax } from "../../../src/core/limits.js";
import { FrameReader, type Frame } from "../../../src/wire/frame/frame.js";
import { FrameWriter, OutgoingMessage, frameJoinedBytesMax } from "../../../src/wire/frame/frame-writer.js";

/** A connection that accepts all bytes but asks for a pause from its `willing`th write on, until it is drained. */
function sinkOf(willing = Infinity) {
  const writes: Buffer[] = [];
  let corked = 0;
  let undrained = 0;
  const drain = (writer: FrameWriter): void => {
    undrained = 0;
    writer.drained();
  };
  const sink = {
    destroyed: false,
    write: (bytes: Buffer) => (writes.push(Buffer.from(bytes)), ++undrained < willing),
    cork: () => void corked++,
    uncork: () => void corked--,
  };
  return { sink, writes, drain, isCorked: () => corked > 0 };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function framesIn(writes: readonly Buffer[]): readonly Frame[] {
  const reader = new FrameReader();
  reader.push(Buffer.concat(writes));
  const frames: Frame[] = [];
  for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
  expect(reader.isWithinFrame).toBe(false);
  return frames;
}

/** The bodies of the messages in `frames`, by id. */
function bodiesIn(frames: readonly Frame[]): ReadonlyMap<number, Buffer> {
  const parts = new Map<number, Buffer[]>();
  for (const { id, type, body } of frames) {
    if (type !== "part") parts.set(id, []);
    parts.get(id)?.push(body);
  }
  return new Map([...parts].map(([id, bodies]) => [id, Buffer.concat(bodies)]));
}

const large = (bytes: number, fill = 1): Buffer => Buffer.alloc(bytes, fill);

describe("FrameWriter", () => {
  it("writes all short messages of one turn at once, in order", async () => {
    const { sink, writes } = sinkOf();
    const writer = new FrameWriter(sink);
    writer.send(new OutgoingMessage("answer", 1, Buffer.from("one")));
    await Promise.resolve();
    writer.send(new OutgoingMessage("request", 2, Buffer.from("two"), Buffer.from("prefix ")));
    writer.send(new OutgoingMessage("cancel", 3, Buffer.alloc(0)));
    expect(writes).toEqual([]);
    expect(writer.unfinishedBytes).toBe(13);
    await turn();
    expect(writes).toHaveLength(1);
    expect(framesIn(writes)).toEqual([
      { type: "answer", id: 1, hasMore: false, body: Buffer.from("one") },
      { type: "request", id: 2, hasMore: false, body: Buffer.from("prefix two") },
      { type: "cancel", id: 3, hasMore: false, body: Buffer.alloc(0) },
    ]);
    expect([writer.unfinishedBytes, writer.isIdle]).toEqual([0, true]);
  });

  it("splits a long message, and writes short ones that arrive later before its end", async () => {
    const { sink, writes, drain } = sinkOf(2);
    const writer = new FrameWriter(sink);
    const long = new OutgoingMessage("answer", 1, large(3 * frameBodyBytesMax), Buffer.from("p"));
    writer.send(long);
    await turn();
    expect(long.isBegun).toBe(true);
    writer.send(new OutgoingMessage("answer", 2, Buffer.from("short")));
    for (let times = 0; times < 20 && !writer.isIdle; times++) drain(writer);
    const frames = framesIn(writes);
    expect(frames.map(({ id, type, hasMore }) => `${id} ${type} ${hasMore}`)).toEqual([
      "1 answer true",
      "1 part true",
      "2 answer false",
      "1 part true",
      "1 part false",
    ]);
    expect(
      bodiesIn(frames)
        .get(1)
        ?.equals(Buffer.concat([Buffer.from("p"), large(3 * frameBodyBytesMax)])),
    ).toBe(true);
  });

  it("writes nothing while the connection wants no more, so that a message can be withdrawn unsent", async () => {
    const { sink, writes, drain } = sinkOf(1);
    const writer = new FrameWriter(sink);
    writer.send(new OutgoingMessage("request", 1, Buffer.from("one")));
    await turn();
    const waiting = new OutgoingMessage("request", 2, Buffer.from("two"), Buffer.from("p"));
    writer.send(waiting);
    writer.send(new OutgoingMessage("request", 3, Buffer.from("three")));
    await turn();
    writer.flush();
    expect(writes).toHaveLength(1);
    writer.drop(2);
    writer.drop(99);
    expect(writer.unfinishedBytes).toBe(5);
    drain(writer);
    expect(waiting.isBegun).toBe(false);
    expect(framesIn(writes).map(({ id }) => id)).toEqual([1, 3]);
  });

  it("writes no further part of a message that is dropped in its middle", async () => {
    const { sink, writes, drain } = sinkOf(2);
    const writer = new FrameWriter(sink);
    writer.send(new OutgoingMessage("answer", 1, large(3 * frameBodyBytesMax)));
    await turn();
    writer.drop(1);
    drain(writer);
    expect(framesIn(writes)).toMatchObject([{ id: 1, hasMore: true }]);
    expect([writer.unfinishedBytes, writer.isIdle]).toEqual([0, true]);
  });

  it("leaves large pieces uncopied and corks them", async () => {
    const { sink, writes, isCorked } = sinkOf();
    const writer = new FrameWriter(sink);
    writer.send(new OutgoingMessage("answer", 1, large(frameJoinedBytesMax)));
    await turn();
    expect(writes.map(({ length }) => length)).toEqual([9, frameJoinedBytesMax]);
    expect(isCorked()).toBe(false);
  });

  it("begins nothing on a closed connection", async () => {
    const { sink, writes } = sinkOf();
    const writer = new FrameWriter(sink);
    const message = new OutgoingMessage("request", 1, Buffer.from("1"));
    writer.send(message);
    sink.destroyed = true;
    await turn();
    expect([writes, message.isBegun]).toEqual([[], false]);
  });

  it("writes nothing once it is stopped", async () => {
    const { sink, writes } = sinkOf();
    const writer = new FrameWriter(sink);
    writer.send(new OutgoingMessage("answer", 1, Buffer.from("1")));
    writer.stop();
    writer.send(new OutgoingMessage("answer", 2, Buffer.from("2")));
    await turn();
    expect([writes, writer.unfinishedBytes]).toEqual([[], 0]);
  });

  it("transfers all messages completely, whatever their lengths and however often the connection pauses", async () => {
    const lengths = fc.array(fc.oneof(fc.nat(100), fc.integer({ min: 60_000, max: 140_000 })), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer({ min: 1, max: 4 }), async (all, willing) => {
        const { sink, writes, drain } = sinkOf(willing);
        const writer = new FrameWriter(sink);
        const bodies = all.map((bytes, id) => large(bytes, id + 1));
        for (const [id, body] of bodies.entries()) writer.send(new OutgoingMessage("answer", id, body));
        await turn();
        for (let times = 0; times < 100 && !writer.isIdle; times++) drain(writer);
        const arrived = bodiesIn(framesIn(writes));
        expect(arrived.size).toBe(bodies.length);
        for (const [id, body] of bodies.entries()) expect(arrived.get(id)?.equals(body)).toBe(true);
        expect(writer.unfinishedBytes).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
