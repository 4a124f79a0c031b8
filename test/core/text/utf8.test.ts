import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ownText, strictUtf8Text, utf8Text } from "../../../src/core/text/utf8.js";

const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Short and long, ASCII and not, and bytes that are not text. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }).map((text) => Buffer.from(text)),
  fc.string({ unit: "grapheme-ascii", minLength: 300, maxLength: 600 }).map((text) => Buffer.from(text)),
  fc.string({ unit: "binary", minLength: 300, maxLength: 600 }).map((text) => Buffer.from(text)),
);

function strictOrNull(part: Uint8Array): string | null {
  try {
    return strict.decode(part);
  } catch {
    return null;
  }
}

describe("text from UTF-8 bytes", () => {
  it("is the same as that of the standard decoder, whatever the offset", () => {
    fc.assert(
      fc.property(bytes, fc.nat({ max: 20 }), fc.nat({ max: 20 }), (part, before, behind) => {
        const buffer = Buffer.concat([Buffer.alloc(before, 0xc3), part, Buffer.alloc(behind, 0xa9)]);
        const end = before + part.length;
        expect(utf8Text(buffer, before, end)).toBe(lenient.decode(part));
        expect(strictUtf8Text(buffer, before, end)).toBe(strictOrNull(part));
      }),
    );
  });

  it("is the same after a copy into memory of its own", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (text) => {
        expect(ownText(text)).toBe(text);
      }),
    );
  });
});
