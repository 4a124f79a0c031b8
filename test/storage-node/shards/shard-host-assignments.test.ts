/** How a storage node's start, its gateway's acknowledgement and its assignments affect the operations that it runs. */
import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { engineTimeoutMs, versionsPerEpoch } from "../../../src/core/limits.js";
import { versionOf } from "../../../src/core/version.js";
import { settle } from "../../support/fake-clock.js";
import { assignments, claimed, get, put, remove, scan } from "../operations.js";
import { codes, kinds, openHost, openTwoHosts } from "../running-host.js";
import { ScriptedEngine } from "./scripted-engine.js";
import { versionsBeforeNewEpoch } from "../../../src/storage-node/shards/spent-versions.js";
import { assignmentChangesMax } from "../../../src/storage-node/identity/node-store.js";
import { sweepIntervalMs } from "../../../src/storage-node/shards/sweeper.js";

const withGateway = { hasGateway: true };

/** A storage node of cluster c1 whose start was acknowledged with shard 2 under epoch 5. */
async function openMember(engine = new ScriptedEngine()) {
  const opened = await openHost(engine, withGateway);
  await opened.host.acknowledge(assignments(1, { 2: 5 }));
  return opened;
}

describe("a start that is not acknowledged", () => {
  it("answers neither reads nor writes, and expires nothing", async () => {
    const { engine, clock } = await openMember();
    const { host } = await openHost(engine, { ...withGateway, start: "start2", clock });
    engine.sweeps.length = 0;
    const outcomes = await host.execute([get("a"), put("a", "1", { epoch: 5 }), get("a", 5), scan(), remove("a")]);
    expect(new Set(codes(outcomes))).toEqual(new Set(["SHARD_UNAVAILABLE"]));
    expect(outcomes[0]).toMatchObject({
      message: "The storage node has started and waits for its gateway to acknowledge it.",
    });
    expect([engine.reads, engine.writes, host.isAcknowledged]).toEqual([[], [], false]);
  });

  it("leaves expired entries stored, because an expiry takes a version", async () => {
    const { host, engine, clock } = await openHost(new ScriptedEngine(), withGateway);
    await clock.advance(3 * sweepIntervalMs);
    expect(engine.sweeps).toEqual([]);
    await host.acknowledge(assignments(1, { 2: 5 }));
    await clock.advance(sweepIntervalMs);
    expect(engine.sweeps).toHaveLength(1);
    await host.drain();
  });

  it("is acknowledged only by the answer to its own registration", async () => {
    const { host } = await openHost(new ScriptedEngine(), withGateway);
    await host.applyAssignments(assignments(1, { 2: 5 }));
    expect([host.isAcknowledged, codes(await host.execute([get("a", 5)]))]).toEqual([false, ["SHARD_UNAVAILABLE"]]);
    await host.acknowledge(assignments(1, { 2: 5 }));
    expect(kinds(await host.execute([get("a", 5)]))).toEqual(["notFound"]);
  });

  it("stays unacknowledged when the answer is older than the store's state", async () => {
    const { engine, host: before } = await openMember();
    await before.applyAssignments(assignments(7, { 2: 6 }));
    const { host } = await openHost(engine, { ...withGateway, start: "start2" });
    await host.acknowledge(assignments(6, { 2: 5 }));
    expect(host.isAcknowledged).toBe(false);
    await host.acknowledge(assignments(8, { 2: 7 }));
    expect(host.isAcknowledged).toBe(true);
  });

  it("stays unacknowledged in a second process until that reads the acknowledgement from the store", async () => {
    const { first, second, engine } = await openTwoHosts(withGateway);
    expect(codes(await second.execute([get("a", 5)]))).toEqual(["SHARD_UNAVAILABLE"]);
    await first.acknowledge(assignments(1, { 2: 5 }));
    expect(kinds(await second.execute([put("a", "1", { epoch: 5 }), get("a", 5)]))).toEqual(["written", "found"]);
    // The host remembers the state and does not read the store's document again.
    engine.stateFailure = new Error("Not asked.");
    expect(kinds(await second.execute([get("a", 5)]))).toEqual(["found"]);
  });

  it("continues in a process that restarts within the same start", async () => {
    const { first, engine } = await openTwoHosts(withGateway);
    await first.acknowledge(assignments(1, { 2: 5 }));
    const { host: again } = await openHost(engine, { ...withGateway, isShared: true });
    expect([again.isAcknowledged, again.document.starts.map(({ id }) => id)]).toEqual([true, ["start1"]]);
  });

  it("is refused retryably while the engine cannot tell whether it is acknowledged", async () => {
    const { second, engine, clock, log } = await openTwoHosts(withGateway);
    engine.stateFailure = new ShardgateError("STORAGE_FAILED", "/secret");
    expect(codes(await second.execute([get("a")]))).toEqual(["STORAGE_FAILED"]);
    expect(log.lines.map(({ level }) => level)).toEqual(["error"]);
    engine.stateFailure = null;
    engine.holdReads();
    const waiting = second.execute([get("a")]);
    await clock.advance(engineTimeoutMs);
    expect(codes(await waiting)).toEqual(["SHARD_UNAVAILABLE"]);
    engine.release();
  });
});

describe("a request of another cluster", () => {
  it("is refused as a whole, unlike one of its own cluster", async () => {
    const { host, engine } = await openMember();
    const requests = [put("a", "1", { epoch: 5 }), get("a", 5)];
    await expect(host.execute(requests, { clusterId: "c2" })).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
    expect([engine.reads, engine.writes]).toEqual([[], []]);
    expect(kinds(await host.execute(requests, { clusterId: "c1" }))).toEqual(["written", "found"]);
  });

  it("is refused even before the start is acknowledged", async () => {
    const { engine } = await openMember();
    const { host } = await openHost(engine, { ...withGateway, start: "start2" });
    await expect(host.execute([get("a")], { clusterId: "c2" })).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
  });

  it("is refused by a process after another process of the node has joined a cluster", async () => {
    const { first, second } = await openTwoHosts();
    expect(kinds(await second.execute([get("a")], { clusterId: "c2" }))).toEqual(["notFound"]);
    await first.applyAssignments(assignments(1, { 2: 1 }));
    await expect(second.execute([get("a", 1)], { clusterId: "c2" })).rejects.toMatchObject({
      code: "CLUSTER_MISMATCH",
    });
    expect(kinds(await second.execute([get("a", 1)], { clusterId: "c1" }))).toEqual(["notFound"]);
  });
});

describe("assignments", () => {
  it("are unknown at first, and remembered over a restart", async () => {
    const { host, engine } = await openHost();
    expect([host.document.mapVersion, host.document.clusterId]).toEqual([null, null]);
    await host.applyAssignments(assignments(7, { 1: 3, 2: 5 }));
    await host.drain();
    const { host: again } = await openHost(engine, { start: "start2" });
    expect(again.document).toMatchObject({ mapVersion: 7, clusterId: "c1", shardCount: 4, storeId: "store1" });
    expect(codes(await again.execute([get("a", 5), get("a", 4), get("a", null, 0)]))).toEqual([
      null,
      "STALE_EPOCH",
      "SHARD_NOT_HOSTED",
    ]);
  });

  it("are written once, and not at all when they are not newer", async () => {
    const { host, engine, log } = await openHost();
    engine.stateChanges = 0;
    await host.applyAssignments(assignments(7, { 2: 5 }));
    await host.applyAssignments(assignments(7, { 2: 5 }));
    await host.applyAssignments(assignments(6, { 2: 4 }));
    expect(engine.stateChanges).toBe(1);
    expect(log.lines.filter(({ message }) => message.includes("assignments changed"))).toHaveLength(1);
    expect(codes(await host.execute([get("a", 5)]))).toEqual([null]);
  });

  it("are not read from the store when a heartbeat's answer reports no change", async () => {
    const { host, engine } = await openMember();
    engine.stateFailure = new ShardgateError("STORAGE_FAILED", "The engine was asked.");
    const { clusterId, shardCount } = assignments(1, {});
    await host.applyAssignments({ clusterId, shardCount, mapVersion: 1 });
    await expect(host.applyAssignments({ clusterId: "c2", shardCount, mapVersion: 1 })).rejects.toThrow("asked");
    await expect(host.acknowledge({ clusterId, shardCount, mapVersion: 1 })).rejects.toThrow("asked");
  });

  it("stay as they were when they cannot be written", async () => {
    const { host, engine } = await openHost();
    await host.applyAssignments(assignments(7, { 2: 5 }));
    engine.stateFailure = new ShardgateError("STORAGE_FULL", "The disk is full.");
    await expect(host.applyAssignments(assignments(8, { 2: 6 }))).rejects.toThrow("The disk is full.");
    expect([host.document.mapVersion, host.hostedCount]).toEqual([7, 1]);
    expect(codes(await host.execute([get("a", 5)]))).toEqual([null]);
  });

  it("refuse those of another cluster", async () => {
    const { host } = await openHost();
    await host.applyAssignments(assignments(7, { 2: 5 }));
    const foreign = { ...assignments(8, {}), clusterId: "c2" };
    await expect(host.applyAssignments(foreign)).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
  });

  it("are refused with OVERLOADED when too many wait", async () => {
    const { host, engine } = await openHost();
    engine.holdReads();
    const change = (version: number): Promise<void> => host.applyAssignments(assignments(version, { 2: version }));
    const waiting = Array.from({ length: assignmentChangesMax }, (_, index) => change(index + 1));
    await expect(change(1000)).rejects.toMatchObject({ code: "OVERLOADED" });
    engine.release();
    await Promise.all(waiting);
    await change(1000);
    expect(host.document.mapVersion).toBe(1000);
  });

  it("end an old epoch for both processes of a storage node, whichever received them", async () => {
    const { first, second } = await openTwoHosts();
    await first.applyAssignments(assignments(1, { 2: 5 }));
    expect(kinds(await second.execute([put("a", "1", { epoch: 5 }), get("a", 5)]))).toEqual(["written", "found"]);
    await second.applyAssignments(assignments(2, { 2: 6 }));
    expect(codes(await first.execute([put("a", "2", { epoch: 5 })]))).toEqual(["STALE_EPOCH"]);
    await first.applyAssignments(assignments(3, { 1: 7 }));
    expect(codes(await second.execute([get("a", 6)]))).toEqual(["STALE_EPOCH"]);
    expect(codes(await second.execute([get("a", 7, 1), put("a", "1", { epoch: 7, shard: 1 })]))).toEqual([null, null]);
  });

  it("are never replaced by older ones when they reach two processes out of order", async () => {
    const { first, second } = await openTwoHosts();
    await first.applyAssignments(assignments(1, { 2: 5 }));
    await second.applyAssignments(assignments(3, { 2: 7, 3: 1 }));
    await first.applyAssignments(assignments(2, { 1: 9, 2: 6 }));
    expect([first.document.mapVersion, second.document.mapVersion]).toEqual([3, 3]);
    expect(await first.hostedShards()).toMatchObject([
      { shardId: 2, epoch: 7 },
      { shardId: 3, epoch: 1 },
    ]);
    expect(codes(await first.execute([get("a", 7), get("a", 6), get("a", 9, 1)]))).toEqual([
      null,
      "STALE_EPOCH",
      "SHARD_NOT_HOSTED",
    ]);
  });

  it("end an old epoch even for a write that waits for its commit", async () => {
    const { first, second, engine } = await openTwoHosts();
    await first.applyAssignments(assignments(1, { 2: 5 }));
    engine.hold();
    const waiting = second.execute([put("a", "1", { epoch: 5 })]);
    await settle();
    await first.applyAssignments(assignments(2, { 2: 6 }));
    engine.release();
    expect(codes(await waiting)).toEqual(["STALE_EPOCH"]);
    expect(kinds(await first.execute([get("a", 6)]))).toEqual(["notFound"]);
  });

  it("make each epoch's versions begin above those of earlier epochs, even without an epoch and after a restart", async () => {
    const version = async ({ host }: Awaited<ReturnType<typeof openHost>>, epoch: number | null): Promise<unknown> => {
      const [outcome] = await host.execute([put("a", "1", { epoch })]);
      return outcome?.kind === "written" ? outcome.facts.version : outcome;
    };
    const first = await openHost();
    expect(await version(first, null)).toBe("1");
    await first.host.applyAssignments(assignments(7, { 2: 1 }));
    expect(await version(first, 1)).toBe("2");
    await first.host.applyAssignments(assignments(8, { 2: 2 }));
    expect(await version(first, null)).toBe(`${2 ** 32 + 1}`);
    await first.host.drain();
    expect(await version(await openHost(first.engine), 2)).toBe(`${2 ** 32 + 2}`);
  });

  it("seal a shard for a move, and unseal it when the move is over", async () => {
    const { host } = await openHost();
    const sealing = (version: number, sealedFor: object) => {
      const shards = [{ shardId: 2, epoch: 5, ...sealedFor }];
      return host.applyAssignments({ ...assignments(version, {}), shards });
    };
    await sealing(1, {});
    await host.execute([put("a", "1", { epoch: 5 })]);
    await sealing(2, { sealedFor: "move1" });
    expect(await host.hostedShards()).toMatchObject([{ shardId: 2, keyCount: 1, sealedFor: "move1" }]);
    const outcomes = await host.execute([get("a", 5), put("a", "2", { epoch: 5 }), put("b", "1", { shard: 1 })]);
    expect(codes(outcomes)).toEqual(["SHARD_UNAVAILABLE", "SHARD_UNAVAILABLE", "SHARD_NOT_HOSTED"]);
    await sealing(3, {});
    expect(await host.execute([get("a", 5)])).toMatchObject([{ kind: "found", entry: { value: "1" } }]);
  });
});

describe("a storage node without a gateway", () => {
  it("claims a shard at its first write, and reads one that was never written without a claim", async () => {
    const { host } = await openHost();
    const outcomes = await host.execute([get("a"), scan({ shard: 3 }), put("a", "1", { shard: 1 }), get("a", null, 1)]);
    expect(kinds(outcomes)).toEqual(["notFound", "page", "written", "found"]);
    expect(outcomes[1]).toEqual({ kind: "page", entries: [], hasMore: false });
    expect(await host.hostedShards()).toMatchObject([{ shardId: 1, epoch: 1, releasedEpoch: 0, keyCount: 1 }]);
  });

  it("claims nothing for a request with an epoch", async () => {
    const { host } = await openHost();
    expect(codes(await host.execute([put("a", "1", { epoch: 1 }), get("b", 1)]))).toEqual([
      "SHARD_NOT_HOSTED",
      "SHARD_NOT_HOSTED",
    ]);
    expect(await host.hostedShards()).toEqual([]);
  });

  it("writes nothing when the claim fails or takes too long", async () => {
    const { host, engine, clock, log } = await openHost();
    engine.stateFailure = new ShardgateError("STORAGE_FULL", "/secret");
    expect(await host.execute([put("a", "1")])).toMatchObject([
      { code: "STORAGE_FULL", message: expect.not.stringContaining("secret") },
    ]);
    expect(log.lines).toMatchObject([{ level: "error", facts: { shards: [2] } }]);
    engine.stateFailure = null;
    engine.holdReads();
    const late = host.execute([put("a", "1")]);
    await clock.advance(engineTimeoutMs);
    expect(codes(await late)).toEqual(["SHARD_UNAVAILABLE"]);
    expect(engine.writes).toEqual([]);
    engine.release();
    expect(kinds(await host.execute([put("a", "1")]))).toEqual(["written"]);
  });

  it("serves the shards that it owned in a cluster, claims no other, and logs that", async () => {
    const { engine, host: before } = await openMember();
    await before.execute([put("a", "1", { epoch: 5 })]);
    const { host, log } = await openHost(engine, { start: "start2" });
    expect(log.lines).toMatchObject([{ level: "warn", facts: { clusterId: "c1", shards: 1 } }]);
    expect(host.isAcknowledged).toBe(true);
    const outcomes = await host.execute([get("a"), put("b", "1"), get("a", null, 1), put("a", "1", { shard: 1 })]);
    expect(codes(outcomes)).toEqual([null, null, "SHARD_NOT_HOSTED", "SHARD_NOT_HOSTED"]);
  });

  it("logs nothing of the kind over data of its own", async () => {
    const { engine } = await openHost();
    expect((await openHost(engine, { start: "start2" })).log.lines).toEqual([]);
  });

  it("does not answer for shards of a cluster that another of its processes has joined", async () => {
    const { first, second } = await openTwoHosts();
    await first.applyAssignments(assignments(1, { 2: 1 }));
    expect(codes(await second.execute([get("a", null, 1), put("a", "1", { shard: 1 })]))).toEqual([
      "SHARD_NOT_HOSTED",
      "SHARD_NOT_HOSTED",
    ]);
  });

  it("gives each version of a shard once, whichever process writes", async () => {
    const { first, second } = await openTwoHosts();
    const hosts = Array.from({ length: 40 }, (_, index) => (index % 3 === 0 ? first : second));
    const outcomes = await Promise.all(hosts.map((host, index) => host.execute([put(`key ${index}`, "1")])));
    const versions = outcomes.flat().map((outcome) => (outcome.kind === "written" ? Number(outcome.facts.version) : 0));
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });
});

describe("the identity of a store", () => {
  it("is drawn once, and each start is recorded before anything is served", async () => {
    const { host, engine, clock } = await openHost();
    expect(host.document).toMatchObject({ storeId: "store1", starts: [{ id: "start1", atMs: clock.nowMs() }] });
    const { host: again } = await openHost(engine, { start: "start2", newId: () => "store2" });
    expect(again.document).toMatchObject({ storeId: "store1", starts: [{ id: "start2" }, { id: "start1" }] });
  });

  it("is recorded by the first process only", async () => {
    const { engine } = await openHost(new ScriptedEngine(), { isShared: true, isFirst: false });
    expect((await engine.state()).document).toBeNull();
  });

  it("refuses to open with a damaged document", async () => {
    const engine = new ScriptedEngine();
    await engine.changeState(() => ({ document: "{", claims: [] }));
    await expect(openHost(engine)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});

describe("ShardHost.hostedShards", () => {
  it("lists shards with keys, owned ones and former ones", async () => {
    const { host } = await openHost();
    await host.execute([put("a", "1", { shard: 3 }), put("b", '"x"', { shard: 3 }), put("c", "1", { shard: 1 })]);
    await host.execute([remove("c", null, 1)]);
    await host.applyAssignments(assignments(1, { 2: 4 }));
    const shards = [{ shardId: 0, epoch: 6, lineage: 2 }];
    await host.applyAssignments({ ...assignments(2, {}), shards });
    const former = { keyCount: 0, sizeBytes: 0, lineage: 0, sealedFor: null };
    expect(await host.hostedShards()).toMatchObject([
      { shardId: 0, epoch: 6, releasedEpoch: 0, keyCount: 0, sizeBytes: 0, lineage: 2, sealedFor: null },
      { shardId: 1, epoch: 1, releasedEpoch: 1, sequence: 2, ...former },
      { shardId: 2, epoch: 4, releasedEpoch: 4, ...former },
      { shardId: 3, epoch: 1, releasedEpoch: 1, sequence: 2, ...former, keyCount: 2, sizeBytes: 6 },
    ]);
  });

  it("lists shards that another process was assigned, while only one process expires entries", async () => {
    const { first, second, engine, clock } = await openTwoHosts();
    await first.applyAssignments(assignments(1, { 2: 5 }));
    expect(await second.hostedShards()).toMatchObject([{ shardId: 2, epoch: 5 }]);
    await clock.advance(sweepIntervalMs);
    expect(engine.sweeps).toHaveLength(1);
    await Promise.all([first.drain(), second.drain()]);
  });
});

describe("ShardHost.exhausted", () => {
  it("lists owned shards that are running out of versions, until they have a new epoch", async () => {
    const { host, engine } = await openMember();
    const facts = { createdAtMs: 0, updatedAtMs: 0, expiresAtMs: null };
    const version = versionOf(4 * versionsPerEpoch + versionsBeforeNewEpoch + 1);
    engine.writeAnswers = [[{ kind: "written", isNew: true, facts: { ...facts, version } }]];
    await host.execute([put("a", "1", { epoch: 5 })]);
    await host.execute([put("a", "1", { epoch: 5 })]);
    expect(host.exhausted()).toEqual([{ shardId: 2, epoch: 5 }]);
    await host.applyAssignments(assignments(2, { 2: 6 }));
    expect(host.exhausted()).toEqual([]);
  });

  it("drops shards that were released", async () => {
    const { host, engine } = await openMember(await claimed(new ScriptedEngine(), {}));
    const facts = { version: versionOf(5 * versionsPerEpoch), createdAtMs: 0, updatedAtMs: 0, expiresAtMs: null };
    engine.writeAnswers = [[{ kind: "written", isNew: true, facts }]];
    await host.execute([put("a", "1", { epoch: 5 })]);
    await host.applyAssignments(assignments(2, {}));
    expect(host.exhausted()).toEqual([]);
  });
});
