import { beforeEach, describe, expect, it } from "vitest";
import { downAfterMs, heartbeatIntervalMs, registryQueueMax, suspectAfterMs } from "../../src/core/limits.js";
import { parseShard } from "../../src/core/shard.js";
import { Membership } from "../../src/gateway/membership.js";
import { Liveness } from "../../src/registry/liveness.js";
import { MemoryStore } from "../../src/registry/memory-store.js";
import { Registry } from "../../src/registry/registry.js";
import type { NodeRegistration } from "../../src/wire/membership.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { FakePool, hosted } from "./fake-nodes.js";

let clock: FakeClock;
let log: RecordLog;
let pool: FakePool;
let store: MemoryStore;
let registry: Registry;

beforeEach(() => {
  clock = new FakeClock();
  log = new RecordLog();
  pool = new FakePool();
  store = new MemoryStore();
});

async function openMembership({ nodesMin = 1, shardCount = 4, isAutoAssigning = true } = {}): Promise<Membership> {
  const wanted = { shardCount, clusterName: null };
  registry = await Registry.open({ store, clock, log, wanted, newClusterId: () => "c1" });
  const liveness = new Liveness({ clock, suspectAfterMs, downAfterMs });
  return new Membership({ registry, liveness, pool, clock, log, nodesMin, isAutoAssigning });
}

/** The registration of a storage node with an agent. */
function agentOf(id: string, more: Partial<NodeRegistration> = {}): NodeRegistration {
  return { id, url: `http://${id}:8000`, incarnation: `${id}-1`, shards: [], ...more };
}

function owners(membership: Membership): readonly (string | null)[] {
  return membership.map.shards.map(({ primary }) => primary);
}

async function register(membership: Membership, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) await membership.register(agentOf(id));
}

const shard = parseShard;
const bySelf = { isPrimary: true, ifEpoch: null, isForced: false };

describe("Membership.register", () => {
  it("adds the node, sees it, and answers with the shards it got", async () => {
    const membership = await openMembership();
    const assignments = await membership.register(agentOf("node1"));
    expect(assignments).toEqual({
      clusterId: "c1",
      shardCount: 4,
      mapVersion: 3,
      shards: [0, 1, 2, 3].map((shardId) => ({ shardId, epoch: 1 })),
    });
    expect(membership.nodeState("node1")).toBe("UP");
    expect(membership.isReady()).toBe(true);
    expect(pool.reached).toEqual(["node1"]);
    expect(pool.client("node1").told).toEqual([]);
  });

  it("waits with the first assignment until enough nodes live, and tells those that registered before", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    expect((await membership.register(agentOf("node1"))).shards).toEqual([]);
    expect(owners(membership)).toEqual([null, null, null, null]);
    const { shards } = await membership.register(agentOf("node2"));
    expect(shards?.map(({ shardId }) => shardId)).toEqual([1, 3]);
    expect(owners(membership)).toEqual(["node1", "node2", "node1", "node2"]);
    expect(pool.client("node1").told.map((told) => told.shards?.map(({ shardId }) => shardId))).toEqual([[0, 2]]);
    expect(pool.client("node2").told).toEqual([]);
  });

  it("does not wait for more nodes once shards have been assigned", async () => {
    const membership = await openMembership();
    await register(membership, "node1", "node2");
    await membership.remove("node1", true);
    const later = new Membership({
      registry,
      liveness: new Liveness({ clock, suspectAfterMs, downAfterMs }),
      pool,
      clock,
      log,
      nodesMin: 3,
      isAutoAssigning: true,
    });
    await later.register(agentOf("node2"));
    expect(owners(later)).toEqual(["node2", "node2", "node2", "node2"]);
  });

  it("gives a shard without an owner back to the node that reports data of it, above the epoch it reports", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await membership.register(agentOf("node1", { shards: [] }));
    await membership.register(agentOf("node2", { clusterId: "c1", shards: [hosted(0, 5, 9), hosted(2, 1, 4)] }));
    expect(owners(membership)).toEqual(["node2", "node1", "node2", "node1"]);
    expect(membership.map.shards[0]).toMatchObject({ epoch: 10, history: [{ cause: "registration" }] });
    expect(membership.map.shards[1]).toMatchObject({ epoch: 1, history: [{ cause: "automatic" }] });
  });

  it("asks the other live nodes what they hold now before it spreads shards", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1");
    pool.client("node1").hosted = [hosted(3, 7, 2)];
    await register(membership, "node2");
    expect(membership.map.shards[3]).toMatchObject({ primary: "node1", epoch: 3 });
  });

  it("sees a node that a person registered only when it answers the probe", async () => {
    const membership = await openMembership();
    pool.client("plain1").kind = "plain";
    pool.client("plain2").isDown = true;
    await membership.register({ id: "plain2", url: "http://plain2:8000" });
    expect(membership.nodeStatus("plain2")).toEqual({ state: "SUSPECT", lastSeenAtMs: null, latencyMs: 1.5 });
    expect(owners(membership)).toEqual([null, null, null, null]);
    await membership.register({ id: "plain1", url: "http://plain1:8000" });
    expect(membership.nodeStatus("plain1").lastSeenAtMs).toBe(clock.nowMs());
    expect(owners(membership)).toEqual(["plain1", "plain1", "plain1", "plain1"]);
    expect(membership.shardState(shard(0))).toBe("ACTIVE");
  });

  it("learns what a full node holds that a person registered", async () => {
    const membership = await openMembership();
    pool.client("node1").hosted = [hosted(1, 3, 6)];
    await membership.register({ id: "node1", url: "http://node1:8000" });
    expect(membership.map.shards.map(({ epoch }) => epoch)).toEqual([1, 7, 1, 1]);
  });

  it("refuses a node with data of another cluster once shards are assigned", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const stranger = agentOf("node2", { clusterId: "other", mapVersion: 9 });
    await expect(membership.register(stranger)).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
    expect(membership.map.nodes.has("node2")).toBe(false);
  });

  it("becomes the cluster of the first node with data when its own registry is new", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    const held = [{ shardId: 2, epoch: 7, keyCount: 5, sizeBytes: 50 }];
    const lost = { clusterId: "before", shardCount: 4, mapVersion: 40 };
    await membership.register(agentOf("node1", lost));
    const assignments = await membership.register(agentOf("node2", { ...lost, shards: held }));
    expect(assignments).toMatchObject({
      clusterId: "before",
      shards: expect.arrayContaining([{ shardId: 2, epoch: 8 }]),
    });
    expect(assignments.mapVersion).toBeGreaterThan(40);
  });

  it("gives shards with data back to a node that comes after a lost registry has assigned them", async () => {
    const membership = await openMembership();
    const lost = { clusterId: "before", shardCount: 4, mapVersion: 40 };
    const held = (...shards: number[]) => shards.map((shardId) => ({ shardId, epoch: 7, keyCount: 5, sizeBytes: 50 }));
    await membership.register(agentOf("node1", { ...lost, shards: held(0, 1) }));
    expect(owners(membership)).toEqual(["node1", "node1", "node1", "node1"]);
    pool.client("node1").hosted = [...held(0, 1), hosted(2, 0), hosted(3, 3)];
    const { shards } = await membership.register(agentOf("node2", { ...lost, shards: held(1, 2, 3) }));
    expect(shards).toEqual([{ shardId: 2, epoch: 8 }]);
    expect(owners(membership)).toEqual(["node1", "node1", "node2", "node1"]);
    expect(log.lines.at(-1)).toMatchObject({ level: "error", facts: { node: "node2", shards: [3] } });
  });

  it("has a node register again that knows a newer map than the registry does", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const ahead = { incarnation: "node1-1", mapVersion: 40 };
    expect(() => membership.heartbeat("node1", ahead)).toThrowError(
      expect.objectContaining({ code: "NODE_NOT_FOUND" }),
    );
    await membership.register(agentOf("node1", { clusterId: "c1", mapVersion: 40 }));
    expect(membership.map.version).toBe(41);
    expect(membership.heartbeat("node1", ahead)).toMatchObject({ mapVersion: 41, shards: [{}, {}, {}, {}] });
  });

  it("assigns nothing by itself when it is told not to", async () => {
    const membership = await openMembership({ isAutoAssigning: false });
    await register(membership, "node1");
    expect(owners(membership)).toEqual([null, null, null, null]);
    await membership.assign({ shard: shard(1), node: "node1", ...bySelf });
    expect(owners(membership)).toEqual([null, "node1", null, null]);
  });

  it("leaves out a live node that does not say what it holds", async () => {
    const membership = await openMembership();
    pool.client("node1").isBroken = true;
    await membership.register({ id: "node1", url: "http://node1:8000" });
    expect(membership.nodeState("node1")).toBe("UP");
    expect(owners(membership)).toEqual([null, null, null, null]);
  });

  it.each([
    [{ id: "-bad", url: "http://a" }, "BAD_REQUEST"],
    [{ id: "node1", url: "ftp://a" }, "BAD_REQUEST"],
    [{ id: "node1", url: "http://169.254.169.254/" }, "BAD_REQUEST"],
    [{ id: "node1", url: "http://a", shardCount: 8 }, "SHARD_COUNT_MISMATCH"],
  ])("refuses %j", async (registration, code) => {
    const membership = await openMembership();
    await expect(membership.register(registration)).rejects.toMatchObject({ code });
    expect(membership.map.version).toBe(1);
  });

  it("refuses another URL for the name of a live node, and takes it once that one is silent", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const impostor = agentOf("node1", { url: "http://elsewhere:8000", incarnation: "other" });
    await expect(membership.register(impostor)).rejects.toMatchObject({
      code: "NODE_CONFLICT",
      message: "Storage node node1 lives at http://node1:8000; http://elsewhere:8000 cannot take its name.",
    });
    await expect(membership.register({ id: "node1", url: "http://elsewhere:8000" })).rejects.toMatchObject({
      code: "NODE_CONFLICT",
    });
    await clock.advance(suspectAfterMs);
    await membership.register(impostor);
    expect(membership.map.nodes.get("node1")?.url).toBe("http://elsewhere:8000");
    expect(pool.prunes).toBeGreaterThan(0);
  });

  it("takes a quick restart under the same URL, and the same process under another URL, for the node itself", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await membership.register(agentOf("node1", { incarnation: "node1-2" }));
    await membership.register(agentOf("node1", { incarnation: "node1-2", url: "http://moved:8000" }));
    expect(membership.map.nodes.get("node1")?.url).toBe("http://moved:8000");
  });

  it("gives new epochs to the shards of a node that lost all it had, and the same to one that kept it", async () => {
    const membership = await openMembership({ shardCount: 1 });
    const { mapVersion } = await membership.register(agentOf("node1"));
    const kept = { incarnation: "node1-2", clusterId: "c1", shardCount: 1, mapVersion };
    const reported = { shards: [{ ...hosted(0, 5), epoch: 1 }] };
    expect((await membership.register(agentOf("node1", { ...kept, ...reported }))).shards).toMatchObject([
      { epoch: 1 },
    ]);
    expect((await membership.register(agentOf("node1", { incarnation: "node1-3" }))).shards).toMatchObject([
      { epoch: 2 },
    ]);
    expect(membership.map.shards[0]?.history[0]).toMatchObject({ node: "node1", cause: "registration" });
  });

  it("fails when the registry cannot be written", async () => {
    const membership = await openMembership();
    store.injectFault("writeFails");
    await expect(membership.register(agentOf("node1"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await membership.register(agentOf("node1"));
    expect(membership.isReady()).toBe(true);
  });

  it("keeps a registration whose assignment failed, and assigns at the next watch", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1");
    const registered = membership.register(agentOf("node2"));
    const stop = registry.onChange((map) => {
      if (map.nodes.has("node2") && owners(membership)[0] === null) store.injectFault("writeFails");
    });
    expect((await registered).shards).toEqual([]);
    stop();
    expect(log.lines.some(({ level, message }) => level === "warn" && message.includes("at a registration"))).toBe(
      true,
    );
    membership.start();
    await settle();
    expect(membership.isReady()).toBe(true);
    await membership.stop();
  });
});

describe("Membership.heartbeat", () => {
  it("keeps the node up and answers with its shards only when its map is old", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await clock.advance(suspectAfterMs);
    expect(membership.nodeState("node1")).toBe("SUSPECT");
    const { version } = membership.map;
    expect(membership.heartbeat("node1", { incarnation: "node1-1", mapVersion: version })).toEqual({
      clusterId: "c1",
      shardCount: 4,
      mapVersion: version,
    });
    expect(membership.nodeState("node1")).toBe("UP");
    expect(membership.heartbeat("node1", { mapVersion: version - 1 }).shards).toHaveLength(4);
    expect(membership.heartbeat("node1", {}).shards).toHaveLength(4);
  });

  it("refuses a node that is not registered", async () => {
    const membership = await openMembership();
    expect(() => membership.heartbeat("node1", {})).toThrowError(expect.objectContaining({ code: "NODE_NOT_FOUND" }));
  });

  it("refuses a process whose name another one has taken over", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await membership.register(agentOf("node1", { incarnation: "node1-2" }));
    expect(() => membership.heartbeat("node1", { incarnation: "node1-1" })).toThrowError(
      expect.objectContaining({ code: "NODE_CONFLICT" }),
    );
    expect(membership.heartbeat("node1", { incarnation: "node1-2" }).mapVersion).toBe(membership.map.version);
  });

  it("takes the incarnation of the first heartbeat after the gateway's restart", async () => {
    await register(await openMembership(), "node1");
    const restarted = await openMembership();
    restarted.heartbeat("node1", { incarnation: "node1-1" });
    expect(() => restarted.heartbeat("node1", { incarnation: "node1-2" })).toThrowError(/Another process/);
    expect(restarted.isReady()).toBe(true);
  });
});

describe("Membership.assign", () => {
  it("moves an empty shard, and tells the old owner before the new one", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    const order: string[] = [];
    for (const name of ["node1", "node2"]) {
      pool.client(name).told.length = 0;
      pool.client(name).told.push = (told) => order.push(`${name} ${told.shards?.map((row) => row.shardId).join()}`);
    }
    const record = await membership.assign({ shard: shard(0), node: "node2", ...bySelf });
    expect(record).toMatchObject({
      primary: "node2",
      epoch: 2,
      history: [{ cause: "operator" }, { cause: "automatic" }],
    });
    expect(order).toEqual(["node1 2", "node2 0,1,3"]);
  });

  it("refuses to hide data on the owner unless forced", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    pool.client("node1").hosted = [hosted(0, 3, 1), hosted(2, 0, 1)];
    await expect(membership.assign({ shard: shard(0), node: "node2", ...bySelf })).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
    });
    await membership.assign({ shard: shard(2), node: "node2", ...bySelf });
    await membership.assign({ shard: shard(0), node: "node2", ...bySelf, isForced: true });
    expect(owners(membership)).toEqual(["node2", "node2", "node2", "node2"]);
  });

  it.each([
    ["is a plain one", { kind: "plain" as const }],
    ["does not answer", { isBroken: true }],
  ])("takes it for data that the owner %s and cannot say", async (_why, state) => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    Object.assign(pool.client("node1"), state);
    await expect(membership.assign({ shard: shard(0), node: "node2", ...bySelf })).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
    });
  });

  it("takes a shard from an owner that is down, says so, and does not wait for it", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    await clock.advance(downAfterMs);
    membership.heartbeat("node2", {});
    pool.client("node1").hosted = [hosted(0, 3, 1)];
    const { epoch } = await membership.assign({ shard: shard(0), node: "node2", ...bySelf });
    expect(epoch).toBe(2);
    expect(pool.client("node1").told).toHaveLength(1);
    expect(log.lines.some(({ message }) => message.includes("taken from a storage node that is down"))).toBe(true);
  });

  it("changes nothing for the present owner", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    pool.client("node1").hosted = [hosted(0, 3, 1)];
    const { version } = membership.map;
    expect(await membership.assign({ shard: shard(0), node: "node1", ...bySelf })).toMatchObject({ epoch: 1 });
    expect(membership.map.version).toBe(version);
  });

  it("surpasses an epoch that a node reported, as after a lost registry", async () => {
    const membership = await openMembership({ nodesMin: 3 });
    await membership.register(agentOf("node1", { shards: [hosted(0, 0, 41), hosted(1, 0, null)] }));
    expect(await membership.assign({ shard: shard(0), node: "node1", ...bySelf })).toMatchObject({ epoch: 42 });
    expect(await membership.assign({ shard: shard(1), node: "node1", ...bySelf })).toMatchObject({ epoch: 1 });
  });

  it("does not count a node that never said what it holds", async () => {
    await register(await openMembership(), "node1");
    const restarted = await openMembership();
    restarted.heartbeat("node1", {});
    expect(await restarted.assign({ shard: shard(0), node: "node1", ...bySelf })).toMatchObject({ epoch: 1 });
  });

  it("refuses more changes than may wait, and takes them again afterwards", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const assign = () => membership.assign({ shard: shard(0), node: "node1", ...bySelf });
    const waiting = Array.from({ length: registryQueueMax }, assign);
    await expect(assign()).rejects.toMatchObject({ code: "OVERLOADED" });
    await Promise.all(waiting);
    expect(await assign()).toMatchObject({ primary: "node1" });
  });

  it("keeps an assignment that a node could not be told", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    pool.client("node2").isBroken = true;
    await membership.assign({ shard: shard(0), node: "node2", ...bySelf });
    expect(owners(membership)[0]).toBe("node2");
    expect(log.lines.some(({ message }) => message.includes("was not told its shards"))).toBe(true);
  });

  it.each([
    [{ isPrimary: false }, "NOT_SUPPORTED"],
    [{ node: "node9" }, "NODE_NOT_FOUND"],
    [{ shard: 9 }, "SHARD_NOT_FOUND"],
    [{ ifEpoch: 7 }, "EPOCH_CONFLICT"],
  ])("refuses %j", async (wrong, code) => {
    const membership = await openMembership();
    await register(membership, "node1");
    const request = { shard: shard(0), node: "node1", ...bySelf, ...wrong } as Parameters<Membership["assign"]>[0];
    await expect(membership.assign(request)).rejects.toMatchObject({ code });
  });
});

describe("Membership.remove", () => {
  it("refuses a live node unless forced, and forgets all about it", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await expect(membership.remove("node1", false)).rejects.toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA" });
    expect(await membership.remove("node1", true)).toEqual([0, 1, 2, 3]);
    expect(membership.map.nodes.size).toBe(0);
    expect(membership.nodeStatus("node1").lastSeenAtMs).toBeNull();
    expect(membership.shardState(shard(0))).toBe("UNASSIGNED");
    expect(membership.shardState(shard(99))).toBe("UNASSIGNED");
    expect(membership.isReady()).toBe(false);
  });

  it("removes a node that is down without asking it", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await clock.advance(downAfterMs);
    expect(await membership.remove("node1", false)).toHaveLength(4);
  });

  it("removes a silent node without shards only when it is down", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1");
    await clock.advance(suspectAfterMs);
    await expect(membership.remove("node1", false)).rejects.toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA" });
    await clock.advance(downAfterMs);
    expect(await membership.remove("node1", false)).toEqual([]);
  });

  it("refuses a node that is not registered", async () => {
    const membership = await openMembership();
    await expect(membership.remove("node1", true)).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
  });
});

describe("Membership.shardFigures", () => {
  it("tells the figures by shard, null from a plain node and from one that does not answer", async () => {
    const membership = await openMembership();
    pool.client("node1").hosted = [hosted(2, 5, 1)];
    expect(await membership.shardFigures("node1")).toEqual(new Map([[2, hosted(2, 5, 1)]]));
    pool.client("node1").isBroken = true;
    expect(await membership.shardFigures("node1")).toBeNull();
    pool.client("node2").kind = "plain";
    expect(await membership.shardFigures("node2")).toBeNull();
  });
});

describe("a started Membership", () => {
  it("probes nodes without an agent and leaves alone those that send heartbeats", async () => {
    const membership = await openMembership();
    await membership.register({ id: "plain", url: "http://plain:8000" });
    await register(membership, "node1");
    membership.start();
    await settle();
    for (let second = 0; second < 5; second++) {
      membership.heartbeat("node1", {});
      await clock.advance(heartbeatIntervalMs);
    }
    expect(pool.client("plain").probes).toBeGreaterThanOrEqual(6);
    expect(pool.client("node1").probes).toBe(1);
    expect(membership.nodeState("plain")).toBe("UP");
    pool.client("plain").isDown = true;
    await clock.advance(downAfterMs);
    expect(membership.nodeState("plain")).toBe("DOWN");
    expect(membership.nodeState("node1")).toBe("UP");
    const said = log.lines.filter(({ facts }) => facts["node"] === "plain").map(({ facts }) => facts["state"]);
    expect(said.filter((state) => state !== undefined)).toEqual(["UP", "SUSPECT", "DOWN"]);
    await membership.stop();
  });

  it("finds the nodes of its registry again after a restart, before they register", async () => {
    await register(await openMembership(), "node1");
    const restarted = await openMembership();
    expect(restarted.shardState(shard(0))).toBe("UNAVAILABLE");
    expect(restarted.isReady()).toBe(false);
    restarted.start();
    await settle();
    expect(restarted.isReady()).toBe(true);
    await restarted.stop();
  });

  it("gives the shards of a removed node to the others", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    membership.start();
    await settle();
    await membership.remove("node1", true);
    await clock.advance(heartbeatIntervalMs);
    expect(owners(membership)).toEqual(["node2", "node2", "node2", "node2"]);
    await membership.stop();
  });

  it("survives a registry that fails, and tries again", async () => {
    const membership = await openMembership();
    pool.client("node2").isBroken = true;
    await membership.register({ id: "node2", url: "http://node2:8000" });
    pool.client("node2").isBroken = false;
    store.injectFault("writeFails");
    membership.start();
    await settle();
    expect(log.lines.some(({ level, message }) => level === "error" && message.includes("task failed"))).toBe(true);
    expect(membership.isReady()).toBe(false);
    await clock.advance(heartbeatIntervalMs);
    expect(membership.isReady()).toBe(true);
    await membership.stop();
  });

  it("stops between two runs and during one, leaving no timer", async () => {
    const membership = await openMembership();
    membership.start();
    await settle();
    await membership.stop();
    await membership.stop();
    const other = await openMembership();
    other.start();
    await other.stop();
    other.start();
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });
});
