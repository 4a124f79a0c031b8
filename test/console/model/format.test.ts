import { describe, expect, it } from "vitest";
import {
  agoText,
  bytesText,
  lowerText,
  millisecondsText,
  momentText,
  shortText,
  wholeText,
} from "../../../src/console/model/format.js";
import { ownerColour, ownerTag } from "../../../src/console/model/owner-mark.js";
import { isolated, latencyChart, requestChart } from "../../../src/console/model/traffic.js";

describe("figures for people", () => {
  it("have a dash for unknown ones", () => {
    expect([wholeText(null), shortText(null), bytesText(null), millisecondsText(null)]).toEqual(["–", "–", "–", "–"]);
  });

  it.each([
    [0, "0"],
    [9_999, "9,999"],
    [12_345, "12.3 k"],
    [1_234_567, "1.23 M"],
    [5_600_000_000, "5.6 G"],
  ])("count %i as %s", (number, text) => expect(shortText(number)).toBe(text));

  it.each([
    [0, "0 B"],
    [1_023, "1020 B"],
    [1_536, "1.5 KiB"],
    [5 * 1024 ** 3, "5 GiB"],
    [3 * 1024 ** 5, "3070 TiB"],
  ])("measure %i as %s", (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it.each([
    [0.1234, "0.123 ms"],
    [1_500, "1.5 s"],
  ])("time %d as %s", (ms, text) => expect(millisecondsText(ms)).toBe(text));

  it.each([
    [null, "never"],
    [2_999, "now"],
    [12_000, "12 s ago"],
    [180_000, "3 min ago"],
    [18_000_000, "5 h ago"],
    [200_000_000, "2 d ago"],
  ])("describe a silence of %d as %s", (ms, text) => expect(agoText(ms)).toBe(text));

  it("show moments in the reader's time zone, and codes in words", () => {
    const date = new Date(2026, 0, 5, 9, 3, 7);
    expect(momentText(date.toISOString())).toBe("2026-01-05 09:03:07");
    expect(lowerText("SHARD_UNAVAILABLE")).toBe("shard unavailable");
  });
});

describe("the mark of a storage node", () => {
  it("is a unique tag of letters, and a colour", () => {
    expect([0, 25, 26, 51, 52, 701, 702].map(ownerTag)).toEqual(["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    expect(new Set(Array.from({ length: 1_024 }, (_, index) => ownerTag(index))).size).toBe(1_024);
    expect(ownerColour(0)).toBe("oklch(0.74 0.12 252.0)");
    expect(new Set(Array.from({ length: 100 }, (_, index) => ownerColour(index))).size).toBe(100);
  });
});

describe("the texts of the charts", () => {
  it("describe the current values in words", () => {
    const seconds = [
      [1_000, 5, 1, 2],
      [2_000, 12_000, 3, 4_000],
      [3_000, 0, null, null],
    ] as const;
    expect(requestChart(seconds)).toMatchObject({ text: "0 now, at most 12 k", times: [1, 2, 3] });
    const latency = latencyChart(seconds);
    expect(latency.text).toBe("p50 3 ms, p99 4 s");
    expect(latency.lines.map(({ values }) => values)).toEqual([
      [1, 3, null],
      [2, 4_000, null],
    ]);
    expect(latency.lines.map(({ isDashed }) => isDashed)).toEqual([false, true]);
  });

  it("exist before the first request too", () => {
    expect([requestChart([]).text, latencyChart([]).text]).toEqual([
      "0 now, at most 0",
      "no requests in the last 10 seconds",
    ]);
  });

  it("omit the latency of requests that ended long ago", () => {
    const idle = (count: number) =>
      Array.from({ length: count }, (_, index) => [2_000 + index, 0, null, null] as const);
    expect(latencyChart([[1_000, 5, 1, 2], ...idle(9)]).text).toBe("p50 1 ms, p99 2 ms");
    expect(latencyChart([[1_000, 5, 1, 2], ...idle(10)]).text).toBe("no requests in the last 10 seconds");
  });

  it("find isolated seconds, which no line reaches", () => {
    expect(isolated([1, null, 2, 3, null, 4])).toEqual([0, 5]);
    expect(isolated([])).toEqual([]);
    expect(isolated([0])).toEqual([0]);
  });
});
