import { describe, expect, it } from "vitest";
import { parseImportLine } from "../../src/cli/import-line.js";

describe("parseImportLine", () => {
  it("splices the value as it stands in the line", () => {
    const value = '{"b": 1.10, "a": 12345678901234567890123, "__proto__": -0.0e+5, "s": "\\u00e9\\/"}';
    expect(parseImportLine(`{"value": ${value} , "key":"a\\/b"}\r`, 7)).toEqual({
      line: 7,
      key: "a/b",
      text: `{"key":"a\\/b","value":${value}}`,
    });
  });

  it("turns ttlSeconds into an expiry", () => {
    expect(parseImportLine('{"key":"k","value":null,"ttlSeconds":60}', 1).text).toBe(
      '{"key":"k","value":null,"expiry":{"ttlSeconds":60}}',
    );
  });

  it.each([
    ["{", "BAD_REQUEST", "the line is not JSON"],
    ["[]", "BAD_REQUEST", "the line is not an object"],
    ['"key"', "BAD_REQUEST", "the line is not an object"],
    ['{"key":"k"}', "BAD_REQUEST", 'lacks "key" or "value"'],
    ['{"value":1}', "BAD_REQUEST", 'lacks "key" or "value"'],
    ['{"key":"k","value":1,"ttl":5}', "BAD_REQUEST", 'has the name "ttl"'],
    ['{"key":"k","value":1,"value":2}', "BAD_REQUEST", 'the line has the name "value" twice'],
    ['{"key":5,"value":1}', "INVALID_KEY", "the key is not a string"],
    ['{"key":"","value":1}', "INVALID_KEY", 'key "" is empty'],
    ['{"key":"..","value":1}', "INVALID_KEY", "is reserved"],
    [`{"key":"${"k".repeat(1025)}","value":1}`, "INVALID_KEY", '…" is longer than 1024 bytes'],
    ['{"key":"k","value":{"a":1,"a":2}}', "INVALID_VALUE", 'the value of key "k" has the name "a" twice'],
    [`{"key":"k","value":${"[".repeat(65)}${"]".repeat(65)}}`, "INVALID_VALUE", "is nested deeper than 64 levels"],
    ['{"key":"k","value":1,"ttlSeconds":0}', "BAD_REQUEST", '"ttlSeconds" that is not a whole number'],
    ['{"key":"k","value":1,"ttlSeconds":1.5}', "BAD_REQUEST", '"ttlSeconds" that is not a whole number'],
    ['{"key":"k","value":1,"ttlSeconds":"5"}', "BAD_REQUEST", '"ttlSeconds" that is not a whole number'],
    ['{"key":"k","value":1,"ttlSeconds":2147483648}', "BAD_REQUEST", '"ttlSeconds" that is not a whole number'],
  ])("refuses %s", (text, code, message) => {
    expect(() => parseImportLine(text, 1)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });
});
