import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodedTogetherBytesMax } from "../../src/core/limits.js";
import { newline, ValueReader, ValueWriter } from "../../src/wire/batch-values.js";

function written(
  head: string,
  values: readonly string[],
): { readonly body: Buffer; readonly lengths: readonly number[] } {
  const writer = new ValueWriter();
  const lengths = values.map((value) => writer.add(value));
  return { body: writer.behind(head), lengths };
}

function readerOf(body: Buffer, count = 9): ValueReader {
  return new ValueReader(body.subarray(body.indexOf(newline) + 1), count);
}

describe("the values of a batch", () => {
  it("come back as they were written, in order, behind the head", () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii" }), fc.array(text), (head, values) => {
        const { body, lengths } = written(head, values);
        expect(body.toString("utf8")).toBe(`${head}\n${values.join("")}`);
        expect(lengths).toEqual(values.map((value) => Buffer.byteLength(value)));
        const reader = new ValueReader(body.subarray(Buffer.byteLength(head) + 1), values.length);
        expect(lengths.map((length) => reader.text(length))).toEqual(values);
        expect(() => reader.end()).not.toThrow();
      }),
    );
  });

  it.each([
    ["ASCII", "x"],
    ["Latin-1, which UTF-8 writes with two bytes", "é"],
    ["beyond the basic plane", "😀"],
  ])("may be longer than what is decoded together: %s", (_, character) => {
    const values = [character.repeat(9 * decodedTogetherBytesMax), "", character];
    const { body, lengths } = written("{}", values);
    const reader = readerOf(body);
    expect(lengths.map((length) => reader.text(length))).toEqual(values);
  });

  it("can be had as bytes, and in any mixture", () => {
    const { body } = written("{}", ["ab", "cde", "f"]);
    const reader = readerOf(body);
    expect(reader.bytes(2).toString()).toBe("ab");
    expect(reader.text(3)).toBe("cde");
    expect(() => reader.end()).toThrow("bytes are left behind the last value");
    expect(reader.bytes(1).toString()).toBe("f");
  });

  it.each([[-1], [0.5], ["1"], [undefined], [Number.NaN]])("have no length %s", (length) => {
    const reader = readerOf(written("{}", ["ab"]).body);
    expect(() => reader.bytes(length)).toThrow("is not a length");
    expect(() => reader.text(length)).toThrow("is not a length");
  });

  it("do not reach beyond the body", () => {
    const reader = readerOf(written("{}", ["ab"]).body);
    expect(() => reader.text(3)).toThrow("the body ends inside a value");
    expect(reader.text(2)).toBe("ab");
  });
});
