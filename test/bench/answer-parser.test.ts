/** The load's own reader of HTTP answers, on answers in pieces of every size and on what is none. */
import { describe, expect, it } from "vitest";
import { benchModule } from "./bench-module.js";

interface Answer {
  readonly status: number;
  readonly start: string;
}

const { answerParser } = await benchModule<{
  answerParser: (onAnswer: (answer: Answer) => void) => { push(piece: Buffer): void };
}>("answer-parser.mjs");

/** What is read of `text` when it arrives in pieces of `size` bytes, all of them in one buffer that is filled again. */
function answersIn(text: string, size: number): readonly Answer[] {
  const answers: Answer[] = [];
  const parser = answerParser((answer) => answers.push(answer));
  const bytes = Buffer.from(text, "latin1");
  const reused = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const length = bytes.copy(reused, 0, at, at + size);
    parser.push(reused.subarray(0, length));
  }
  return answers;
}

const counted = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}';
const chunked =
  "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n" +
  '4\r\n{"a"\r\n19;name=value\r\n:"a text\r\n\r\n0\r\n\r\n of it"}\r\n0\r\nx-trailer: 1\r\n\r\n';
const withoutBody = "HTTP/1.1 204 No Content\r\nx-shard: 2\r\n\r\n";
const empty = "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
const long = `HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n${"x".repeat(3000)}`;

describe("the answer parser of the load generator", () => {
  it.each([1, 2, 3, 7, 16, 61, 100_000])("reads answers of all kinds in pieces of %i bytes", (size) => {
    expect(answersIn(counted + chunked + withoutBody + empty + long + counted, size)).toEqual([
      { status: 200, start: '{"a":1}' },
      { status: 201, start: '{"a":"a text\r\n\r\n0\r\n\r\n of it"}' },
      { status: 204, start: "" },
      { status: 201, start: "" },
      { status: 200, start: "x".repeat(1024) },
      { status: 200, start: '{"a":1}' },
    ]);
  });

  it.each([1, 5, 100_000])("does not mistake a part of an answer for the whole, in pieces of %i bytes", (size) => {
    for (const whole of [counted, chunked, empty]) {
      for (let length = 0; length < whole.length; length++) expect(answersIn(whole.slice(0, length), size)).toEqual([]);
    }
  });

  it.each([
    ["an answer whose length nobody says", "HTTP/1.1 200 OK\r\n\r\nrest", /length is not said/],
    ["an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", /no answer/],
    ["what is not HTTP", "hello\r\n\r\n", /no answer/],
    ["a chunk without a size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", /chunk's size is "zz"/],
    ["a head without an end", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`, /does not end/],
  ])("refuses %s", (_name, text, message) => {
    expect(() => answersIn(text, 100_000)).toThrow(message);
  });
});
