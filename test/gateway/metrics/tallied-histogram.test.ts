import fc from "fast-check";
import { Histogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { TalliedHistogram } from "../../../src/gateway/metrics/tallied-histogram.js";

const options = { name: "seconds", help: "How long.", buckets: [0.5, 1, 2.5] };

describe("TalliedHistogram", () => {
  it("reads as prom-client's own does, as text and as data", async () => {
    const observations = fc.array(fc.tuple(fc.constantFrom("/a", '/"b"'), fc.integer({ min: 0, max: 12 })));
    await fc.assert(
      fc.asyncProperty(observations, async (observed) => {
        const [own, theirs] = [new Registry(), new Registry()];
        const tallied = new TalliedHistogram({ ...options, label: "route" });
        own.registerMetric(tallied);
        const histogram = new Histogram({ ...options, labelNames: ["route"], registers: [theirs] });
        // Quarters are exact in binary, so that sums do not depend on their order.
        for (const [route, quarters] of observed) {
          tallied.tally(route, quarters / 4);
          histogram.observe({ route }, quarters / 4);
        }
        expect(await own.metrics()).toBe(await theirs.metrics());
        const data = async (registry: Registry) => JSON.parse(JSON.stringify(await registry.getMetricsAsJSON()));
        expect(await data(own)).toMatchObject(await data(theirs).then((all) => all.map(withoutExemplars)));
      }),
    );
  });
});

function withoutExemplars(metric: { readonly values: readonly Record<string, unknown>[] }): object {
  return { ...metric, values: metric.values.map(({ exemplar: _exemplar, sharedLabels: _shared, ...value }) => value) };
}
