import { describe, expect, it } from "vitest";
import { parseImportLine } from "../../../src/cli/transfer/import-line.js";

const nowMs = Date.parse("2026-01-31T12:00:00.000Z");

describe("parseImportLine", () => {
  it("copies the value from the line unchanged", () => {
    const value = '{"b": 1.10, "a": 12345678901234567890123, "__proto__": -0.0e+5, "s": "\\u00e9\\/"}';
    expect(parseImportLine(`{"value": ${value} , "key":"a\\/b"}\r`, 7, nowMs)).toEqual({
      line: 7,
      key: "a/b",
      text: `{"key":"a\\/b","value":${value}}`,
    });
  });

  it.each([
    ['"ttlSeconds":60', '{"ttlSeconds":60}'],
    ['"ttlSeconds":2147483647', '{"ttlSeconds":2147483647}'],
    // More than GraphQL's Int holds: 5,462,151,399 s, as 0.1.0 exported an entry that expires in 2200.
    ['"ttlSeconds":5462151399', '{"at":"2199-03-04T20:16:39.000Z"}'],
    ['"expiresAt":"2200-01-01T00:00:00.5+01:00"', '{"at":"2199-12-31T23:00:00.500Z"}'],
    ['"expiresAt":"9999-12-31T23:59:59.999Z"', '{"at":"9999-12-31T23:59:59.999Z"}'],
    // In the past: the storage node refuses it, not this machine.
    ['"expiresAt":"2020-01-01T00:00:00Z"', '{"at":"2020-01-01T00:00:00.000Z"}'],
    ['"expiresAt":null,"ttlSeconds":60', '{"ttlSeconds":60}'],
  ])("converts %s to an expiry", (member, expiry) => {
    const line = `{"key":"k","value":null,${member}}`;
    expect(parseImportLine(line, 1, nowMs).text).toBe(`{"key":"k","value":null,"expiry":${expiry}}`);
  });

  it.each(['"ttlSeconds":null', '"expiresAt":null', '"expiresAt": null, "ttlSeconds": null'])(
    "treats %s as an entry that never expires",
    (members) => {
      const { text } = parseImportLine(`{"key":"k","value":null,${members}}`, 1, nowMs);
      expect(text).toBe('{"key":"k","value":null}');
    },
  );

  it.each([
    ["{", "BAD_REQUEST", "the line is not JSON"],
    ["[]", "BAD_REQUEST", "the line begins a JSON array"],
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
    ['{"key":"k","value":1,"ttlSeconds":0}', "BAD_REQUEST", 'has an invalid "ttlSeconds": 0 is not a whole number'],
    ['{"key":"k","value":1,"ttlSeconds":-1}', "BAD_REQUEST", 'has an invalid "ttlSeconds": it is not a whole number'],
    ['{"key":"k","value":1,"ttlSeconds":1.5}', "BAD_REQUEST", 'has an invalid "ttlSeconds"'],
    ['{"key":"k","value":1,"ttlSeconds":"5"}', "BAD_REQUEST", 'has an invalid "ttlSeconds"'],
    ['{"key":"k","value":1,"ttlSeconds":253402300800}', "BAD_REQUEST", "from 1 to 253402300799"],
    ['{"key":"k","value":1,"ttlSeconds":253402300799}', "BAD_REQUEST", "after the year 9999"],
    ['{"key":"k","value":1,"expiresAt":"9999-12-31T23:59:59-00:01"}', "BAD_REQUEST", "after the year 9999"],
    ['{"key":"k","value":1,"expiresAt":"+010000-01-01T00:00:00Z"}', "BAD_REQUEST", "is not an RFC 3339 timestamp"],
    ['{"key":"k","value":1,"expiresAt":"2026-02-30T00:00:00Z"}', "BAD_REQUEST", 'has an invalid "expiresAt"'],
    ['{"key":"k","value":1,"expiresAt":1234}', "BAD_REQUEST", "1234 is not an RFC 3339 timestamp"],
    ['{"key":"k","value":1,"expiresAt":{}}', "BAD_REQUEST", "{} is not an RFC 3339 timestamp"],
    ['{"key":"k","value":1,"expiresAt":"2200-01-01T00:00:00Z","ttlSeconds":5}', "BAD_REQUEST", "has both"],
  ])("refuses %s", (text, code, message) => {
    expect(() => parseImportLine(text, 1, nowMs)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });
});
