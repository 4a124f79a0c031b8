import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HistogramRing, LatencyHistogram } from "../../../../src/gateway/pages/console/latency-histogram.js";

describe("LatencyHistogram", () => {
  it("has no quantiles before the first record", () => {
    expect(new LatencyHistogram().quantileMs(0.5)).toBeNull();
    expect(new LatencyHistogram().count).toBe(0);
  });

  it("returns any quantile within 5 %", () => {
    const times = fc.array(fc.double({ min: 0.05, max: 50_000, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const histogram = new LatencyHistogram();
        for (const ms of all) histogram.record(ms);
        const exact = all.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(share * all.length)) - 1] ?? 0;
        const told = histogram.quantileMs(share) ?? 0;
        expect(Math.abs(told - exact) / exact).toBeLessThan(0.051);
      }),
    );
  });

  it("counts values outside of its range in its first and last bin", () => {
    const histogram = new LatencyHistogram();
    for (const ms of [0, 0.000_1, 1e9, Number.POSITIVE_INFINITY]) histogram.record(ms);
    expect(histogram.count).toBe(4);
    expect(histogram.quantileMs(0)).toBeLessThan(0.03);
    expect(histogram.quantileMs(1)).toBeGreaterThan(59_000);
  });
});

describe("HistogramRing", () => {
  it("keeps the newest periods and drops the others", () => {
    const ring = new HistogramRing(3, 100);
    ring.record(10, 1);
    ring.record(110, 2);
    ring.record(120, 2);
    expect(ring.part(0)?.count).toBe(1);
    expect(ring.part(1)?.count).toBe(2);
    expect(ring.part(2)).toBeNull();
    expect(ring.recent(299).count).toBe(3);
    expect(ring.recent(300).count).toBe(2);
    ring.record(310, 4);
    expect(ring.part(0)).toBeNull();
    expect(ring.recent(310).count).toBe(3);
    expect(ring.recent(10_000).count).toBe(0);
  });
});
