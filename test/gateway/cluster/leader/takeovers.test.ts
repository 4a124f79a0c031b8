import { beforeEach, describe, expect, it } from "vitest";
import { heartbeatIntervalMs } from "../../../../src/core/limits.js";
import { parseShard } from "../../../../src/core/shard.js";
import { ClusterLeader } from "../../../../src/gateway/cluster/leader/cluster-leader.js";
import { readinessOf } from "../../../../src/gateway/cluster/health.js";
import { storeDoubtMs } from "../../../../src/gateway/cluster/store-contact.js";
import { evidenceOf, refusedReportMs } from "../../../../src/gateway/cluster/node-evidence.js";
import { probeAgainMs } from "../../../../src/gateway/cluster/leader/probes.js";
import { downAfterMs, Liveness } from "../../../../src/registry/liveness.js";
import { Registry } from "../../../../src/registry/registry.js";
import { MemoryStore } from "../../../../src/registry/stores/memory-store.js";
import { NodeFault } from "../../../../src/routing/node-client/node-client.js";
import type { NodeRegistration } from "../../../../src/wire/membership.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { RecordLog } from "../../../support/record-log.js";
import { FakePool, hosted, idsInOrder } from "../fake-nodes.js";

let clock: FakeClock;
let log: RecordLog;
let pool: FakePool;
let store: MemoryStore;
let newId: () => string;
/** Storage nodes that send a heartbeat each second. */
let beating: Set<string>;
/** Storage nodes whose heartbeats say that they cannot reach their store. */
let lost: Set<string>;

beforeEach(() => {
  clock = new FakeClock();
  log = new RecordLog();
  pool = new FakePool();
  store = new MemoryStore();
  newId = idsInOrder();
  beating = new Set();
  lost = new Set();
});

async function open({ nodesMin = 1, shardCount = 4 } = {}): Promise<ClusterLeader> {
  const wanted = { shardCount, clusterName: null };
  const registry = await Registry.open({ store, clock, log, wanted, newClusterId: () => "c1", newLeaderId: newId });
  await registry.takeLead();
  const isStoreShared = (name: string): boolean => registry.map.nodes.get(name)?.isStoreShared === true;
  const liveness = new Liveness({ clock, suspectAfterMs: 2_000, downAfterMs, isStoreShared });
  const evidence = evidenceOf(pool, clock);
  const rules = { nodesMin, isAutoAssigning: true };
  return new ClusterLeader({ registry, liveness, pool, evidence, newId, clock, log, ...rules });
}

/** Of a store that all of them share, unless `more` says otherwise. */
function sharer(id: string, more: Partial<NodeRegistration> = {}): NodeRegistration {
  const incarnation = more.incarnation ?? `${id}-1`;
  const own = { incarnation, starts: [incarnation], storeId: "store", isStoreShared: true, shards: [] };
  return { id, url: `http://${id}:8000`, ...own, ...more };
}

async function join(leader: ClusterLeader, ...registrations: readonly NodeRegistration[]): Promise<void> {
  for (const registration of registrations) {
    pool.client(registration.id).accept(await leader.register(registration));
    beating.add(registration.id);
  }
}

/** a, b and c over one store; a owns both shards of the first two, and c none. */
async function opened(): Promise<ClusterLeader> {
  const leader = await open({ nodesMin: 2 });
  await join(leader, sharer("a"), sharer("b"), sharer("c"));
  leader.start();
  await settle();
  return leader;
}

/** That many seconds, in which storage nodes send their heartbeats. */
async function seconds(leader: ClusterLeader, count: number): Promise<void> {
  for (let second = 0; second < count; second++) {
    for (const id of beating) {
      const sign = { incarnation: `${id}-1`, mapVersion: leader.map.version };
      await leader.heartbeat(id, { ...sign, ...(lost.has(id) && { isStoreLost: true }) });
    }
    await clock.advance(heartbeatIntervalMs);
    await settle();
  }
}

/** As by SIGKILL: connections are refused. */
function stop(id: string): void {
  beating.delete(id);
  pool.client(id).isDown = true;
}

/** As by SIGSTOP: connections are made, and nothing answers. */
function suspend(id: string): void {
  beating.delete(id);
  Object.assign(pool.client(id), { isBroken: true, onProbe: () => Promise.reject(silent) });
}

const silent = new NodeFault("timeout", "The node does not answer.", false);

function owners(leader: ClusterLeader): readonly (string | null)[] {
  return leader.map.shards.map(({ primary }) => primary);
}

function lines(text: string): readonly Record<string, unknown>[] {
  return log.lines.filter(({ message }) => message.includes(text)).map(({ facts }) => facts as Record<string, unknown>);
}

const downSeconds = downAfterMs / heartbeatIntervalMs + 1;

describe("Takeovers", () => {
  it("gives the shards of a storage node that is DOWN to the others, which hear of it, and not before", async () => {
    const leader = await opened();
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    suspend("a");
    await seconds(leader, 2);
    expect([leader.nodeState("a"), owners(leader)]).toEqual(["SUSPECT", ["a", "a", "b", "b"]]);
    await seconds(leader, 2);
    expect(leader.nodeState("a")).toBe("DOWN");
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    expect(leader.map.shards[0]).toMatchObject({ epoch: 2, lineage: 0 });
    expect(pool.client("c").told.at(-1)?.shards).toMatchObject([{ shardId: 0, epoch: 2 }, { shardId: 1 }]);
    expect(lines("taken over")).toMatchObject([{ node: "a", reason: "down", shards: [0, 1] }]);
    expect(await leader.history(parseShard(0))).toMatchObject([{ node: "c", cause: "automatic" }, {}]);
    await leader.stop();
  });

  it("takes nothing over because this gateway itself was suspended, whichever storage node it hears first", async () => {
    const leader = await opened();
    await seconds(leader, 2);
    clock.suspend(20_000);
    await leader.heartbeat("c", { incarnation: "c-1" });
    await clock.advance(0);
    await settle();
    await seconds(leader, 3);
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    expect(lines("was suspended")).toEqual([{ breakMs: 20_000 }]);
    suspend("a");
    await seconds(leader, 5);
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    await leader.stop();
  });

  it("leaves the shards with a storage node that is DOWN while no other one may take them, and takes them over later", async () => {
    const leader = await opened();
    for (const id of ["a", "b", "c"]) stop(id);
    await seconds(leader, downSeconds + 2);
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    pool.client("c").isDown = false;
    await join(leader, sharer("c", { incarnation: "c-1" }));
    await seconds(leader, 2);
    expect(owners(leader)).toEqual(["c", "c", "c", "c"]);
    await leader.stop();
  });

  it("keeps what was taken over when the storage node is back, and gives the node's later shards no second owner", async () => {
    const leader = await opened();
    stop("a");
    await seconds(leader, downSeconds + 1);
    pool.client("a").isDown = false;
    await join(leader, sharer("a", { incarnation: "a-1" }));
    await seconds(leader, 3);
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    expect(leader.nodeStatus("a").state).toBe("UP");
    await leader.stop();
  });

  it("takes over from a storage node that is about to stop at once, and gives it nothing until it registers again", async () => {
    const leader = await opened();
    const sign = { incarnation: "a-1", mapVersion: leader.map.version };
    expect((await leader.heartbeat("a", { ...sign, isLeaving: true })).shards).toEqual([]);
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    expect(lines("taken over")).toMatchObject([{ node: "a", reason: "leaving" }]);
    await expect(leader.assign({ ...wish, shard: parseShard(0), node: "a" })).rejects.toMatchObject({
      code: "SHARD_UNAVAILABLE",
      message: expect.stringContaining("Storage node a is not up"),
    });
    await leader.remove("b", true);
    stop("b");
    beating.delete("a");
    await seconds(leader, 2);
    expect(owners(leader)).toEqual(["c", "c", "c", "c"]);
    await join(leader, sharer("a", { incarnation: "a-2", starts: ["a-2", "a-1"] }));
    expect(await leader.assign({ ...wish, shard: parseShard(0), node: "a" })).toMatchObject({ primary: "a" });
    await leader.stop();
  });

  it("takes nothing over from a storage node with a store of its own, whether it is about to stop or DOWN", async () => {
    const leader = await open();
    await join(leader, sharer("a", { storeId: "own", isStoreShared: false }), sharer("b"), sharer("c"));
    leader.start();
    const answer = await leader.heartbeat("a", { incarnation: "a-1", isLeaving: true });
    expect(answer.shards).toHaveLength(4);
    stop("a");
    await seconds(leader, downSeconds + 2);
    expect(owners(leader)).toEqual(["a", "a", "a", "a"]);
    await leader.stop();
  });

  it("gives no shards to a storage node that was refused, is SUSPECT, or is about to stop", async () => {
    const leader = await opened();
    await leader.register(sharer("c", { incarnation: "c-9" })).catch(() => undefined);
    expect(leader.nodeStatus("c").problem?.code).toBe("STORE_NOT_RECOGNIZED");
    await expect(leader.drain("a", false)).resolves.toEqual([0, 1]);
    await leader.stop();
  });

  it("serves nothing more of a store that lacks a start, until an operator has accepted the loss", async () => {
    const leader = await opened();
    // The database was restored: it lacks a's last start, and what b and c know is older than that.
    await leader.register(sharer("a", { incarnation: "a-9" })).catch(() => undefined);
    beating.delete("a");
    stop("a");
    await seconds(leader, downSeconds + 3);
    expect(leader.nodeState("a")).toBe("DOWN");
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    await leader.acceptLoss("a");
    pool.client("a").isDown = false;
    await join(leader, sharer("a", { incarnation: "a-9" }));
    beating.delete("a");
    expect(leader.map.shards[0]).toMatchObject({ primary: "a", lineage: 1 });
    stop("a");
    await seconds(leader, downSeconds + 2);
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    await leader.stop();
  });

  it("takes over from a storage node that was started with another store: its own is there", async () => {
    const leader = await opened();
    beating.delete("a");
    await leader.register(sharer("a", { incarnation: "a-9", storeId: "other" })).catch(() => undefined);
    await seconds(leader, 1);
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    expect(lines("taken over")).toMatchObject([{ node: "a", reason: "another store" }]);
    await leader.stop();
  });

  it("tries again after the registry could not store the change", async () => {
    const leader = await opened();
    store.injectFault("writeFails");
    await leader.heartbeat("a", { incarnation: "a-1", isLeaving: true });
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    expect(lines("could not be taken over")).toMatchObject([{ node: "a", reason: "leaving" }]);
    await seconds(leader, 1);
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    await leader.stop();
  });

  it("changes nothing while the registry is being restored", async () => {
    const leader = await opened();
    await leader.register(sharer("d", { clusterId: "c1", mapVersion: 500 })).catch(() => undefined);
    stop("a");
    await clock.advance(2 * downAfterMs);
    await settle();
    expect(leader.map.putBack).not.toBeNull();
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    await leader.stop();
  });

  it("drains as an operator's change, and goes on draining while no other storage node may take the shards", async () => {
    const leader = await opened();
    await leader.drain("c", false);
    expect(await leader.drain("a", false)).toEqual([]);
    expect(owners(leader)).toEqual(["b", "b", "b", "b"]);
    expect(await leader.history(parseShard(0))).toMatchObject([{ node: "b", cause: "operator" }, {}]);
    await expect(leader.drain("b", false)).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
    stop("b");
    await seconds(leader, downSeconds + 2);
    expect(owners(leader)).toEqual(["b", "b", "b", "b"]);
    await leader.drain("c", true);
    await seconds(leader, 2);
    expect(owners(leader)).toEqual(["c", "c", "c", "c"]);
    await leader.stop();
  });
});

describe("a storage node that cannot reach its store", () => {
  const doubtSeconds = storeDoubtMs / heartbeatIntervalMs;

  it("loses its shards to others that reach the store, once each of them would have said that it does not", async () => {
    const leader = await opened();
    lost = new Set(["a"]);
    await seconds(leader, doubtSeconds - 1);
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    await seconds(leader, 1);
    expect([leader.nodeState("a"), owners(leader)]).toEqual(["UP", ["c", "c", "b", "b"]]);
    expect(lines("taken over")).toMatchObject([{ node: "a", reason: "cut off from its store", shards: [0, 1] }]);
    await leader.stop();
  });

  it("is a problem of the cluster, which says what to do, until it reaches the store again", async () => {
    const leader = await opened();
    lost = new Set(["a"]);
    await seconds(leader, 1);
    const problem = {
      node: "a",
      store: "store",
      code: "SHARD_UNAVAILABLE",
      message: "Storage node a cannot reach its database.",
      advice: expect.stringContaining("Check the database, and the network"),
    };
    expect(readinessOf(leader)).toMatchObject({ status: "degraded", problems: [{ ...problem, shards: [0, 1] }] });
    expect(leader.shardState(parseShard(0))).toBe("UNAVAILABLE");
    await seconds(leader, doubtSeconds + 1);
    expect(readinessOf(leader)).toMatchObject({ status: "degraded", problems: [{ ...problem, shards: [] }] });
    expect(lines("cannot reach its database")).toHaveLength(1);
    lost.clear();
    await seconds(leader, 1);
    expect(readinessOf(leader)).toEqual({ status: "ready", problems: [] });
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    await leader.stop();
  });

  it("keeps its shards while no other one reaches the store, as when the whole database is away", async () => {
    const leader = await opened();
    const { version } = leader.map;
    lost = new Set(["a"]);
    await seconds(leader, 1);
    // They notice it later.
    lost = new Set(["a", "b"]);
    await seconds(leader, 1);
    lost = new Set(["a", "b", "c"]);
    await seconds(leader, 20);
    expect([owners(leader), leader.map.version]).toEqual([["a", "a", "b", "b"], version]);
    expect(readinessOf(leader).status).toBe("unavailable");
    // So they notice its end.
    lost = new Set(["a", "b"]);
    await seconds(leader, 1);
    lost = new Set(["a"]);
    await seconds(leader, 1);
    lost.clear();
    await seconds(leader, 10);
    expect([owners(leader), leader.map.version]).toEqual([["a", "a", "b", "b"], version]);
    await leader.stop();
  });

  it("gets no shards before it has reached the store for a while", async () => {
    const leader = await opened();
    lost = new Set(["c"]);
    await seconds(leader, 1);
    const give = () => leader.assign({ ...wish, shard: parseShard(0), node: "c" });
    await expect(give()).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
    lost = new Set(["a", "b"]);
    await seconds(leader, 1);
    await expect(give()).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
    await seconds(leader, doubtSeconds - 2);
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    await seconds(leader, 1);
    expect(owners(leader)).toEqual(["c", "c", "c", "c"]);
    await leader.stop();
  });

  it("gives none to one whose heartbeats are held up, although that answers probes", async () => {
    const leader = await opened();
    lost = new Set(["a"]);
    beating.delete("b");
    beating.delete("c");
    await seconds(leader, 10);
    expect([leader.nodeState("c"), owners(leader)]).toEqual(["UP", ["a", "a", "b", "b"]]);
    beating.add("c");
    await seconds(leader, 1);
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    await leader.stop();
  });

  it("says so to a gateway that leads since, at which it cannot register", async () => {
    await (await opened()).stop();
    const leader = await open({ nodesMin: 2 });
    await join(leader, sharer("b"), sharer("c"));
    leader.start();
    beating.delete("a");
    for (let second = 0; second <= doubtSeconds; second++) {
      const sign = { incarnation: "a-1", mapVersion: 1, isStoreLost: true };
      await expect(async () => leader.heartbeat("a", sign)).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
      await seconds(leader, 1);
    }
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    await leader.stop();
  });

  it("says nothing to the leader as a process that another one has followed, or that is unknown", async () => {
    const leader = await opened();
    for (const [name, incarnation] of [
      ["a", "a-0"],
      ["z", "z-1"],
    ] as const) {
      const sign = { incarnation, isStoreLost: true };
      await expect(async () => leader.heartbeat(name, sign)).rejects.toThrow();
    }
    await seconds(leader, doubtSeconds + 2);
    expect(readinessOf(leader)).toEqual({ status: "ready", problems: [] });
    await leader.stop();
  });

  it("keeps the reason why it was refused: its store may have lost entries", async () => {
    const leader = await opened();
    await leader.register(sharer("a", { incarnation: "a-9" })).catch(() => undefined);
    lost = new Set(["a"]);
    await seconds(leader, doubtSeconds + 3);
    expect(leader.nodeStatus("a").problem?.code).toBe("STORE_NOT_RECOGNIZED");
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    await leader.stop();
  });
});

describe("a storage node that refuses connections", () => {
  /** Nothing passes but the pause before the second probe. */
  async function probedTwice(): Promise<void> {
    await settle();
    await clock.advance(probeAgainMs);
    await settle();
  }

  it("loses its shards as soon as two probes that follow a client's refused connection were refused, too", async () => {
    const leader = await opened();
    stop("a");
    pool.refuse("a");
    await settle();
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    await probedTwice();
    expect([leader.nodeState("a"), owners(leader)]).toEqual(["DOWN", ["c", "c", "b", "b"]]);
    await leader.stop();
  });

  it("loses them although another gateway has seen it just before", async () => {
    const leader = await opened();
    const { id = "" } = leader.map.leader ?? {};
    const beat = { url: null, mapVersion: 1, leaderId: id, seen: [["a", 0]] as const, refused: [] };
    await leader.peers.beatFrom("g2", beat);
    await clock.advance(1);
    stop("a");
    await leader.peers.beatFrom("g2", { ...beat, seen: [], refused: ["a"] });
    await probedTwice();
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    await leader.stop();
  });

  it("keeps them when it answers the second probe: its process was started again", async () => {
    const leader = await opened();
    stop("a");
    pool.refuse("a");
    await settle();
    pool.client("a").isDown = false;
    beating.add("a");
    await probedTwice();
    await seconds(leader, 3);
    expect([leader.nodeState("a"), owners(leader)]).toEqual(["UP", ["a", "a", "b", "b"]]);
    await leader.stop();
  });

  it("keeps them when only clients were refused, and the leader's probes are answered or not answered at all", async () => {
    const leader = await opened();
    pool.refuse("a");
    await probedTwice();
    suspend("b");
    pool.refuse("b");
    await probedTwice();
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    await leader.stop();
  });

  it("loses them before its silence is long enough also when no client asks for its keys", async () => {
    const leader = await opened();
    stop("a");
    await seconds(leader, 3);
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    await leader.stop();
  });

  it("is not DOWN for that with a store of its own", async () => {
    const leader = await open();
    await join(leader, sharer("a", { storeId: "own", isStoreShared: false }), sharer("b"));
    leader.start();
    stop("a");
    for (let times = 0; times < 5; times++) {
      pool.refuse("a");
      await probedTwice();
      await clock.advance(refusedReportMs);
    }
    expect(leader.nodeState("a")).not.toBe("DOWN");
    await leader.stop();
  });

  it("is probed once for many refused connections at a time, and not again after the leader has stopped", async () => {
    const leader = await opened();
    stop("a");
    const { probes } = pool.client("a");
    for (let times = 0; times < 50; times++) pool.refuse("a");
    await settle();
    expect(pool.client("a").probes).toBe(probes + 1);
    await leader.stop();
    await clock.advance(10 * probeAgainMs);
    pool.refuse("a");
    await settle();
    expect(pool.client("a").probes).toBe(probes + 1);
  });
});

describe("a storage node that serves clients and sends no heartbeat", () => {
  it("keeps its shards for as long as it serves this gateway's clients", async () => {
    const leader = await opened();
    suspend("a");
    for (let second = 0; second < 20; second++) {
      pool.answered.set("a", clock.monotonicMs());
      await seconds(leader, 1);
    }
    expect(owners(leader)).toEqual(["a", "a", "b", "b"]);
    await seconds(leader, 5);
    expect(owners(leader)).toEqual(["c", "c", "b", "b"]);
    await leader.stop();
  });
});

const wish = { isPrimary: true, ifEpoch: null, isForced: false };

describe("the shards of a shared store", () => {
  it("are not called outdated at a storage node that reports those of the others", async () => {
    const leader = await opened();
    const shards = [hosted(0, 5, 0), hosted(2, 5, 0)];
    await join(leader, sharer("c", { incarnation: "c-2", starts: ["c-2", "c-1"], shards }));
    expect(leader.nodeStatus("c").staleShards).toEqual([]);
    await leader.stop();
  });

  it("may be given to a node of the store although another one reports their entries", async () => {
    const leader = await open({ nodesMin: 9 });
    await join(leader, sharer("a", { shards: [hosted(0, 5, 0)] }), sharer("b"));
    await join(leader, sharer("z", { storeId: "own", isStoreShared: false }));
    await expect(leader.assign({ ...wish, shard: parseShard(0), node: "z" })).rejects.toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      details: { node: "a" },
    });
    const given = await leader.assign({ ...wish, shard: parseShard(0), node: "b" });
    expect(given).toMatchObject({ primary: "b", lineage: 0 });
    await leader.stop();
  });
});
