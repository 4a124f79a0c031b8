import { describe, expect, it } from "vitest";
import { readLines, type Line } from "../../../src/cli/transfer/line-reader.js";
import { bytesOf } from "../test-environment.js";

async function linesOf(text: string | Uint8Array, lineBytesMax = 100, chunkBytes = 3): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of readLines(bytesOf(text, chunkBytes), lineBytesMax)) lines.push(line);
  return lines;
}

describe("readLines", () => {
  it.each([1, 2, 3, 1000])("finds lines whatever the chunks are (%i bytes)", async (chunkBytes) => {
    expect(await linesOf("one\n\ntwö 🚀\nthree", 100, chunkBytes)).toEqual([
      { number: 1, text: "one" },
      { number: 2, text: "" },
      { number: 3, text: "twö 🚀" },
      { number: 4, text: "three" },
    ]);
  });

  it("returns no line after the last line feed, and none from an empty stream", async () => {
    expect(await linesOf("one\n")).toEqual([{ number: 1, text: "one" }]);
    expect(await linesOf("")).toEqual([]);
  });

  it("drops a byte order mark at the start only", async () => {
    expect(await linesOf("\uFEFFone\n\uFEFFtwo")).toEqual([
      { number: 1, text: "one" },
      { number: 2, text: "\uFEFFtwo" },
    ]);
  });

  it("reports a line that is too long and continues with the next", async () => {
    expect(await linesOf(`abcde\n${"x".repeat(50)}\nfghij\n${"y".repeat(6)}`, 5)).toEqual([
      { number: 1, text: "abcde" },
      { number: 2, problem: "is longer than 5 bytes" },
      { number: 3, text: "fghij" },
      { number: 4, problem: "is longer than 5 bytes" },
    ]);
  });

  it("reports a line that is not UTF-8 and continues with the next", async () => {
    expect(await linesOf(Buffer.from([0x61, 0x0a, 0xc3, 0x28, 0x0a, 0x62]))).toEqual([
      { number: 1, text: "a" },
      { number: 2, problem: "is not UTF-8" },
      { number: 3, text: "b" },
    ]);
  });
});
