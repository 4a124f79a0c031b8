import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decimalText } from "../../../src/core/text/decimal-text.js";

describe("decimalText", () => {
  it.each([
    0,
    -0,
    -1,
    7.5,
    999,
    1000,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 31 * 1000 - 1,
    2 ** 31 * 1000,
    1_796_000_000_000.25,
    Number.MAX_SAFE_INTEGER,
    Infinity,
    Number.NaN,
  ])("writes %s as JavaScript does", (number) => {
    expect(decimalText(number)).toBe(String(number));
  });

  it("writes every integer as JavaScript does", () => {
    const aroundToday = fc.integer({ min: 1_000_000_000_000, max: 3_000_000_000_000 });
    const anyNumber = fc.oneof(fc.maxSafeInteger(), fc.integer(), aroundToday);
    fc.assert(
      fc.property(anyNumber, (number) => {
        expect(decimalText(number)).toBe(String(number));
      }),
    );
  });
});
