import { describe, expect, it } from "vitest";
import {
  NodeFigures,
  consoleFiguresPauseMs,
  consoleCallsMax,
} from "../../../../src/gateway/pages/console/node-figures.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { MadeUpCluster } from "./made-up-cluster.js";

function figuresOf(nodes: number, shards: number) {
  const clock = new FakeClock();
  const cluster = new MadeUpCluster(clock, nodes, shards);
  return { clock, cluster, figures: new NodeFigures(cluster.services()) };
}

describe("NodeFigures", () => {
  it("adds up the shards that a storage node owns, and not others that it keeps", async () => {
    const { figures } = figuresOf(2, 5);
    expect(figures.of("node001")).toEqual({ keys: null, bytes: null, engine: null });
    figures.start();
    await settle();
    expect(figures.of("node001")).toEqual({ keys: 30, bytes: 3_000, engine: "lmdb" });
    expect(figures.of("node002")).toEqual({ keys: 20, bytes: 2_000, engine: "lmdb" });
    await figures.stop();
  });

  it("has only the engine of a storage node that does not report its shards", async () => {
    const { figures, cluster } = figuresOf(2, 2);
    cluster.silent.add("node001");
    figures.start();
    await settle();
    expect(figures.of("node001")).toEqual({ keys: null, bytes: null, engine: "lmdb" });
    expect(figures.of("node002").keys).toBe(10);
    await figures.stop();
  });

  it("knows the gateways while it is asked, and the storage nodes also when the leader is silent", async () => {
    const { figures, cluster, clock } = figuresOf(1, 1);
    const g1 = { name: "g1", url: null, isLeader: true, mapVersion: 1, lastSeenAtMs: 0 };
    cluster.gateways = [g1];
    figures.start();
    await settle();
    expect(figures.gateways).toEqual([g1]);
    cluster.gateways = null;
    await clock.advance(consoleFiguresPauseMs);
    expect([figures.gateways, figures.of("node001").keys]).toEqual([[], 10]);
    cluster.gateways = [g1];
    await clock.advance(consoleFiguresPauseMs);
    expect(figures.gateways).toEqual([g1]);
    await figures.stop();
    expect(figures.gateways).toEqual([]);
  });

  it("asks again after a pause, and skips nodes that are down", async () => {
    const { figures, cluster, clock } = figuresOf(2, 2);
    figures.start();
    await settle();
    expect(cluster.asked).toEqual(["node001", "node002"]);
    cluster.states.set("node001", "DOWN");
    await clock.advance(consoleFiguresPauseMs);
    expect(cluster.asked).toEqual(["node001", "node002", "node002"]);
    expect(figures.of("node001").keys).toBeNull();
    await figures.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it("asks a bounded number of nodes at once, and every one in the end", async () => {
    const { figures, cluster } = figuresOf(100, 100);
    cluster.beforeFigures = settle;
    figures.start();
    while (cluster.asked.length < 100) await settle();
    expect(cluster.askedAtOnceMax).toBe(consoleCallsMax);
    await figures.stop();
  });

  it("stops during a round, keeps nothing, and can be started again", async () => {
    const { figures, cluster } = figuresOf(100, 100);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    cluster.beforeFigures = () => held;
    figures.start();
    await settle();
    const stopped = figures.stop();
    cluster.beforeFigures = async () => {};
    figures.start();
    await settle();
    release();
    await stopped;
    expect(figures.of("node100").keys).toBe(10);
    const asked = cluster.asked.length;
    expect(asked).toBeLessThan(200);
    await figures.stop();
    expect(figures.of("node100").keys).toBeNull();
  });
});
