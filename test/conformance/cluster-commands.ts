/**
 * The common contract of all ways to change the cluster: the leader's own process, and followers over any transport.
 * Each test calls `cluster`, and inspects what that process sees afterwards.
 */
import { describe, expect, it } from "vitest";
import { heartbeatIntervalMs } from "../../src/core/limits.js";
import { parseShard } from "../../src/core/shard.js";
import type { ClusterCommands } from "../../src/gateway/cluster/cluster-commands.js";
import type { ClusterView } from "../../src/gateway/cluster/cluster-view.js";
import type { MemoryStore } from "../../src/registry/stores/memory-store.js";
import { NodeFault } from "../../src/routing/node-client/node-client.js";
import type { NodeRegistration } from "../../src/wire/membership.js";
import { hosted, type FakePool } from "../gateway/cluster/fake-nodes.js";
import { settle, type FakeClock } from "../support/fake-clock.js";
import { suspectAfterMs, downAfterMs } from "../../src/registry/liveness.js";

export interface CommandedCluster {
  /** Four shards, all of which belong to the first storage node that registers. */
  readonly cluster: ClusterCommands & ClusterView;
  /** The leader begins to watch the storage nodes. */
  start(): void;
  /** The storage nodes as the leader reaches them. */
  readonly nodes: FakePool;
  readonly store: MemoryStore;
  readonly clock: FakeClock;
}

function agent(id: string, start = 1): NodeRegistration {
  const starts = Array.from({ length: start }, (_, index) => `${id}-${start - index}`);
  return { id, url: `http://${id}:8000`, incarnation: `${id}-${start}`, storeId: `store-${id}`, starts, shards: [] };
}

/** Of a store that all of them share. */
function sharer(id: string): NodeRegistration {
  return { ...agent(id), storeId: "store", isStoreShared: true };
}

const shard = parseShard;
const wish = { isPrimary: true, ifEpoch: null, isForced: false };

export function testClusterCommands(name: string, open: () => Promise<CommandedCluster>): void {
  /** With node1, which owns all shards, and node2. */
  const opened = async (): Promise<CommandedCluster> => {
    const parts = await open();
    for (const id of ["node1", "node2"]) {
      parts.nodes.client(id).accept(await parts.cluster.register(agent(id)));
    }
    return parts;
  };

  describe(`${name}: ClusterCommands`, () => {
    it("registers a storage node, whose shards are visible at once", async () => {
      const { cluster } = await open();
      const assignments = await cluster.register(agent("node1"));
      expect(assignments).toMatchObject({
        shardCount: 4,
        clusterId: cluster.map.clusterId,
        mapVersion: cluster.map.version,
      });
      expect(assignments.shards).toEqual([0, 1, 2, 3].map((shardId) => ({ shardId, epoch: 1, lineage: 0 })));
      expect([cluster.nodeState("node1"), cluster.isReady()]).toEqual(["UP", true]);
      expect(cluster.map.shards.map(({ primary }) => primary)).toEqual(Array(4).fill("node1"));
    });

    it("refuses a registration with the code and the details of the refusal", async () => {
      const { cluster } = await opened();
      await expect(cluster.register({ id: "no name!", url: "http://a" })).rejects.toMatchObject({
        code: "BAD_REQUEST",
      });
      const empty = { ...agent("node1"), storeId: "other", incarnation: "new", starts: ["new"] };
      await expect(cluster.register(empty)).rejects.toMatchObject({
        code: "STORE_NOT_RECOGNIZED",
        details: { node: "node1" },
      });
      await settle();
      expect(cluster.nodeStatus("node1").problem).toMatchObject({ code: "STORE_NOT_RECOGNIZED", storeId: "other" });
      expect(cluster.shardState(shard(0))).toBe("UNAVAILABLE");
    });

    it("acknowledges a new start once an operator has accepted the loss, with new epochs and a new lineage", async () => {
      const { cluster } = await opened();
      const empty = { ...agent("node1"), storeId: "other", incarnation: "new", starts: ["new"] };
      await expect(cluster.acceptLoss("node1")).rejects.toMatchObject({ code: "BAD_REQUEST" });
      await cluster.register(empty).catch(() => undefined);
      await cluster.acceptLoss("node1");
      expect(cluster.map.nodes.get("node1")?.isLossAccepted).toBe(true);
      await cluster.register(empty);
      expect(cluster.map.shards[0]).toMatchObject({ epoch: 2, lineage: 1 });
      await expect(cluster.acceptLoss("nobody")).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
    });

    it("answers a heartbeat with the shards only to a storage node with older assignments", async () => {
      const { cluster } = await opened();
      const { version: mapVersion } = cluster.map;
      const sign = { incarnation: "node1-1" };
      expect(await cluster.heartbeat("node1", { ...sign, mapVersion })).not.toHaveProperty("shards");
      expect((await cluster.heartbeat("node1", { ...sign, mapVersion: 1 })).shards).toHaveLength(4);
    });

    it("keeps a storage node up by its heartbeats, and notices their absence", async () => {
      const { cluster, clock } = await opened();
      await clock.advance(suspectAfterMs);
      expect(cluster.nodeState("node1")).toBe("SUSPECT");
      await cluster.heartbeat("node1", { incarnation: "node1-1", mapVersion: cluster.map.version });
      await settle();
      expect(cluster.nodeState("node1")).toBe("UP");
      await clock.advance(downAfterMs);
      expect([cluster.nodeState("node1"), cluster.shardState(shard(0))]).toEqual(["DOWN", "UNAVAILABLE"]);
    });

    it("refuses heartbeats with advice for the storage node", async () => {
      const { cluster } = await opened();
      const beat = async (id: string, incarnation: string) => cluster.heartbeat(id, { incarnation, mapVersion: 1 });
      await expect(beat("nobody", "x")).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
      await expect(beat("node1", "another")).rejects.toMatchObject({ code: "NODE_CONFLICT" });
    });

    it("assigns an empty shard; then the new owner is visible, and both storage nodes have their assignments", async () => {
      const { cluster, nodes } = await opened();
      const record = await cluster.assign({ shard: shard(0), node: "node2", ...wish });
      expect(record).toEqual({ shard: 0, primary: "node2", epoch: 2, lineage: 0, move: null });
      expect(cluster.map.shards[0]).toEqual(record);
      const shardsAt = (id: string) =>
        nodes
          .client(id)
          .told.at(-1)
          ?.shards?.map(({ shardId }) => shardId);
      expect([shardsAt("node1"), shardsAt("node2")]).toEqual([[1, 2, 3], [0]]);
      expect(await cluster.history(shard(0))).toMatchObject([
        { node: "node2", epoch: 2, cause: "operator" },
        { node: "node1", epoch: 1 },
      ]);
    });

    it("refuses an assignment that would hide entries, to an unknown storage node, or at another epoch", async () => {
      const { cluster, nodes } = await opened();
      const { version } = cluster.map;
      nodes.client("node1").hosted = [hosted(0, 3, 1)];
      const refused = (more: object) => cluster.assign({ shard: shard(0), node: "node2", ...wish, ...more });
      await expect(refused({})).rejects.toMatchObject({
        code: "ASSIGNMENT_WOULD_HIDE_DATA",
        details: { shard: 0, node: "node1" },
      });
      await expect(refused({ node: "nobody" })).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
      await expect(refused({ ifEpoch: 7 })).rejects.toMatchObject({
        code: "EPOCH_CONFLICT",
        message: "Shard 0 is at epoch 1, not 7.",
        details: { shard: 0, epoch: 1 },
      });
      await expect(refused({ isPrimary: false })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
      expect(cluster.map.version).toBe(version);
    });

    it("removes a storage node by force, after which it is no longer visible", async () => {
      const { cluster } = await opened();
      await expect(cluster.remove("node1", false)).rejects.toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA" });
      await expect(cluster.remove("nobody", true)).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
      expect(await cluster.remove("node1", true)).toEqual([0, 1, 2, 3]);
      expect(cluster.map.nodes.has("node1")).toBe(false);
      expect(cluster.nodeStatus("node1").lastSeenAtMs).toBeNull();
      expect(cluster.shardState(shard(0))).toBe("UNASSIGNED");
    });

    it("drains a storage node of a shared store: another one serves its shards at once, and it gets none until that ends", async () => {
      const { cluster, nodes } = await open();
      for (const id of ["node1", "node2"]) nodes.client(id).accept(await cluster.register(sharer(id)));
      expect(await cluster.drain("node1", false)).toEqual([]);
      expect(cluster.map.nodes.get("node1")?.isDraining).toBe(true);
      expect(cluster.map.shards).toEqual(
        [0, 1, 2, 3].map((id) => ({ shard: id, epoch: 2, primary: "node2", lineage: 0, move: null })),
      );
      expect(nodes.client("node2").told.at(-1)?.shards).toHaveLength(4);
      const back = { shard: shard(0), node: "node1", ...wish };
      await expect(cluster.assign(back)).rejects.toMatchObject({ code: "BAD_REQUEST" });
      await expect(cluster.drain("node2", false)).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
      expect(await cluster.drain("node1", true)).toEqual([]);
      expect(await cluster.assign(back)).toMatchObject({ primary: "node1", epoch: 3, lineage: 0 });
      expect(await cluster.drain("node1", true)).toEqual([0]);
    });

    it("refuses to drain a storage node with a store of its own, and an unknown one", async () => {
      const { cluster } = await opened();
      await expect(cluster.drain("node1", false)).rejects.toMatchObject({
        code: "NOT_SUPPORTED",
        details: { node: "node1" },
      });
      await expect(cluster.drain("unknown", false)).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
    });

    it("has the shards of a storage node that is about to stop taken over before its heartbeat is answered", async () => {
      const { cluster, nodes } = await open();
      for (const id of ["node1", "node2"]) nodes.client(id).accept(await cluster.register(sharer(id)));
      const leaving = { incarnation: "node1-1", mapVersion: cluster.map.version, isLeaving: true };
      expect((await cluster.heartbeat("node1", leaving)).shards).toEqual([]);
      await settle();
      expect(cluster.map.shards.map(({ primary }) => primary)).toEqual(Array(4).fill("node2"));
      expect(nodes.client("node2").told.at(-1)?.shards).toHaveLength(4);
    });

    it("returns histories in the order of the shards", async () => {
      const { cluster } = await opened();
      await cluster.assign({ shard: shard(2), node: "node2", ...wish, isForced: true });
      expect(await cluster.histories([shard(2), shard(0)])).toMatchObject([
        [{ epoch: 2 }, { epoch: 1 }],
        [{ epoch: 1 }],
      ]);
    });

    it("sends a storage node its assignments when it is refreshed, even if it reported that it has them", async () => {
      const { cluster, nodes } = await opened();
      const before = nodes.client("node1").told.length;
      await cluster.heartbeat("node1", { incarnation: "node1-1", mapVersion: cluster.map.version });
      await Promise.all([cluster.refresh("node1"), cluster.refresh("node1")]);
      expect(nodes.client("node1").told.slice(before)).toMatchObject([{ mapVersion: cluster.map.version }]);
      await cluster.refresh("nobody");
    });

    it("refreshes even though the storage node does not answer", async () => {
      const { cluster, nodes } = await opened();
      nodes.client("node1").isBroken = true;
      await cluster.refresh("node1");
      expect(nodes.client("node1").told).toEqual([]);
    });

    it("answers REGISTRY_UNAVAILABLE when the registry cannot be written, and works again afterwards", async () => {
      const { cluster, store } = await opened();
      store.injectFault("writeFails");
      const asked = { shard: shard(0), node: "node2", ...wish, isForced: true };
      await expect(cluster.assign(asked)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
      expect(cluster.map.shards[0]).toMatchObject({ primary: "node1" });
      expect(await cluster.assign(asked)).toMatchObject({ primary: "node2" });
    });

    it("delivers a change whose answer was lost to the storage node, without a further change", async () => {
      const { cluster, start, nodes, clock } = await opened();
      start();
      const node = nodes.client("node2");
      node.onAssign = () => Promise.reject(new NodeFault("timeout", "The answer was lost.", false));
      await cluster.assign({ shard: shard(0), node: "node2", ...wish, isForced: true });
      const { version } = cluster.map;
      expect(node.told).toEqual([]);
      node.onAssign = async () => {};
      await clock.advance(heartbeatIntervalMs);
      await settle();
      expect(node.told).toMatchObject([{ mapVersion: version, shards: [{ shardId: 0, epoch: 2 }] }]);
    });
  });
}
