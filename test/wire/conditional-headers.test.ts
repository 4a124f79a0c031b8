import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseVersion, versionNeverGiven, versionOf, type Version } from "../../src/core/version.js";
import {
  conditionOfHeaders,
  expiryOfQuery,
  headersOfFacts,
  isNotModified,
} from "../../src/wire/conditional-headers.js";

describe("conditionOfHeaders", () => {
  it("finds no condition without headers", () => {
    expect(conditionOfHeaders({})).toBeNull();
    expect(conditionOfHeaders({ ifMatch: undefined, ifNoneMatch: undefined })).toBeNull();
  });

  it("reads a version, presence and absence", () => {
    expect(conditionOfHeaders({ ifMatch: '"7"' })).toEqual({ kind: "ifVersion", version: "7" });
    expect(conditionOfHeaders({ ifMatch: ' "18446744073709551615" ' })).toEqual({
      kind: "ifVersion",
      version: "18446744073709551615",
    });
    expect(conditionOfHeaders({ ifMatch: " * " })).toEqual({ kind: "ifPresent" });
    expect(conditionOfHeaders({ ifNoneMatch: "*" })).toEqual({ kind: "ifAbsent" });
  });

  it.each([
    ["several tags", '"7", "8"', "lists several tags"],
    ["several tags with a star", '"7", *', "lists several tags"],
    ["no quotes", "7", "is neither"],
    ["one quote", '"7', "is neither"],
    ["an empty header", "", "is neither"],
    ["a quote inside", '"7"8"', "is neither"],
    ["a weak star", "W/*", "is neither"],
  ])("refuses an If-Match with %s", (_what, ifMatch, message) => {
    expect(() => conditionOfHeaders({ ifMatch })).toThrowError(
      expect.objectContaining({ code: "BAD_REQUEST", message: expect.stringContaining(message) }),
    );
  });

  it("accepts a tag that a proxy has weakened as the version that it names", () => {
    expect(conditionOfHeaders({ ifMatch: ' W/"7"' })).toEqual({ kind: "ifVersion", version: "7" });
  });

  it.each(['""', '"0"', '"07"', '"18446744073709551616"', '"abc"', '"7-gzip"', 'W/"7;br"'])(
    "turns the tag %s, which no entry has, into a condition that never holds",
    (ifMatch) => {
      expect(conditionOfHeaders({ ifMatch })).toEqual({ kind: "ifVersion", version: versionNeverGiven });
    },
  );

  it.each(['"7"', 'W/"7"', "", "* , *"])("refuses the If-None-Match %j of a write", (ifNoneMatch) => {
    expect(() => conditionOfHeaders({ ifNoneMatch })).toThrowError(expect.objectContaining({ code: "BAD_REQUEST" }));
  });

  it("refuses both headers at once", () => {
    expect(() => conditionOfHeaders({ ifMatch: "*", ifNoneMatch: "*" })).toThrowError(/cannot both/);
  });

  it("shortens a long header in its message", () => {
    expect(() => conditionOfHeaders({ ifMatch: "x".repeat(10_000) })).toThrowError(/^.{1,200}$/);
  });
});

describe("isNotModified", () => {
  const version = versionOf(7);

  it("is false without the header, and for an unknown version", () => {
    expect(isNotModified(undefined, version)).toBe(false);
    expect(isNotModified('"7"', null)).toBe(false);
  });

  it("compares weakly, in lists, and accepts a star for any entry", () => {
    expect(isNotModified('"7"', version)).toBe(true);
    expect(isNotModified('W/"7"', version)).toBe(true);
    expect(isNotModified('"5", W/"6" ,"7"', version)).toBe(true);
    expect(isNotModified("*", version)).toBe(true);
    expect(isNotModified("*", null)).toBe(true);
    expect(isNotModified('"8", "77", 7, nonsense', version)).toBe(false);
  });
});

describe("expiryOfQuery", () => {
  it("reads an integer number of seconds", () => {
    expect(expiryOfQuery(undefined)).toBeNull();
    expect(expiryOfQuery("1")).toEqual({ kind: "ttl", seconds: 1 });
    expect(expiryOfQuery("253402300799")).toEqual({ kind: "ttl", seconds: 253_402_300_799 });
  });

  it.each(["", "0", "-1", "+1", "01", "1.5", "1e3", " 1", "253402300800", "9999999999999", "soon"])(
    "refuses %j",
    (ttl) => {
      expect(() => expiryOfQuery(ttl)).toThrowError(
        expect.objectContaining({ code: "BAD_REQUEST", message: expect.stringContaining("whole number of seconds") }),
      );
    },
  );
});

describe("headersOfFacts", () => {
  const moment = Date.parse("2026-01-31T12:00:00.123Z");

  it("returns all known facts", () => {
    const facts = {
      version: versionOf(7),
      createdAtMs: moment,
      updatedAtMs: moment + 1000,
      expiresAtMs: moment + 5000,
    };
    expect(headersOfFacts(facts)).toEqual({
      etag: '"7"',
      "x-version": "7",
      "last-modified": "Sat, 31 Jan 2026 12:00:01 GMT",
      "x-created-at": "2026-01-31T12:00:00.123Z",
      "x-expires-at": "2026-01-31T12:00:05.123Z",
    });
  });

  it("omits facts that a plain storage node does not have", () => {
    expect(headersOfFacts({ version: null, createdAtMs: null, updatedAtMs: null, expiresAtMs: null })).toEqual({});
  });

  it("returns an ETag that can be the condition of the next write", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), (number) => {
        const version: Version = parseVersion(String(number));
        const facts = { version, createdAtMs: null, updatedAtMs: null, expiresAtMs: null };
        const ifMatch = headersOfFacts(facts)["etag"];
        expect(conditionOfHeaders({ ifMatch })).toEqual({ kind: "ifVersion", version });
        expect(isNotModified(ifMatch, version)).toBe(true);
      }),
    );
  });
});
