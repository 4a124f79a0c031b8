import { describe, expect, it } from "vitest";
import { parseTimestamp } from "../../../src/core/text/timestamp.js";

describe("parseTimestamp", () => {
  it.each([
    ["2026-01-31T12:00:00Z", Date.UTC(2026, 0, 31, 12)],
    ["2026-01-31t13:00:00.25+01:00", Date.UTC(2026, 0, 31, 12, 0, 0, 250)],
    ["2024-02-29T23:59:59.999999999-00:30", Date.UTC(2024, 2, 1, 0, 29, 59, 999)],
    ["0000-01-01T00:00:00Z", -62_167_219_200_000],
  ])("reads %s", (text, atMs) => {
    expect(parseTimestamp(text)).toBe(atMs);
  });

  it.each([
    "2026-02-29T12:00:00Z",
    "2026-04-31T00:00:00+01:00",
    "2026-13-01T12:00:00Z",
    "2026-01-31T12:60:00Z",
    "2026-01-31T12:00Z",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00Z",
    "2026-01-31",
    "tomorrow",
    "",
    0,
    null,
  ])("returns null for %j", (text) => {
    expect(parseTimestamp(text)).toBeNull();
  });
});
