import { describe, expect, it } from "vitest";
import { RecentTraffic } from "../../../../src/gateway/pages/console/recent-traffic.js";
import { clusterEvent, tickEvent } from "../../../../src/gateway/pages/console/snapshot.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { MadeUpCluster } from "./made-up-cluster.js";

const nothing = { keys: null, bytes: null, engine: null };

describe("clusterEvent", () => {
  it("lists storage nodes by name and refers to them by index", () => {
    const cluster = new MadeUpCluster(new FakeClock(), 2, 4);
    cluster.states.set("node002", "DOWN");
    cluster.give(0, null);
    expect(clusterEvent(cluster.services())).toEqual({
      name: "made up",
      mapVersion: 2,
      nodes: [
        { name: "node001", url: "http://node001:8000" },
        { name: "node002", url: "http://node002:8000" },
      ],
      owners: [-1, 1, 0, 1],
      epochs: [2, 1, 1, 1],
      states: "NUAU",
    });
  });

  it("reports a shard as unassigned when its owner is not in the map", () => {
    const cluster = new MadeUpCluster(new FakeClock(), 1, 1);
    cluster.give(0, "gone");
    expect(clusterEvent(cluster.services()).owners).toEqual([-1]);
  });

  it("stays small for 300 storage nodes and 4096 shards", () => {
    const clock = new FakeClock();
    const cluster = new MadeUpCluster(clock, 300, 4096);
    const services = cluster.services();
    const traffic = new RecentTraffic(clock);
    const figures = { of: () => ({ keys: 1_234_567, bytes: 123_456_789, engine: "lmdb" }), gateways: [] };
    expect(JSON.stringify(clusterEvent(services)).length).toBeLessThan(50_000);
    expect(JSON.stringify(tickEvent({ ...services, traffic, figures }, 0)).length).toBeLessThan(20_000);
  });
});

describe("tickEvent", () => {
  it("has a row for each storage node, parallel to the cluster event", async () => {
    const clock = new FakeClock();
    const cluster = new MadeUpCluster(clock, 2, 4);
    cluster.states.set("node002", "SUSPECT");
    cluster.lastSeenAtMs.set("node002", null);
    const traffic = new RecentTraffic(clock);
    traffic.batchAnswered({ node: "node001", serviceMs: 5 });
    const ofNode1 = { keys: 3, bytes: 50, engine: "lmdb" };
    const leader = { name: "g1", url: null, isLeader: true, mapVersion: 7, lastSeenAtMs: clock.nowMs() + 900 };
    const figures = { of: (name: string) => (name === "node001" ? ofNode1 : nothing), gateways: [leader] };
    await clock.advance(1_000);
    const tick = tickEvent({ ...cluster.services(), traffic, figures }, 0);
    expect(tick.nowMs).toBe(clock.nowMs());
    expect(tick.nodes).toEqual([
      ["UP", 200, 3, 50, expect.any(Number), expect.any(Number), "lmdb", null],
      ["SUSPECT", null, null, null, null, null, null, null],
    ]);
    expect(tick.gateways).toEqual([["g1", null, true, 7, 100]]);
    expect(tick.seconds).toHaveLength(1);
  });
});
