import { describe, expect, it } from "vitest";
import { storageNodesMax } from "../../../../src/core/limits.js";
import { RecentTraffic, trafficSecondsMax } from "../../../../src/gateway/pages/console/recent-traffic.js";
import { Metrics } from "../../../../src/gateway/metrics/gateway-metrics.js";
import { FakeClock } from "../../../support/fake-clock.js";

const startMs = Date.parse("2026-01-31T12:00:00.000Z");

describe("RecentTraffic", () => {
  it("returns each second since the start, without the current one", async () => {
    const clock = new FakeClock(startMs);
    const traffic = new RecentTraffic(clock);
    expect(traffic.secondsFrom(0)).toEqual([]);
    traffic.requestAnswered({ route: "/graphql", durationMs: 10 });
    traffic.requestAnswered({ route: "/data/:key", durationMs: 10 });
    await clock.advance(2_000);
    traffic.requestAnswered({ route: "/graphql", durationMs: 10 });
    expect(traffic.secondsFrom(0)).toEqual([
      [startMs, 2, expect.closeTo(10, 0), expect.closeTo(10, 0)],
      [startMs + 1_000, 0, null, null],
    ]);
    expect(traffic.secondsFrom(1)).toHaveLength(1);
    expect(traffic.secondsFrom(7)).toEqual([]);
  });

  it("counts client requests for data, and nothing else", async () => {
    const clock = new FakeClock(startMs);
    const traffic = new RecentTraffic(clock);
    for (const route of ["/nodes/:id/heartbeat", "/health", "/metrics", "unknown"]) {
      traffic.requestAnswered({ route, durationMs: 1 });
    }
    await clock.advance(1_000);
    expect(traffic.secondsFrom(0)).toEqual([[startMs, 0, null, null]]);
  });

  it("drops seconds that are older than it shows", async () => {
    const clock = new FakeClock(startMs);
    const traffic = new RecentTraffic(clock);
    traffic.requestAnswered({ route: "/graphql", durationMs: 1 });
    await clock.advance((trafficSecondsMax + 10) * 1_000);
    const seconds = traffic.secondsFrom(0);
    expect(seconds).toHaveLength(trafficSecondsMax);
    expect(seconds.every(([, requests]) => requests === 0)).toBe(true);
    expect(seconds.at(-1)?.[0]).toBe(clock.nowMs() - 1_000);
  });

  it("keeps seconds a second apart when the wall clock jumps", async () => {
    const clock = new FakeClock(startMs);
    const traffic = new RecentTraffic(clock);
    await clock.advance(1_000);
    clock.jumpWall(-3_600_000);
    await clock.advance(1_000);
    expect(traffic.secondsFrom(0).map(([atMs]) => atMs)).toEqual([startMs, startMs + 1_000]);
  });

  it("returns a storage node's latency over the last minute", async () => {
    const clock = new FakeClock(startMs);
    const traffic = new RecentTraffic(clock);
    expect(traffic.nodeLatency("node1")).toEqual({ p50Ms: null, p99Ms: null });
    for (let batch = 0; batch < 98; batch++) traffic.batchAnswered({ node: "node1", serviceMs: 2 });
    for (let batch = 0; batch < 2; batch++) traffic.batchAnswered({ node: "node1", serviceMs: 300 });
    traffic.batchAnswered({ node: "node2", serviceMs: 7 });
    const { p50Ms, p99Ms } = traffic.nodeLatency("node1");
    expect(Math.abs((p50Ms ?? 0) - 2)).toBeLessThan(0.11);
    expect(Math.abs((p99Ms ?? 0) - 300)).toBeLessThan(16);
    await clock.advance(60_000);
    expect(traffic.nodeLatency("node1")).toEqual({ p50Ms: null, p99Ms: null });
  });

  it("keeps no more storage nodes than a cluster may have", () => {
    const traffic = new RecentTraffic(new FakeClock());
    for (let node = 0; node <= storageNodesMax; node++) traffic.batchAnswered({ node: `node${node}`, serviceMs: 1 });
    expect(traffic.nodeLatency("node0").p50Ms).toBeNull();
    expect(traffic.nodeLatency("node1").p50Ms).not.toBeNull();
  });

  it("receives requests and batches from the metrics", async () => {
    const clock = new FakeClock(startMs);
    const traffic = new RecentTraffic(clock);
    const metrics = new Metrics(traffic);
    metrics.requestAnswered({ route: "/graphql", method: "POST", status: 200, durationMs: 5 });
    metrics.batchAnswered({ node: "node1", operations: 1, serviceMs: 3 });
    await clock.advance(1_000);
    expect(traffic.secondsFrom(0)[0]?.[1]).toBe(1);
    expect(traffic.nodeLatency("node1").p50Ms).not.toBeNull();
  });
});
