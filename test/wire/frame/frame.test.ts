import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameBodyBytesMax } from "../../../src/core/limits.js";
import {
  decodeHello,
  decodeRequest,
  encodeRequestFacts,
  FrameError,
  FrameReader,
  frameHeadBytes,
  frameTypes,
  writeFrameHead,
  type Frame,
  type FrameType,
} from "../../../src/wire/frame/frame.js";

const types = Object.keys(frameTypes) as FrameType[];
const bytesOf = (frame: Frame): Buffer => {
  const head = Buffer.alloc(frameHeadBytes);
  writeFrameHead(head, frame, frame.body.length);
  return Buffer.concat([head, frame.body]);
};

const frames = fc.array(
  fc
    .record({
      type: fc.constantFrom(...types),
      id: fc.nat(0xffff_ffff),
      hasMore: fc.boolean(),
      body: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    })
    .map((frame) => ({
      ...frame,
      hasMore: frame.hasMore && ["request", "answer", "problem", "part"].includes(frame.type),
    })),
  { maxLength: 10 },
);

/** The frames that are read from `bytes` when they arrive in chunks that end at `cuts`. */
function readIn(bytes: Buffer, cuts: readonly number[]): { read: Frame[]; reader: FrameReader } {
  const reader = new FrameReader();
  const read: Frame[] = [];
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  let at = 0;
  for (const end of ends) {
    reader.push(bytes.subarray(at, end));
    for (let frame = reader.next(); frame !== null; frame = reader.next()) read.push(frame);
    at = end;
  }
  return { read, reader };
}

describe("FrameReader", () => {
  it("reads the frames that were written, wherever their bytes are split", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(500), { maxLength: 20 }), (written, cuts) => {
        const { read, reader } = readIn(Buffer.concat(written.map(bytesOf)), cuts);
        expect(read.map((frame) => ({ ...frame, body: Buffer.from(frame.body) }))).toEqual(written);
        expect(reader.isWithinFrame).toBe(false);
      }),
    );
  });

  it("reads frames whose bytes arrive one by one, and knows when it is within one", () => {
    const frame: Frame = { type: "request", id: 7, hasMore: true, body: Buffer.from("abc") };
    const bytes = bytesOf(frame);
    const reader = new FrameReader();
    for (const byte of bytes.subarray(0, -1)) {
      reader.push(Buffer.of(byte));
      expect(reader.next()).toBeNull();
      expect(reader.isWithinFrame).toBe(true);
    }
    reader.push(bytes.subarray(-1));
    expect(reader.next()).toEqual(frame);
    expect(reader.isWithinFrame).toBe(false);
  });

  it("returns frames one by one, and keeps those that were not requested yet", () => {
    const frame: Frame = { type: "answer", id: 1, hasMore: false, body: Buffer.from("1") };
    const reader = new FrameReader();
    reader.push(Buffer.concat([bytesOf(frame), bytesOf({ ...frame, id: 2 })]));
    expect(reader.next()?.id).toBe(1);
    expect(reader.isWithinFrame).toBe(true);
    reader.push(bytesOf({ ...frame, id: 3 }));
    expect([reader.next()?.id, reader.next()?.id, reader.next()]).toEqual([2, 3, null]);
  });

  it("refuses a frame by its head, before its body has arrived", () => {
    const problemOf = (bytes: readonly number[]): unknown => {
      const reader = new FrameReader();
      reader.push(Buffer.from(bytes));
      try {
        return reader.next();
      } catch (error) {
        return error instanceof FrameError ? error.problem : error;
      }
    };
    expect(problemOf([0, 0, 0, 1, 7, 0, 0, 0, 1])).toBe("unknownType");
    expect(problemOf([0, 0, 0, 1, 0xff, 0, 0, 0, 1])).toBe("unknownType");
    expect(problemOf([0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 1])).toBe("tooLong");
    expect(problemOf([0, 1, 0, 1, 1, 0, 0, 0, 1])).toBe("tooLong");
    expect(problemOf([0, 1, 0, 0, 1, 0, 0, 0, 1])).toBeNull();
    for (const type of ["hello", "cancel", "goodbye"] as const) {
      expect(problemOf([0, 0, 0, 0, 0x80 | frameTypes[type], 0, 0, 0, 1])).toBe("neverInParts");
    }
    expect(problemOf([...Buffer.from("GET / HT")])).toBeNull();
    expect(problemOf([...Buffer.from("GET / HTTP/1.1\r\n")])).toBe("unknownType");
  });

  it("never throws anything but a FrameError, and never reads beyond the received bytes, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 10 }), (pieces) => {
        const reader = new FrameReader();
        let bytes = 0;
        try {
          for (const piece of pieces) {
            reader.push(Buffer.from(piece));
            for (let frame = reader.next(); frame !== null; frame = reader.next()) {
              bytes += frameHeadBytes + frame.body.length;
            }
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
        expect(bytes).toBeLessThanOrEqual(pieces.reduce((sum, piece) => sum + piece.length, 0));
      }),
    );
  });

  it("accepts a body of maximum length", () => {
    const frame: Frame = { type: "part", id: 0xffff_ffff, hasMore: true, body: Buffer.alloc(frameBodyBytesMax, 1) };
    const { read } = readIn(bytesOf(frame), [5, 9, 40_000]);
    expect(read).toEqual([frame]);
  });
});

describe("the request facts before a batch", () => {
  const printable = fc.string({ unit: fc.constantFrom(..."abc-0189"), maxLength: 55 });

  it("are decoded as they were encoded", () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff_ffff),
        printable,
        printable,
        fc.uint8Array(),
        (timeoutMs, requestId, traceparent, batch) => {
          const decoded = decodeRequest(
            Buffer.concat([encodeRequestFacts({ timeoutMs, requestId, traceparent }), batch]),
          );
          expect(decoded?.facts).toEqual({
            timeoutMs,
            requestId: requestId || undefined,
            traceparent: traceparent || undefined,
          });
          expect(decoded?.batch).toEqual(Buffer.from(batch));
        },
      ),
    );
  });

  it("have a timeout in whole milliseconds, rounded up, within the range of its field", () => {
    const timeOf = (timeoutMs: number) => decodeRequest(encodeRequestFacts({ timeoutMs }))?.facts.timeoutMs;
    expect([timeOf(0.2), timeOf(-1), timeOf(1e12)]).toEqual([1, 0, 0xffff_ffff]);
  });

  it("truncate longer texts", () => {
    const facts = { timeoutMs: 1, requestId: "i".repeat(300), traceparent: "t".repeat(300) };
    expect(decodeRequest(encodeRequestFacts(facts))?.facts).toEqual({
      timeoutMs: 1,
      requestId: "i".repeat(64),
      traceparent: "t".repeat(55),
    });
  });

  it.each([
    ["nothing", []],
    ["a time alone", [0, 0, 0, 1]],
    ["no length of a traceparent", [0, 0, 0, 1, 0]],
    ["a request id that breaks off", [0, 0, 0, 1, 3, 97]],
    ["a request id longer than any", [0, 0, 0, 1, 65, ...Buffer.alloc(80)]],
    ["a traceparent that breaks off", [0, 0, 0, 1, 0, 2, 97]],
    ["a traceparent longer than any", [0, 0, 0, 1, 0, 56, ...Buffer.alloc(80)]],
  ])("are null when there is %s", (_what, bytes) => {
    expect(decodeRequest(Buffer.from(bytes))).toBeNull();
  });
});

describe("decodeHello", () => {
  it("reads a storage node's hello, and ignores unknown members", () => {
    const hello = { requestsMax: 2, bytesMax: 3, connections: 1 };
    expect(decodeHello(Buffer.from(JSON.stringify({ ...hello, later: true })))).toEqual(hello);
  });

  it.each(["", "{", "null", "[]", '{"requestsMax":1,"bytesMax":1}', '{"requestsMax":0,"bytesMax":1,"connections":1}'])(
    "returns null for %j",
    (text) => {
      expect(decodeHello(Buffer.from(text))).toBeNull();
    },
  );
});
