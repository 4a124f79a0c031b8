import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newline, ValueReader, ValueWriter, decodedTogetherBytesMax } from "../../../src/wire/batch/batch-values.js";

function written(
  head: string,
  values: readonly string[],
): { readonly body: Buffer; readonly lengths: readonly number[] } {
  const writer = new ValueWriter();
  const lengths = values.map((value) => writer.add(value));
  return { body: writer.behind(head), lengths };
}

function readerOf(body: Buffer, count = 9): ValueReader {
  return new ValueReader(body, body.indexOf(newline) + 1, count);
}

describe("the values of a batch", () => {
  it("are read as they were written, in order, after the head", () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii" }), fc.array(text), (head, values) => {
        const { body, lengths } = written(head, values);
        expect(body.toString("utf8")).toBe(`${head}\n${values.join("")}`);
        expect(lengths).toEqual(values.map((value) => Buffer.byteLength(value)));
        const reader = new ValueReader(body, Buffer.byteLength(head) + 1, values.length);
        expect(lengths.map((length) => reader.text(length))).toEqual(values);
        expect(() => reader.end()).not.toThrow();
      }),
    );
  });

  it.each([
    ["ASCII", "x"],
    ["Latin-1, which UTF-8 writes with two bytes", "é"],
    ["beyond the basic plane", "😀"],
  ])("may be longer than the values that are decoded together: %s", (_, character) => {
    const values = [character.repeat(9 * decodedTogetherBytesMax), "", character];
    const { body, lengths } = written("{}", values);
    const reader = readerOf(body);
    expect(lengths.map((length) => reader.text(length))).toEqual(values);
  });

  it("can be read strictly or not, in any mixture", () => {
    const { body } = written("{}", ["ab", "cde", "f"]);
    const reader = readerOf(body);
    expect(reader.strictText(2)).toBe("ab");
    expect(reader.text(3)).toBe("cde");
    expect(() => reader.end()).toThrow("bytes are left behind the last value");
    expect(reader.has(1)).toBe(true);
    expect(reader.has(2)).toBe(false);
    expect(reader.strictText(1)).toBe("f");
    expect(reader.isAtEnd).toBe(true);
  });

  it.each([[9], [0]])(
    "are refused by strict reading when they are not UTF-8, without an effect on the others (of %i expected)",
    (count) => {
      // The second value's bytes form whole characters only together with the third's.
      const body = Buffer.concat([Buffer.from("{}\nab"), Buffer.from("é"), Buffer.from("ü")]);
      const reader = readerOf(body, count);
      expect([2, 1, 1, 2].map((length) => reader.strictText(length))).toEqual(["ab", null, null, "ü"]);
      const lenient = readerOf(body, count);
      expect([2, 1, 1, 2].map((length) => lenient.text(length))).toEqual(["ab", "\ufffd", "\ufffd", "ü"]);
    },
  );

  it.each([[-1], [0.5], ["1"], [undefined], [Number.NaN]])("cannot have the length %s", (length) => {
    const reader = readerOf(written("{}", ["ab"]).body);
    expect(() => reader.strictText(length)).toThrow("is not a length");
    expect(() => reader.text(length)).toThrow("is not a length");
  });

  it("do not extend beyond the body", () => {
    const reader = readerOf(written("{}", ["ab"]).body);
    expect(() => reader.text(3)).toThrow("the body ends inside a value");
    expect(reader.text(2)).toBe("ab");
  });
});
