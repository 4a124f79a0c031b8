/** The two sides of a gateway of several workers, joined by lines of messages inside the test. */
import { describe, expect, it } from "vitest";
import { heartbeatIntervalMs } from "../../../../src/core/limits.js";
import { parseShard } from "../../../../src/core/shard.js";
import { FollowedCluster } from "../../../../src/gateway/cluster/follower/followed-cluster.js";
import { noReport } from "../../../../src/gateway/cluster/node-reports.js";
import { Liveness, suspectAfterMs, downAfterMs } from "../../../../src/registry/liveness.js";
import { Registry } from "../../../../src/registry/registry.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { openPrimary } from "./open-primary.js";
import { peerCallTimeoutMs } from "../../../../src/wire/peer.js";
import { mapToldTimeoutMs } from "../../../../src/gateway/cluster/workers/worker-views.js";

const bounds = { suspectAfterMs, downAfterMs };
const shard = parseShard;
const agent = (id: string) => {
  const starts = [`${id}-1`];
  return { id, url: `http://${id}:8000`, incarnation: `${id}-1`, storeId: `store-${id}`, starts, shards: [] };
};

describe("the workers of a gateway", () => {
  it("all have a change that any of them asked for, before it is answered", async () => {
    const { join, registry } = await openPrimary();
    const [one, two] = [join(), join()];
    const told = await one.membership.register(agent("node1"));
    expect(told.shards).toHaveLength(4);
    await two.membership.register(agent("node2"));
    for (const { membership } of [one, two]) {
      expect(membership.map).toEqual(registry.map);
      expect([membership.nodeState("node1"), membership.nodeState("node2")]).toEqual(["UP", "UP"]);
      expect([membership.isReady(), membership.shardState(shard(0))]).toEqual([true, "ACTIVE"]);
    }
    const request = { shard: shard(1), node: "node2", isPrimary: true, ifEpoch: 1, isForced: true };
    const record = await two.membership.assign(request);
    expect(one.membership.map.shards[1]).toEqual(record);
    expect(await one.membership.remove("node2", true)).toEqual([1]);
    expect(two.membership.map.nodes.has("node2")).toBe(false);
    expect(two.membership.nodeStatus("node2").lastSeenAtMs).toBeNull();
    expect(two.pool.prunes).toBeGreaterThan(0);
  });

  it("receive every sign of life, and judge silence themselves", async () => {
    const { join, clock, membership: own } = await openPrimary();
    const [one, two] = [join(), join()];
    await one.membership.register(agent("node1"));
    await clock.advance(suspectAfterMs);
    expect([one, two].map(({ membership }) => membership.nodeState("node1"))).toEqual(["SUSPECT", "SUSPECT"]);
    expect(await two.membership.heartbeat("node1", { incarnation: "node1-1" })).toMatchObject({ clusterId: "c1" });
    await settle();
    expect([one, two].map(({ membership }) => membership.nodeState("node1"))).toEqual(["UP", "UP"]);
    expect(one.pool.reached.at(-1)).toBe("node1");
    expect(one.membership.nodeStatus("node1")).toEqual(own.nodeStatus("node1"));
    await clock.advance(downAfterMs);
    expect(one.membership.shardState(shard(0))).toBe("UNAVAILABLE");
  });

  it("begin with the map and with the signs of life so far", async () => {
    const { join, clock, membership: own } = await openPrimary();
    await own.register(agent("node1"));
    await clock.advance(heartbeatIntervalMs);
    const late = join();
    expect(late.membership.map).toEqual(own.map);
    expect(late.membership.nodeStatus("node1")).toEqual(own.nodeStatus("node1"));
    await clock.advance(suspectAfterMs - heartbeatIntervalMs);
    expect(late.membership.nodeState("node1")).toBe("SUSPECT");
  });

  it("are refused with the code, the message and the details of the primary", async () => {
    const { join } = await openPrimary();
    const { membership } = join();
    await membership.register(agent("node1"));
    const asked = { shard: shard(1), node: "node1", isPrimary: true, ifEpoch: 9, isForced: false };
    await expect(membership.assign(asked)).rejects.toMatchObject({
      code: "EPOCH_CONFLICT",
      message: "Shard 1 is at epoch 1, not 9.",
      details: { shard: 1, epoch: 1 },
    });
    await expect(membership.heartbeat("nobody", {})).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
    await expect(membership.register({ id: "no name!", url: "http://a" })).rejects.toMatchObject({
      code: "BAD_REQUEST",
    });
  });

  it("have the newest map of the store after a refresh", async () => {
    const { join, registry, clock, log, store } = await openPrimary();
    const { cluster, membership } = join();
    const wanted = { shardCount: null, clusterName: null };
    const other = await Registry.open({ store, clock, log, wanted, newClusterId: () => "c2", newLeaderId: () => "l2" });
    await other.takeLead();
    const far = { name: "far", url: "http://far:8000", identity: null, newMark: "mark" };
    await other.execute({ kind: "registerNode", ...far });
    await membership.refresh("far");
    expect(cluster.map.nodes.has("far")).toBe(true);
    expect(cluster.map.version).toBe(registry.map.version);
    await other.close();
  });

  it("know the problems of storage nodes, and what an operator does about them", async () => {
    const { join } = await openPrimary();
    const [one, two] = [join(), join()];
    await one.membership.register(agent("node1"));
    const empty = { ...agent("node1"), storeId: "new", starts: ["node1-2"], incarnation: "node1-2" };
    await expect(one.membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    await settle();
    for (const { membership } of [one, two, join()]) {
      expect(membership.nodeStatus("node1").problem).toMatchObject({ code: "STORE_NOT_RECOGNIZED", storeId: "new" });
      expect([membership.isReady(), membership.shardState(shard(0))]).toEqual([false, "UNAVAILABLE"]);
    }
    await two.membership.acceptLoss("node1");
    await two.membership.register(empty);
    await settle();
    expect([one.membership.isReady(), two.membership.isReady()]).toEqual([true, true]);
  });

  it("are sent only the storage node whose problem is new or resolved", async () => {
    const { join, membership: own } = await openPrimary();
    const { cluster, line } = join();
    for (const name of ["node1", "node2"]) await own.register(agent(name));
    for (const name of ["node1", "node2"]) {
      const empty = { ...agent(name), storeId: "new", starts: [`${name}-2`], incarnation: `${name}-2` };
      await expect(own.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    }
    await own.register(agent("node1"));
    await settle();
    const told = line.sent.filter((message) => (message as { name?: string }).name === "report");
    expect(told).toMatchObject([{ body: ["node1", {}] }, { body: ["node2", {}] }, { body: ["node1", {}] }]);
    expect(cluster.reports.rows()).toMatchObject([["node2", { problem: { code: "STORE_NOT_RECOGNIZED" } }]]);
  });

  it("keep signs of life that arrive before their initial state, which is older", async () => {
    const { views, clock, join } = await openPrimary();
    const { ofWorker } = join();
    const cluster = new FollowedCluster(new Liveness({ clock, ...bounds }));
    cluster.news.report(["node1", noReport]);
    cluster.news.report(["node2", { problem: null, staleShards: [1] }]);
    const reports = [["node1", { problem: null, staleShards: [0] }]] as const;
    cluster.begin({ ...views.begin(ofWorker), reports });
    expect(cluster.reports.rows()).toEqual([["node2", { problem: null, staleShards: [1] }]]);
  });

  it("have the histories of shards from the primary, those of one moment by one call", async () => {
    const { join } = await openPrimary();
    const { membership, line } = join();
    await membership.register(agent("node1"));
    const histories = await Promise.all([2, 0, 2].map((number) => membership.history(shard(number))));
    expect(histories).toMatchObject([2, 0, 2].map((number) => [{ shard: number, epoch: 1, node: "node1" }]));
    expect(line.sent.filter((message) => (message as { name?: string }).name === "histories")).toHaveLength(1);
    expect(await membership.history(shard(3))).toHaveLength(1);
  });

  it("never go back to an older map", async () => {
    const { join, views, membership: own } = await openPrimary();
    const { cluster, line, ofWorker } = join();
    const { map } = views.begin(ofWorker);
    await own.register(agent("node1"));
    await settle();
    const { version } = cluster.map;
    line.ends[0].send({ kind: "tell", name: "map", body: map });
    await settle();
    expect(cluster.map.version).toBe(version);
  });

  it("ask storage nodes for their figures themselves", async () => {
    const { join } = await openPrimary();
    const { membership, pool } = join();
    await membership.register(agent("node1"));
    expect(await membership.shardFigures("node1")).toEqual(new Map());
    pool.client("node1").isBroken = true;
    expect(await membership.shardFigures("node1")).toBeNull();
    expect(await membership.nodeEngine("node1")).toBeNull();
    membership.stop();
  });

  it("say that the primary is silent, and go on by what they know", async () => {
    const { join, clock } = await openPrimary();
    const { membership, line } = join();
    await membership.register(agent("node1"));
    line.cut();
    const answers = [
      membership.register(agent("node2")),
      membership.heartbeat("node1", {}),
      membership.refresh("node1"),
    ];
    const refused = Promise.all(
      answers.map((answer) => expect(answer).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" })),
    );
    await settle();
    await clock.advance(peerCallTimeoutMs);
    await refused;
    expect(membership.map.nodes.has("node1")).toBe(true);
  });

  it("do not wait for long for one of them that hangs, nor for one that is gone", async () => {
    const { join, clock, log, views } = await openPrimary();
    const [one, hanging] = [join(), join()];
    hanging.line.cut();
    const registered = one.membership.register(agent("node1"));
    for (let round = 0; round < 4; round++) {
      await settle();
      await clock.advance(mapToldTimeoutMs / 2);
    }
    expect((await registered).shards).toHaveLength(4);
    const warnings = () =>
      log.lines.filter(({ level, message }) => level === "warn" && message.includes("worker")).length;
    expect(warnings()).toBeGreaterThan(0);
    const before = warnings();
    const removed = one.membership.remove("node1", true);
    await settle();
    views.gone(hanging.ofWorker);
    hanging.ofWorker.close();
    await removed;
    expect(warnings()).toBe(before);
    views.close();
  });
});

describe("FollowedCluster", () => {
  it("has no map before it began", () => {
    const cluster = new FollowedCluster(new Liveness({ clock: new FakeClock(), ...bounds }));
    expect(() => cluster.map).toThrow("before there was one");
  });
});
