import { describe, expect, it } from "vitest";
import { epochMax, versionsPerEpoch } from "../../src/core/limits.js";
import { parseVersion, sequenceCeiling, sequenceFloor, versionOf } from "../../src/core/version.js";

describe("parseVersion", () => {
  it.each(["1", "7", "9007199254740993", "18446744073709551615"])("accepts %s", (text) => {
    expect(parseVersion(text)).toBe(text);
  });

  it.each(["", "0", "-1", "01", "1e3", "1.0", " 1", "18446744073709551616", "1".repeat(100), '"1"'])(
    "refuses %j",
    (text) => {
      expect(() => parseVersion(text)).toThrowError(expect.objectContaining({ code: "BAD_REQUEST" }));
    },
  );
});

describe("versionOf", () => {
  it("writes the sequence number as a decimal", () => {
    expect(versionOf(42)).toBe("42");
  });
});

describe("sequenceFloor", () => {
  it("begins at zero, and gives each epoch its own range of numbers, exact up to the last", () => {
    expect([0, 1, 2, 3].map(sequenceFloor)).toEqual([0, 0, versionsPerEpoch, 2 * versionsPerEpoch]);
    expect(Number.isSafeInteger(sequenceCeiling(epochMax))).toBe(true);
  });
});

describe("sequenceCeiling", () => {
  it("returns the last number before the next epoch's first", () => {
    for (const epoch of [1, 2, epochMax - 1]) expect(sequenceCeiling(epoch)).toBe(sequenceFloor(epoch + 1));
  });
});
