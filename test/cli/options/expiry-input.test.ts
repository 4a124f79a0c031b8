import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expiryOfTtl, parseExpiresAt } from "../../../src/cli/options/expiry-input.js";
import { expiryMsMax, ttlSecondsMax } from "../../../src/core/limits.js";

describe("expiryOfTtl", () => {
  it("returns seconds within the range of the gateway's schema, and a moment beyond it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: ttlSecondsMax }), fc.integer({ min: 0, max: 4e12 }), (seconds, nowMs) => {
        const dueMs = nowMs + seconds * 1000;
        if (seconds < 2 ** 31) expect(expiryOfTtl(seconds, nowMs)).toEqual({ ttlSeconds: seconds });
        else if (dueMs > expiryMsMax) expect(() => expiryOfTtl(seconds, nowMs)).toThrow("after the year 9999");
        else expect(expiryOfTtl(seconds, nowMs)).toEqual({ at: new Date(dueMs).toISOString() });
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, ttlSecondsMax + 1])("refuses %s seconds", (seconds) => {
    expect(() => expiryOfTtl(seconds, 0)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
  });
});

describe("parseExpiresAt", () => {
  it("keeps every moment up to the end of the year 9999, in milliseconds of UTC", () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_167_219_200_000, max: expiryMsMax }), (atMs) => {
        const text = new Date(atMs).toISOString();
        expect(parseExpiresAt(text)).toBe(text);
      }),
    );
    expect(parseExpiresAt("2200-01-01T01:30:00+01:30")).toBe("2200-01-01T00:00:00.000Z");
  });

  it.each([undefined, null, 5, "", "tomorrow", "2026-01-31", "2026-02-30T00:00:00Z", "9999-12-31T23:59:00-00:01"])(
    "refuses %j",
    (text) => {
      expect(() => parseExpiresAt(text)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
    },
  );
});
