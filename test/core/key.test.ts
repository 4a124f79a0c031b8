import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareKeys, encodeKeySegment, keyProblem, parseKey, parseKeySegment } from "../../src/core/key.js";

const anyKey = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((text) => keyProblem(text) === null);

describe("parseKey", () => {
  it.each([
    "a",
    "a/b",
    "a%2Fb",
    "__proto__",
    "toJSON",
    "a b",
    "grüße",
    "e\u0301",
    "\u00e9",
    "😀",
    "...",
    "k".repeat(1024),
  ])("accepts %j unchanged", (text) => {
    expect(parseKey(text)).toBe(text);
  });

  it.each([
    ["", "is empty"],
    [".", "is reserved"],
    ["..", "is reserved"],
    ["k".repeat(1025), "is longer than 1024 bytes"],
    ["ü".repeat(513), "is longer than 1024 bytes"],
    ["a\u0000b", "has a control character"],
    ["a\r\nb", "has a control character"],
    ["\u007f", "has a control character"],
    ["\u0085", "has a control character"],
    ["a\ud800", "has a lone surrogate"],
    ["\udc00a", "has a lone surrogate"],
  ])("refuses %j", (text, phrase) => {
    expect(() => parseKey(text)).toThrowError(
      expect.objectContaining({ code: "INVALID_KEY", message: expect.stringContaining(phrase) }),
    );
  });

  it("shortens a long key in its message", () => {
    expect(() => parseKey("k".repeat(5000))).toThrowError(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,120}$/) }),
    );
  });
});

describe("path segments", () => {
  it("encode everything but unreserved characters", () => {
    expect(encodeKeySegment(parseKey("a/b c%2F!'()*~-_.ü"))).toBe("a%2Fb%20c%252F%21%27%28%29%2A~-_.%C3%BC");
  });

  it("distinguish a/b from a%2Fb", () => {
    expect(parseKeySegment("a%2Fb")).toBe("a/b");
    expect(parseKeySegment("a%252Fb")).toBe("a%2Fb");
  });

  it("decode to the same key", () => {
    fc.assert(fc.property(anyKey, (text) => parseKeySegment(encodeKeySegment(parseKey(text))) === text));
  });

  it.each(["%zz", "%ff", "%", "%2e%2e", "%2e", "", "%00"])("refuse %j", (segment) => {
    expect(() => parseKeySegment(segment)).toThrowError(expect.objectContaining({ code: "INVALID_KEY" }));
  });
});

describe("compareKeys", () => {
  it("orders by UTF-8 bytes, even beyond U+FFFF", () => {
    expect(compareKeys("\uffff", "😀")).toBeLessThan(0);
    expect(compareKeys("\ue000", "\u{10000}")).toBeLessThan(0);
    expect(compareKeys("a", "ab")).toBeLessThan(0);
    expect(compareKeys("b", "ab")).toBeGreaterThan(0);
    expect(compareKeys("a", "a")).toBe(0);
  });

  it("agrees with a comparison of the bytes", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "ü", "\ue000", "\uffff", "😀", "\u{10ffff}", "\ud7ff") });
    fc.assert(
      fc.property(
        text,
        text,
        (a, b) => Math.sign(compareKeys(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b)),
      ),
    );
  });
});
