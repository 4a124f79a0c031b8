import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { laidOut } from "../../../src/console/model/json-lines.js";

describe("formatted JSON", () => {
  it("equals the output of JSON.stringify, for every value that it preserves", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(laidOut(JSON.stringify(value)).text).toBe(JSON.stringify(value, null, 2));
      }),
    );
  });

  it("keeps every character of numbers and strings, and drops white space between them", () => {
    expect(laidOut(' { "a" : 1.50 , "b":[ ] ,"c": "x  :, y\\"" , "d":12345678901234567890 }').text).toBe(
      '{\n  "a": 1.50,\n  "b": [],\n  "c": "x  :, y\\"",\n  "d": 12345678901234567890\n}',
    );
  });

  it("cuts off a long text, wherever that is", () => {
    const { text, isCut } = laidOut(`["${"x".repeat(100_000)}"]`);
    expect([isCut, text.length]).toEqual([true, 64 * 1024 + 3]);
    expect(laidOut("]".repeat(3)).text).toBe("\n]\n]\n]");
  });
});
