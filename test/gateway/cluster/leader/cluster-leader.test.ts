import { beforeEach, describe, expect, it, vi } from "vitest";
import { heartbeatIntervalMs, registryAttemptsMax } from "../../../../src/core/limits.js";
import { parseShard } from "../../../../src/core/shard.js";
import { readinessOf } from "../../../../src/gateway/cluster/health.js";
import { ClusterLeader } from "../../../../src/gateway/cluster/leader/cluster-leader.js";
import { Liveness, suspectAfterMs, downAfterMs } from "../../../../src/registry/liveness.js";
import { MemoryStore } from "../../../../src/registry/stores/memory-store.js";
import { Registry } from "../../../../src/registry/registry.js";
import type { NodeAssignments, NodeRegistration } from "../../../../src/wire/membership.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { RecordLog } from "../../../support/record-log.js";
import { FakePool, gatewayUrl, hosted, idsInOrder } from "../fake-nodes.js";
import { moveTimeoutMs } from "../../../../src/gateway/cluster/leader/shard-mover.js";
import { strangerProblemMs } from "../../../../src/gateway/cluster/node-reports.js";

let clock: FakeClock;
let log: RecordLog;
let pool: FakePool;
let store: MemoryStore;
let registry: Registry;
let newId: () => string;

beforeEach(() => {
  clock = new FakeClock();
  log = new RecordLog();
  pool = new FakePool();
  store = new MemoryStore();
  newId = idsInOrder();
});

async function openMembership({ nodesMin = 1, shardCount = 4, isAutoAssigning = true } = {}): Promise<ClusterLeader> {
  const wanted = { shardCount, clusterName: null };
  registry = await Registry.open({ store, clock, log, wanted, newClusterId: () => "c1", newLeaderId: newId });
  await registry.takeLead();
  const liveness = new Liveness({ clock, suspectAfterMs, downAfterMs });
  return new ClusterLeader({ registry, liveness, pool, newId, clock, log, nodesMin, isAutoAssigning });
}

/** The registration of a storage node with an agent, at the start of this number. */
function agentOf(id: string, more: Partial<NodeRegistration> = {}, start = 1): NodeRegistration {
  const starts = Array.from({ length: start }, (_, index) => `${id}-${start - index}`);
  const incarnation = `${id}-${start}`;
  return { id, url: `http://${id}:8000`, incarnation, storeId: `store-${id}`, starts, shards: [], ...more };
}

/** Registers the node, which then knows its shards. */
async function join(membership: ClusterLeader, registration: NodeRegistration): Promise<NodeAssignments> {
  const assignments = await membership.register(registration);
  pool.client(registration.id).accept(assignments);
  return assignments;
}

async function register(membership: ClusterLeader, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) await join(membership, agentOf(id));
}

function owners(membership: ClusterLeader): readonly (string | null)[] {
  return membership.map.shards.map(({ primary }) => primary);
}

function logged(text: string): readonly { readonly level: string; readonly facts: Record<string, unknown> }[] {
  return log.lines.filter(({ message }) => message.includes(text)) as never;
}

const shard = parseShard;
const bySelf = { isPrimary: true, ifEpoch: null, isForced: false };
const codeOf = (code: string) => expect.objectContaining({ code });

describe("ClusterLeader.register", () => {
  it("adds the node, sees it, and answers with the shards it got", async () => {
    const membership = await openMembership();
    const before = membership.map.version;
    const assignments = await membership.register(agentOf("node1"));
    expect(assignments).toEqual({
      clusterId: "c1",
      shardCount: 4,
      mapVersion: before + 2,
      shards: [0, 1, 2, 3].map((shardId) => ({ shardId, epoch: 1, lineage: 0 })),
    });
    expect(membership.nodeState("node1")).toBe("UP");
    expect(membership.isReady()).toBe(true);
    expect(pool.reached).toEqual(["node1"]);
    expect(pool.client("node1").told).toEqual([]);
    expect(membership.map.nodes.get("node1")).toMatchObject({ storeId: "store-node1", lastStart: "node1-1" });
  });

  it("waits with the first assignment until enough nodes live, and tells those that registered before", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    expect((await membership.register(agentOf("node1"))).shards).toEqual([]);
    expect(owners(membership)).toEqual([null, null, null, null]);
    const { shards } = await membership.register(agentOf("node2"));
    expect(shards?.map(({ shardId }) => shardId)).toEqual([2, 3]);
    expect(owners(membership)).toEqual(["node1", "node1", "node2", "node2"]);
    expect(pool.client("node1").told.map((told) => told.shards?.map(({ shardId }) => shardId))).toEqual([[0, 1]]);
    expect(pool.client("node2").told).toEqual([]);
  });

  it("spreads the shards once for nodes that register at the same moment", async () => {
    const membership = await openMembership({ nodesMin: 3 });
    const names = ["node1", "node2", "node3"];
    const answers = await Promise.all(names.map((name) => membership.register(agentOf(name))));
    expect(answers.map(({ shards }) => shards?.length).toSorted()).toEqual([1, 1, 2]);
    expect(membership.map.shards.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1]);
    expect(names.flatMap((name) => pool.client(name).told)).toEqual([]);
  });

  it("does not wait for more nodes as long as some shards have an owner", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    await membership.remove("node1", true);
    const later = await openMembership({ nodesMin: 3 });
    await later.register(agentOf("node2"));
    expect(owners(later)).toEqual(["node2", "node2", "node2", "node2"]);
  });

  it("gives a shard without an owner back to the node that reports data of it", async () => {
    const membership = await openMembership({ nodesMin: 3 });
    await register(membership, "node1", "node2", "node3");
    const [first = ""] = owners(membership);
    await membership.assign({
      shard: shard(0),
      node: first === "node1" ? "node2" : "node1",
      ...bySelf,
      isForced: true,
    });
    pool.client(first ?? "").hosted = [hosted(0, 5, 1)];
    await membership.remove(owners(membership)[0] ?? "", true);
    membership.start();
    await settle();
    expect(membership.map.shards[0]).toMatchObject({ primary: first });
    expect(await membership.history(shard(0))).toMatchObject([{ cause: "registration", node: first }, {}, {}, {}]);
    await membership.stop();
  });

  it("gives every new start new epochs, and the same ones to a start that registers again", async () => {
    const membership = await openMembership({ shardCount: 1 });
    const first = await join(membership, agentOf("node1"));
    expect(await membership.register(agentOf("node1"))).toEqual(first);
    const { shards } = await membership.register(agentOf("node1", { clusterId: "c1" }, 2));
    expect(shards).toEqual([{ shardId: 0, epoch: 2, lineage: 0 }]);
    expect((await membership.history(shard(0)))[0]).toMatchObject({ node: "node1", cause: "registration", epoch: 2 });
  });

  it("raises the lineage of a node that keeps nothing beyond its process", async () => {
    const membership = await openMembership({ shardCount: 1 });
    await membership.register(agentOf("node1", { isEphemeral: true }));
    const later = agentOf("node1", {
      isEphemeral: true,
      storeId: "another",
      starts: ["node1-2"],
      incarnation: "node1-2",
    });
    expect((await membership.register(later)).shards).toEqual([{ shardId: 0, epoch: 2, lineage: 1 }]);
    expect(membership.reports.of("node1").problem).toBeNull();
  });

  it("assigns nothing by itself when an option disables that", async () => {
    const membership = await openMembership({ isAutoAssigning: false });
    await register(membership, "node1");
    expect(owners(membership)).toEqual([null, null, null, null]);
    await membership.assign({ shard: shard(1), node: "node1", ...bySelf });
    expect(owners(membership)).toEqual([null, "node1", null, null]);
  });

  it.each([
    [{ id: "-bad", url: "http://a" }, "BAD_REQUEST"],
    [{ id: "node1", url: "ftp://a" }, "BAD_REQUEST"],
    [{ id: "node1", url: "http://169.254.169.254/" }, "BAD_REQUEST"],
    [{ id: "node1", url: "http://a", shardCount: 8 }, "SHARD_COUNT_MISMATCH"],
    [{ id: "node1", url: "http://a", clusterId: "other" }, "CLUSTER_MISMATCH"],
  ])("refuses %j", async (registration, code) => {
    const membership = await openMembership();
    const { version } = membership.map;
    await expect(membership.register(registration)).rejects.toMatchObject({ code });
    expect(membership.map.version).toBe(version);
  });

  it("refuses another URL for the name of a live node, and takes it once that one is silent", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const impostor = agentOf("node1", { url: "http://elsewhere:8000", incarnation: "other" });
    await expect(membership.register(impostor)).rejects.toMatchObject({
      code: "NODE_CONFLICT",
      message: "Storage node node1 is live at http://node1:8000; http://elsewhere:8000 cannot use its name.",
    });
    await expect(membership.register({ id: "node1", url: "http://elsewhere:8000" })).rejects.toMatchObject({
      code: "NODE_CONFLICT",
    });
    expect(membership.isReady()).toBe(true);
    await clock.advance(suspectAfterMs);
    await membership.register(agentOf("node1", { url: "http://elsewhere:8000" }, 2));
    expect(membership.map.nodes.get("node1")?.url).toBe("http://elsewhere:8000");
    expect(pool.prunes).toBeGreaterThan(0);
  });

  it("takes a quick restart under the same URL, and the same process under another URL, for the node itself", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await membership.register(agentOf("node1", {}, 2));
    await membership.register(agentOf("node1", { url: "http://moved:8000" }, 2));
    expect(membership.map.nodes.get("node1")?.url).toBe("http://moved:8000");
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
    expect(logged("when a storage node registered")).toMatchObject([{ level: "warn" }]);
    membership.start();
    await settle();
    expect(membership.isReady()).toBe(true);
    await membership.stop();
  });
});

describe("ClusterLeader.register, for a node that a person names", () => {
  it("uses a plain node once it answers", async () => {
    const membership = await openMembership();
    pool.client("plain1").kind = "plain";
    pool.client("plain2").isDown = true;
    await membership.register({ id: "plain2", url: "http://plain2:8000" });
    expect(membership.nodeStatus("plain2")).toEqual({
      state: "SUSPECT",
      lastSeenAtMs: null,
      latencyMs: 1.5,
      problem: null,
      staleShards: [],
    });
    expect(owners(membership)).toEqual([null, null, null, null]);
    await membership.register({ id: "plain1", url: "http://plain1:8000" });
    expect(membership.nodeStatus("plain1").lastSeenAtMs).toBe(clock.nowMs());
    expect(owners(membership)).toEqual(["plain1", "plain1", "plain1", "plain1"]);
    expect(membership.shardState(shard(0))).toBe("ACTIVE");
  });

  it("only adds a full node, which serves once it has registered by itself", async () => {
    const membership = await openMembership();
    await membership.register({ id: "node1", url: "http://node1:8000" });
    expect(membership.nodeStatus("node1").lastSeenAtMs).toBeNull();
    expect(owners(membership)).toEqual([null, null, null, null]);
    membership.start();
    await settle();
    expect(membership.nodeStatus("node1").lastSeenAtMs).toBeNull();
    await register(membership, "node1");
    expect(membership.isReady()).toBe(true);
    await membership.stop();
  });

  it("refuses a node whose health names another cluster, and registers nothing", async () => {
    const membership = await openMembership();
    pool.client("node1").clusterId = "other";
    await expect(membership.register({ id: "node1", url: "http://node1:8000" })).rejects.toMatchObject({
      code: "CLUSTER_MISMATCH",
      message: "Storage node node1 has data of cluster other; this is cluster c1.",
    });
    expect(membership.map.nodes.size).toBe(0);
  });

  it("refuses a gateway's address, its own or another's, whichever caller names it", async () => {
    const membership = await openMembership();
    const refusal = {
      code: "BAD_REQUEST",
      message: `${gatewayUrl} is a gateway, not storage node node1. Use the storage node's own URL.`,
    };
    await expect(membership.register({ id: "node1", url: gatewayUrl })).rejects.toMatchObject(refusal);
    await expect(membership.register({ ...agentOf("node1"), url: gatewayUrl })).rejects.toMatchObject(refusal);
    expect(membership.map.nodes.size).toBe(0);
    await register(membership, "node1");
    await expect(membership.register({ ...agentOf("node1"), url: gatewayUrl })).rejects.toMatchObject(refusal);
    expect(membership.map.nodes.get("node1")?.url).toBe("http://node1:8000");
    // It need not be reachable for all that.
    pool.client("node2").isDown = true;
    await membership.register(agentOf("node2"));
    expect(membership.map.nodes.has("node2")).toBe(true);
  });

  it("refuses a full node whose health names another one, and says what to do", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    await clock.advance(suspectAfterMs);
    const { version } = membership.map;
    pool.client("node1").name = "node2";
    await expect(membership.register({ id: "node1", url: "http://node2:8000" })).rejects.toMatchObject({
      code: "NODE_CONFLICT",
      message: expect.stringMatching(/^Storage node node2 answers at http:\/\/node2:8000, not node1\. Start node1 /),
    });
    expect(membership.map.version).toBe(version);
    expect(membership.map.nodes.get("node1")?.url).toBe("http://node1:8000");
  });

  it("leaves out a plain node that does not say what it holds", async () => {
    const membership = await openMembership();
    Object.assign(pool.client("plain"), { kind: "plain", isBroken: true });
    await membership.register({ id: "plain", url: "http://plain:8000" });
    expect(membership.nodeState("plain")).toBe("UP");
    expect(owners(membership)).toEqual([null, null, null, null]);
  });
});

describe("a storage node that is refused", () => {
  const empty = agentOf("node1", { storeId: "new", starts: ["node1-2"], incarnation: "node1-2" });

  it("has a problem that names store, shards and advice, serves nothing, and is logged once", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    }
    const { problem, state } = membership.nodeStatus("node1");
    expect(state).toBe("UP");
    expect(problem).toMatchObject({
      code: "STORE_NOT_RECOGNIZED",
      shards: [0, 1],
      storeId: "new",
      message: expect.stringContaining("node1"),
      advice: expect.stringContaining("shardgate node accept-loss node1"),
    });
    expect([0, 1, 2, 3].map((number) => membership.shardState(shard(number)))).toEqual([
      "UNAVAILABLE",
      "UNAVAILABLE",
      "ACTIVE",
      "ACTIVE",
    ]);
    expect(membership.isReady()).toBe(false);
    expect(readinessOf(membership)).toMatchObject({
      status: "degraded",
      problems: [{ node: "node1", store: "new", shards: [0, 1], code: "STORE_NOT_RECOGNIZED" }],
    });
    expect(logged("was refused and serves no shards")).toMatchObject([{ level: "error", facts: { node: "node1" } }]);
  });

  it("is not called up by the log, and keeps its shards", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await expect(membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    membership.start();
    await settle();
    expect(logged("A storage node is up")).toEqual([]);
    expect(owners(membership)).toEqual(["node1", "node1", "node1", "node1"]);
    await membership.stop();
  });

  it("serves again once it registers with its own store", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await expect(membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    const { shards } = await membership.register(agentOf("node1", {}, 3));
    expect(shards).toMatchObject([0, 1, 2, 3].map((shardId) => ({ shardId, epoch: 2, lineage: 0 })));
    expect(membership.isReady()).toBe(true);
    expect(logged("problem is resolved")).toHaveLength(1);
    await expect(membership.acceptLoss("node1")).rejects.toMatchObject({ code: "BAD_REQUEST" });
  });

  it("is taken with whatever it has once an operator accepts the loss", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await expect(membership.acceptLoss("node1")).rejects.toMatchObject({ code: "BAD_REQUEST" });
    await expect(membership.acceptLoss("nobody")).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
    await expect(membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    await membership.acceptLoss("node1");
    expect(membership.isReady()).toBe(false);
    const { shards } = await membership.register(empty);
    expect(shards).toMatchObject([0, 1, 2, 3].map((shardId) => ({ shardId, epoch: 2, lineage: 1 })));
    expect(membership.isReady()).toBe(true);
  });

  it("is no target of an assignment, and counts as unknown data as a source", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    await expect(membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    await expect(membership.assign({ shard: shard(0), node: "node2", ...bySelf })).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
    });
    await expect(membership.assign({ shard: shard(2), node: "node1", ...bySelf })).rejects.toMatchObject({
      code: "SHARD_UNAVAILABLE",
    });
  });

  it("is known by name when it is not in the map, and forgotten when it stops trying", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const clone = agentOf("node2", { storeId: "store-node1", clusterId: "c1" });
    await expect(membership.register(clone)).rejects.toMatchObject({ code: "NODE_CONFLICT" });
    const stranger = agentOf("node3", { clusterId: "other", mapVersion: 9, shards: [hosted(0, 3, 2)] });
    await expect(membership.register(stranger)).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
    expect([...membership.map.nodes.keys()]).toEqual(["node1"]);
    expect(readinessOf(membership).problems).toMatchObject([
      { node: "node2", store: "store-node1", shards: [], code: "NODE_CONFLICT" },
      { node: "node3", shards: [], code: "CLUSTER_MISMATCH" },
    ]);
    membership.start();
    for (let elapsedMs = 0; elapsedMs <= strangerProblemMs; elapsedMs += heartbeatIntervalMs) {
      membership.heartbeat("node1", { incarnation: "node1-1" });
      await clock.advance(heartbeatIntervalMs);
    }
    expect(readinessOf(membership)).toEqual({ status: "ready", problems: [] });
    await membership.stop();
  });

  it("does not keep the node with the right store from taking its name at another URL", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await expect(membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    await membership.register(agentOf("node1", { url: "http://elsewhere:8000" }, 3));
    expect(membership.map.nodes.get("node1")?.url).toBe("http://elsewhere:8000");
    expect(membership.isReady()).toBe(true);
  });

  it("is let go by the heartbeat of the start that was accepted", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await expect(membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    membership.heartbeat("node1", { incarnation: "node1-1" });
    expect(membership.isReady()).toBe(true);
  });
});

describe("a former owner that comes back", () => {
  it("is reported with the shards whose entries clients do not see, while another node owns them", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    await membership.assign({ shard: shard(0), node: "node2", ...bySelf, isForced: true });
    const back = agentOf("node1", { shards: [hosted(0, 3, 1), hosted(1, 4, 1), hosted(2, 0, 1)] }, 2);
    await join(membership, back);
    expect(membership.nodeStatus("node1").staleShards).toEqual([0]);
    expect(logged("clients do not see these entries")).toMatchObject([
      { level: "warn", facts: { node: "node1", shards: [0] } },
    ]);
    expect(membership.isReady()).toBe(true);
    await membership.assign({ shard: shard(0), node: "node1", ...bySelf, isForced: true });
    expect(membership.nodeStatus("node1").staleShards).toEqual([]);
    await membership.assign({ shard: shard(0), node: "node2", ...bySelf, isForced: true });
    expect(membership.nodeStatus("node1").staleShards).toEqual([0]);
    await membership.register(agentOf("node1", {}, 3));
    expect(membership.nodeStatus("node1").staleShards).toEqual([]);
  });
});

describe("a registry that was restored", () => {
  const ahead = { clusterId: "c1", mapVersion: 40 };

  /** Two nodes that share four shards, and a map that one of them has left behind. */
  async function putBack(): Promise<ClusterLeader> {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    await expect(membership.register(agentOf("node1", ahead))).rejects.toMatchObject({
      code: "REGISTRY_PUT_BACK",
      details: { mark: expect.stringMatching(/^id-/) },
    });
    return membership;
  }
  const markOf = ({ map }: ClusterLeader): string => map.putBack?.mark ?? "none";

  it("serves and assigns nothing until every node has registered with the mark", async () => {
    const membership = await putBack();
    expect(readinessOf(membership)).toMatchObject({
      status: "unavailable",
      problems: [
        { node: "node1", store: "store-node1", shards: [0, 1], code: "REGISTRY_PUT_BACK" },
        { node: "node2", store: "store-node2", shards: [2, 3], code: "REGISTRY_PUT_BACK" },
      ],
    });
    const wish = { shard: shard(0), node: "node2", ...bySelf };
    await expect(membership.assign(wish)).rejects.toMatchObject({ code: "REGISTRY_PUT_BACK" });
    await expect(membership.assign({ ...wish, isForced: true })).rejects.toMatchObject({ code: "REGISTRY_PUT_BACK" });
    const mark = markOf(membership);
    const first = agentOf("node1", { ...ahead, mark, shards: [hosted(0, 2, 6), hosted(1, 2, 6)] });
    // Not acknowledged before the owner of each shard is settled.
    await expect(membership.register(first)).rejects.toMatchObject({ code: "REGISTRY_PUT_BACK", details: { mark } });
    const { shards, mapVersion } = await membership.register(agentOf("node2", { mark }));
    expect(shards).toMatchObject([{ shardId: 2 }, { shardId: 3 }]);
    expect(mapVersion).toBeGreaterThan(40);
    // The first has not heard of its new epochs yet, and so serves nothing.
    expect(readinessOf(membership)).toMatchObject({
      status: "degraded",
      problems: [{ node: "node1", shards: [0, 1] }],
    });
    expect((await membership.register(first)).shards).toMatchObject([{ epoch: 7 }, { epoch: 7 }]);
    expect(readinessOf(membership)).toEqual({ status: "ready", problems: [] });
    expect(logged("was restored from an older copy")).toMatchObject([{ level: "error" }]);
    expect(logged("shards are served")).toHaveLength(1);
  });

  it("tells every heartbeat the mark, and nodes nothing else", async () => {
    const membership = await putBack();
    const mark = markOf(membership);
    for (const name of ["node1", "node2"]) {
      const beat = { incarnation: `${name}-1`, mapVersion: 3 };
      expect(() => membership.heartbeat(name, beat)).toThrowError(codeOf("REGISTRY_PUT_BACK"));
      expect(() => membership.heartbeat(name, beat)).toThrowError(expect.objectContaining({ details: { mark } }));
    }
    expect(pool.client("node2").told).toEqual([]);
  });

  it("is settled without a node whose loss an operator accepts", async () => {
    const membership = await putBack();
    const mark = markOf(membership);
    await expect(membership.register(agentOf("node1", { ...ahead, mark }))).rejects.toMatchObject({
      details: { mark },
    });
    await membership.acceptLoss("node2");
    expect(membership.map.putBack).toBeNull();
    expect((await membership.register(agentOf("node1", { ...ahead, mark }))).shards?.length).toBeGreaterThan(0);
  });

  it("is logged at the gateway's start", async () => {
    await putBack();
    const restarted = await openMembership();
    log.lines.splice(0);
    restarted.start();
    expect(logged("was restored from an older copy")).toMatchObject([{ level: "error" }]);
    await restarted.stop();
  });

  it("becomes the cluster of the first node with data when it is a new one", async () => {
    const membership = await openMembership();
    const lost = { clusterId: "before", shardCount: 4, mapVersion: 40, shards: [hosted(2, 5, 7)] };
    await expect(membership.register(agentOf("node1", lost))).rejects.toMatchObject({ code: "REGISTRY_PUT_BACK" });
    const { clusterId, shards, mapVersion } = await membership.register(
      agentOf("node1", { ...lost, mark: markOf(membership) }),
    );
    expect(clusterId).toBe("before");
    expect(shards).toContainEqual({ shardId: 2, epoch: 8, lineage: 0 });
    expect(readinessOf(membership)).toMatchObject({
      status: "degraded",
      problems: [{ node: null, shards: [0, 1, 3], advice: expect.stringContaining("The registry was lost") }],
    });
    expect(mapVersion).toBeGreaterThan(40);
  });
});

describe("ClusterLeader.heartbeat", () => {
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
    expect(
      (await membership.heartbeat("node1", { incarnation: "node1-1", mapVersion: version - 1 })).shards,
    ).toHaveLength(4);
    expect((await membership.heartbeat("node1", { incarnation: "node1-1" })).shards).toHaveLength(4);
  });

  it("takes none without a start for a node with a store, whose problem stays", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const empty = agentOf("node1", { storeId: "new", starts: ["node1-2"], incarnation: "node1-2" });
    await expect(membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    await clock.advance(suspectAfterMs);
    expect(() => membership.heartbeat("node1", {})).toThrowError(codeOf("NODE_NOT_FOUND"));
    expect(membership.nodeStatus("node1")).toMatchObject({
      state: "SUSPECT",
      problem: { code: "STORE_NOT_RECOGNIZED" },
    });
  });

  it("has a node register again whose loss an operator has accepted, since its own start goes on", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const empty = agentOf("node1", { storeId: "new", starts: ["node1-2"], incarnation: "node1-2" });
    await expect(membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    await membership.acceptLoss("node1");
    expect(membership.map.nodes.get("node1")?.isLossAccepted).toBe(true);
    expect(() => membership.heartbeat("node1", { incarnation: "node1-1" })).toThrowError(codeOf("NODE_NOT_FOUND"));
    expect(membership.isReady()).toBe(false);
    await join(membership, agentOf("node1"));
    expect((await membership.heartbeat("node1", { incarnation: "node1-1" })).shards).toHaveLength(4);
    expect(membership.isReady()).toBe(true);
  });

  it("enters no queue, writes nothing and sends nothing when there is nothing new, however often it comes", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const calls = [vi.spyOn(registry, "execute"), vi.spyOn(registry, "refresh"), vi.spyOn(store, "compareAndSet")];
    const [before, timers] = [await store.load(), clock.pendingTimers];
    const sign = { incarnation: "node1-1", mapVersion: membership.map.version };
    const answer = { clusterId: "c1", shardCount: 4, mapVersion: membership.map.version };
    // The answer is no promise: there is nothing that it could wait for.
    for (let beat = 0; beat < 1_000; beat++) expect(membership.heartbeat("node1", sign)).toEqual(answer);
    await settle();
    expect(calls.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0]);
    expect([pool.client("node1").told, clock.pendingTimers]).toEqual([[], timers]);
    expect(await store.load()).toEqual(before);
  });

  it("writes nothing to the registry when there is nothing new", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const before = await store.load();
    for (let beat = 0; beat < 5; beat++) membership.heartbeat("node1", { incarnation: "node1-1", exhausted: [] });
    await settle();
    expect(await store.load()).toEqual(before);
  });

  it("has a node register again after the gateway's restart, so that its claims are compared with the map", async () => {
    await register(await openMembership(), "node1");
    const restarted = await openMembership();
    const beat = { incarnation: "node1-1" };
    expect(() => restarted.heartbeat("node1", beat)).toThrowError(codeOf("NODE_NOT_FOUND"));
    expect(() => restarted.heartbeat("node1", {})).toThrowError(codeOf("NODE_NOT_FOUND"));
    expect(restarted.isReady()).toBe(false);
    await register(restarted, "node1");
    expect((await restarted.heartbeat("node1", beat)).shards).toMatchObject([{ epoch: 1 }, {}, {}, {}]);
    expect(restarted.isReady()).toBe(true);
  });

  it("has a node register again that knows a newer map", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const ahead = { incarnation: "node1-1", mapVersion: 40 };
    expect(() => membership.heartbeat("node1", ahead)).toThrowError(codeOf("NODE_NOT_FOUND"));
  });

  it("refuses a node that is not registered", async () => {
    const membership = await openMembership();
    expect(() => membership.heartbeat("node1", {})).toThrowError(codeOf("NODE_NOT_FOUND"));
  });

  it("refuses a process whose name another one has taken over", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await membership.register(agentOf("node1", {}, 2));
    expect(() => membership.heartbeat("node1", { incarnation: "node1-1" })).toThrowError(codeOf("NODE_CONFLICT"));
    expect((await membership.heartbeat("node1", { incarnation: "node1-2" })).mapVersion).toBe(membership.map.version);
  });

  it("takes heartbeats for a plain node from whatever sends them", async () => {
    const membership = await openMembership();
    pool.client("plain").kind = "plain";
    await membership.register({ id: "plain", url: "http://plain:8000" });
    expect((await membership.heartbeat("plain", {})).shards).toHaveLength(4);
    expect(() => membership.heartbeat("plain", { incarnation: "x" })).toThrowError(codeOf("NODE_NOT_FOUND"));
  });

  it("gets new epochs for shards whose versions run out, once, and tells the node", async () => {
    const membership = await openMembership({ shardCount: 2 });
    await register(membership, "node1");
    const exhausted = [
      { shardId: 1, epoch: 1 },
      { shardId: 0, epoch: 9 },
      { shardId: 7, epoch: 1 },
    ];
    for (let beat = 0; beat < 3; beat++) membership.heartbeat("node1", { incarnation: "node1-1", exhausted });
    await settle();
    expect(membership.map.shards.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(pool.client("node1").told).toMatchObject([{ shards: [{ epoch: 1 }, { epoch: 2 }] }]);
    expect((await membership.history(shard(1)))[0]).toMatchObject({ cause: "automatic", node: "node1" });
  });

  it("asks for new epochs again when the registry failed", async () => {
    const membership = await openMembership({ shardCount: 1 });
    await register(membership, "node1");
    const beat = { incarnation: "node1-1", exhausted: [{ shardId: 0, epoch: 1 }] };
    store.injectFault("writeFails");
    membership.heartbeat("node1", beat);
    await settle();
    expect(logged("got no new epoch")).toHaveLength(1);
    membership.heartbeat("node1", beat);
    await membership.stop();
    expect(membership.map.shards[0]?.epoch).toBe(2);
  });
});

describe("ClusterLeader.assign", () => {
  it("moves an empty shard: the owner seals it before anything changes, and is informed of the end before the new owner", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    const order: string[] = [];
    for (const name of ["node1", "node2"]) {
      const node = pool.client(name);
      node.told.push = (...told) => {
        const rows = told.flatMap(({ shards = [] }) => shards);
        order.push(`${name} ${rows.map(({ shardId, sealedFor }) => `${shardId}${sealedFor ? "!" : ""}`).join()}`);
        node.accept(told[0] as NodeAssignments);
        return 0;
      };
    }
    const record = await membership.assign({ shard: shard(0), node: "node2", ...bySelf });
    expect(record).toEqual({ shard: 0, primary: "node2", epoch: 2, lineage: 0, move: null });
    expect(order).toEqual(["node1 0!,1", "node1 1", "node2 0,2,3"]);
    expect(await membership.history(shard(0))).toMatchObject([{ cause: "operator" }, { cause: "automatic" }]);
  });

  it("refuses to hide data on the owner unless forced, which raises the lineage", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    pool.client("node1").hosted = [hosted(0, 3, 1), hosted(1, 0, 1)];
    const { version } = membership.map;
    await expect(membership.assign({ shard: shard(0), node: "node2", ...bySelf })).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      details: { shard: 0, node: "node1" },
    });
    // Nothing was sealed for it.
    expect(membership.map.version).toBe(version);
    await membership.assign({ shard: shard(1), node: "node2", ...bySelf });
    const forced = await membership.assign({ shard: shard(0), node: "node2", ...bySelf, isForced: true });
    expect(forced).toMatchObject({ epoch: 2, lineage: 1 });
    expect(owners(membership)).toEqual(["node2", "node2", "node2", "node2"]);
  });

  it("refuses when an entry came between the first look and the seal, and gives the shard back to its owner", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    const node = pool.client("node1");
    let looks = 0;
    node.onShards = () => void (++looks === 2 && (node.hosted = [hosted(0, 1)]));
    await expect(membership.assign({ shard: shard(0), node: "node2", ...bySelf })).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
    });
    expect(membership.map.shards[0]).toMatchObject({ primary: "node1", epoch: 1, move: null });
    expect(node.told.at(-1)?.shards?.[0]).not.toHaveProperty("sealedFor");
  });

  it("refuses when the target has older entries, which clients would see again", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    pool.client("node2").hosted = [hosted(0, 2, 1)];
    await expect(membership.assign({ shard: shard(0), node: "node2", ...bySelf })).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      details: { node: "node2" },
    });
    expect(membership.map.shards[0]).toMatchObject({ primary: "node1", move: null });
  });

  it("takes it for data that the owner does not list the shard, at first or when it should be sealed", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    const node = pool.client("node1");
    const wish = { shard: shard(0), node: "node2", ...bySelf };
    node.forget();
    const { version } = membership.map;
    await expect(membership.assign(wish)).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      message: expect.stringContaining("which does not list it"),
    });
    expect(membership.map.version).toBe(version);

    await join(membership, agentOf("node1", {}, 2));
    let looks = 0;
    node.onShards = () => void (++looks > 1 && node.forget());
    const assigned = expect(membership.assign(wish)).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      message: expect.stringContaining("could not be sealed"),
    });
    await clock.advance(2 * moveTimeoutMs);
    await assigned;
    expect(membership.map.shards[0]).toMatchObject({ primary: "node1", move: null });
  });

  it("gives up when the owner does not seal in time", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    pool.client("node1").isUnsealing = true;
    const assigned = expect(membership.assign({ shard: shard(0), node: "node2", ...bySelf })).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      message: expect.stringContaining("could not be sealed"),
    });
    await clock.advance(moveTimeoutMs / 2);
    expect(membership.map.shards[0]?.move).not.toBeNull();
    await clock.advance(moveTimeoutMs);
    await assigned;
    expect(membership.map.shards[0]).toMatchObject({ primary: "node1", move: null });
  });

  it("begins anew when the owner started again meanwhile", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    const node = pool.client("node1");
    let looks = 0;
    node.onShards = async () => void (++looks === 1 && (await join(membership, agentOf("node1", {}, 2))));
    const record = await membership.assign({ shard: shard(0), node: "node2", ...bySelf });
    expect(record).toMatchObject({ primary: "node2", epoch: 3, lineage: 0 });
  });

  it("gives up when the owner changes again and again", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    let start = 1;
    pool.client("node1").onShards = async () => void (await join(membership, agentOf("node1", {}, ++start)));
    await expect(membership.assign({ shard: shard(0), node: "node2", ...bySelf })).rejects.toMatchObject({
      code: "EPOCH_CONFLICT",
    });
    expect(start).toBe(1 + registryAttemptsMax);
  });

  it("cancels a move when the gateway stops, and one that a gateway left behind", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    pool.client("node1").isUnsealing = true;
    const assigned = membership.assign({ shard: shard(0), node: "node2", ...bySelf }).catch((error: unknown) => error);
    await settle();
    await membership.stop();
    expect(await assigned).toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA" });
    expect(membership.map.shards[0]?.move).toBeNull();
    await registry.execute({ kind: "beginMove", shard: 1, node: "node2", ifEpoch: null, moveId: "left" });
    const restarted = await openMembership();
    restarted.start();
    await settle();
    expect(restarted.map.shards[1]).toMatchObject({ primary: "node1", epoch: 1, move: null });
    await restarted.stop();
  });

  it("leaves a move that could not be cancelled to the next watch", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    const node = pool.client("node1");
    node.isUnsealing = true;
    const assigned = membership.assign({ shard: shard(0), node: "node2", ...bySelf }).catch((error: unknown) => error);
    await clock.advance(moveTimeoutMs / 2);
    store.injectFault("writeFails");
    await clock.advance(moveTimeoutMs);
    await assigned;
    expect(membership.map.shards[0]?.move).not.toBeNull();
    membership.start();
    await settle();
    expect(membership.map.shards[0]?.move).toBeNull();
    await membership.stop();
  });

  it.each([
    ["does not answer", { isBroken: true }, "ASSIGNMENT_WOULD_HIDE_DATA"],
    ["is a plain storage node and cannot report", { kind: "plain" as const }, "NOT_SUPPORTED"],
  ])("takes it for data that the owner %s", async (_why, state, code) => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    Object.assign(pool.client("node1"), state);
    const wish = { shard: shard(0), node: "node2", ...bySelf };
    await expect(membership.assign(wish)).rejects.toMatchObject({ code });
    expect(await membership.assign({ ...wish, isForced: true })).toMatchObject({ primary: "node2" });
  });

  it.each([
    ["does not answer", { isBroken: true }, "SHARD_UNAVAILABLE"],
    ["is a plain storage node", { kind: "plain" as const }, "NOT_SUPPORTED"],
  ])("refuses a target that %s", async (_why, state, code) => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    Object.assign(pool.client("node2"), state);
    await expect(membership.assign({ shard: shard(0), node: "node2", ...bySelf })).rejects.toMatchObject({ code });
    expect(membership.map.shards[0]).toMatchObject({ primary: "node1", move: null });
  });

  it("does not take a shard from an owner that is down unless forced", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    await clock.advance(downAfterMs);
    membership.heartbeat("node2", { incarnation: "node2-1" });
    const wish = { shard: shard(0), node: "node2", ...bySelf };
    await expect(membership.assign(wish)).rejects.toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA" });
    expect(await membership.assign({ ...wish, isForced: true })).toMatchObject({ epoch: 2, lineage: 1 });
    // Nor does it wait for it.
    expect(pool.client("node1").told).toHaveLength(1);
  });

  it("changes nothing for the present owner", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    pool.client("node1").hosted = [hosted(0, 3, 1)];
    const { version } = membership.map;
    expect(await membership.assign({ shard: shard(0), node: "node1", ...bySelf })).toMatchObject({ epoch: 1 });
    expect(membership.map.version).toBe(version);
  });

  it("keeps an assignment that could not be sent to its node", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1", "node2");
    pool.client("node2").isBroken = true;
    await membership.assign({ shard: shard(0), node: "node2", ...bySelf, isForced: true });
    expect(owners(membership)[0]).toBe("node2");
    expect(logged("did not accept its assignments")).toHaveLength(1);
  });

  it.each([
    [{ isPrimary: false }, "NOT_SUPPORTED"],
    [{ node: "node9" }, "NODE_NOT_FOUND"],
    [{ shard: 9 }, "SHARD_NOT_FOUND"],
    [{ ifEpoch: 7 }, "EPOCH_CONFLICT"],
    [{ ifEpoch: 7, node: "node2" }, "EPOCH_CONFLICT"],
  ])("refuses %j", async (wrong, code) => {
    const membership = await openMembership();
    await register(membership, "node1", "node2");
    const request = { shard: shard(0), node: "node1", ...bySelf, ...wrong } as Parameters<ClusterLeader["assign"]>[0];
    await expect(membership.assign(request)).rejects.toMatchObject({ code });
  });
});

describe("ClusterLeader.remove", () => {
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
    expect(readinessOf(membership)).toMatchObject({
      status: "unavailable",
      problems: [{ node: null, store: null, shards: [0, 1, 2, 3], message: "4 shards have no storage node." }],
    });
  });

  it("does not remove a node that is down and owns shards, because its entries cannot be counted", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    await clock.advance(downAfterMs);
    expect(readinessOf(membership).problems).toMatchObject([
      {
        node: "node1",
        store: "store-node1",
        code: "SHARD_UNAVAILABLE",
        message: expect.stringContaining("does not respond"),
      },
    ]);
    await expect(membership.remove("node1", false)).rejects.toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA" });
    expect(await membership.remove("node1", true)).toHaveLength(4);
  });

  it("removes a silent node without shards only when it is down", async () => {
    const membership = await openMembership({ nodesMin: 2 });
    await register(membership, "node1");
    await clock.advance(suspectAfterMs);
    await expect(membership.remove("node1", false)).rejects.toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA" });
    await clock.advance(downAfterMs);
    expect(await membership.remove("node1", false)).toEqual([]);
  });

  it("gathers what the node has anew when it got shards meanwhile", async () => {
    const membership = await openMembership({ nodesMin: 2, isAutoAssigning: false });
    await register(membership, "node1", "node2");
    await membership.assign({ shard: shard(0), node: "node1", ...bySelf });
    const node = pool.client("node1");
    let looks = 0;
    node.onShards = async () => {
      if (++looks === 1) await membership.assign({ shard: shard(1), node: "node1", ...bySelf });
    };
    await expect(membership.remove("node1", false)).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      message: expect.stringContaining("is live"),
    });
    expect(looks).toBe(2);
  });

  it("refuses a node that is not registered", async () => {
    const membership = await openMembership();
    await expect(membership.remove("node1", true)).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
  });
});

describe("ClusterLeader.shardFigures", () => {
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

describe("a started ClusterLeader", () => {
  it("probes nodes without an agent and leaves alone those that send heartbeats", async () => {
    const membership = await openMembership();
    pool.client("plain").kind = "plain";
    await membership.register({ id: "plain", url: "http://plain:8000" });
    await register(membership, "node1");
    membership.start();
    await settle();
    for (let second = 0; second < 5; second++) {
      membership.heartbeat("node1", { incarnation: "node1-1" });
      await clock.advance(heartbeatIntervalMs);
    }
    expect(pool.client("plain").probes).toBeGreaterThanOrEqual(6);
    // Each was asked once more when it registered.
    expect(pool.client("node1").probes).toBe(2);
    expect(membership.nodeState("plain")).toBe("UP");
    pool.client("plain").isDown = true;
    await clock.advance(downAfterMs);
    expect(membership.nodeState("plain")).toBe("DOWN");
    expect(membership.nodeState("node1")).toBe("UP");
    const said = log.lines.filter(({ facts }) => facts["node"] === "plain").map(({ facts }) => facts["state"]);
    expect(said.filter((state) => state !== undefined)).toEqual(["UP", "SUSPECT", "DOWN"]);
    await membership.stop();
  });

  it("does not count the answer of a full node that has not registered with this gateway", async () => {
    await register(await openMembership(), "node1");
    const restarted = await openMembership();
    restarted.start();
    await settle();
    expect(pool.client("node1").probes).toBe(2);
    expect(restarted.shardState(shard(0))).toBe("UNAVAILABLE");
    expect(readinessOf(restarted)).toMatchObject({
      status: "unavailable",
      problems: [{ node: "node1", message: expect.stringContaining("has not registered with this gateway yet") }],
    });
    // Nothing is wrong so far.
    expect(log.lines.filter(({ level }) => level === "warn")).toEqual([]);
    await register(restarted, "node1");
    expect(restarted.isReady()).toBe(true);
    await clock.advance(heartbeatIntervalMs);
    expect(logged("A storage node is up")).toHaveLength(1);
    await restarted.stop();
  });

  it("says after the gateway's start which storage nodes do not come", async () => {
    await register(await openMembership(), "node1");
    const restarted = await openMembership();
    pool.client("node1").isDown = true;
    restarted.start();
    await clock.advance(downAfterMs);
    expect(logged("does not respond")).toMatchObject([{ level: "warn", facts: { node: "node1", state: "DOWN" } }]);
    await restarted.stop();
  });

  it("does not take a plain server at the URL of a full node for that node", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    Object.assign(pool.client("node1"), { kind: "plain", clusterId: null });
    membership.start();
    await clock.advance(downAfterMs);
    expect(membership.nodeState("node1")).toBe("DOWN");
    await membership.stop();
  });

  it.each([
    ["says no name", { name: null }],
    ["is of no cluster", { clusterId: null }],
    ["waits for its start to be acknowledged", { isAcknowledged: false }],
  ])("takes no sign of life from what %s", async (_what, state) => {
    const membership = await openMembership();
    await register(membership, "node1");
    membership.start();
    await clock.advance(downAfterMs);
    expect(membership.nodeState("node1")).toBe("UP");
    Object.assign(pool.client("node1"), state);
    await clock.advance(2 * downAfterMs);
    expect(membership.nodeState("node1")).toBe("DOWN");
    expect(membership.nodeStatus("node1").problem).toBeNull();
    await membership.stop();
  });

  it("finds out that another node has a node's address, and that the right one is back", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    pool.client("node1").name = "node2";
    membership.start();
    await settle();
    expect(membership.nodeStatus("node1").problem).toMatchObject({
      code: "NODE_CONFLICT",
      message: expect.stringContaining("Storage node node2 answers at http://node1:8000, not node1."),
      shards: [0, 1, 2, 3],
    });
    expect(membership.isReady()).toBe(false);
    await clock.advance(downAfterMs);
    expect(membership.nodeState("node1")).toBe("DOWN");
    pool.client("node1").name = "node1";
    await register(membership, "node1");
    expect(membership.isReady()).toBe(true);
    await membership.stop();
  });

  it("does not hold against a node what answers at an address that it has left", async () => {
    const membership = await openMembership();
    await register(membership, "node1");
    const node = pool.client("node1");
    node.name = "node2";
    node.onProbe = async () => void (await membership.register(agentOf("node1", { url: "http://moved:8000" }, 2)));
    membership.start();
    await settle();
    expect(node.probes).toBe(2);
    expect(membership.nodeStatus("node1").problem).toBeNull();
    await membership.stop();
  });

  it("finds out that a node belongs to another cluster by now, and that it is back", async () => {
    const membership = await openMembership();
    pool.client("plain").kind = "plain";
    await membership.register({ id: "plain", url: "http://plain:8000" });
    Object.assign(pool.client("plain"), { kind: "full", clusterId: "other" });
    membership.start();
    await settle();
    expect(membership.nodeStatus("plain").problem).toMatchObject({ code: "CLUSTER_MISMATCH", shards: [0, 1, 2, 3] });
    expect(membership.shardState(shard(0))).toBe("UNAVAILABLE");
    Object.assign(pool.client("plain"), { kind: "plain", clusterId: null });
    await clock.advance(heartbeatIntervalMs);
    expect(membership.isReady()).toBe(true);
    await membership.stop();
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
    const plain = pool.client("plain");
    Object.assign(plain, { kind: "plain", isBroken: true });
    await membership.register({ id: "plain", url: "http://plain:8000" });
    plain.isBroken = false;
    store.injectFault("writeFails");
    membership.start();
    await settle();
    expect(logged("task failed")).toMatchObject([{ level: "error" }]);
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
