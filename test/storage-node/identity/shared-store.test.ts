import { describe, expect, it } from "vitest";
import { versionsPerEpoch } from "../../../src/core/limits.js";
import type { ShardClaim, StoreState } from "../../../src/storage/engine.js";
import { MemoryContent } from "../../../src/storage/memory/memory-content.js";
import { MemoryEngine } from "../../../src/storage/memory/memory-engine.js";
import {
  documentOf,
  withAssignments,
  withBeginning,
  withOwnClaims,
} from "../../../src/storage-node/identity/node-state.js";
import { NodeStore } from "../../../src/storage-node/identity/node-store.js";
import { FakeClock } from "../../support/fake-clock.js";
import { assignments, get, put, shardOf } from "../operations.js";
import { codes, kinds, openHost } from "../running-host.js";
import { ScriptedEngine } from "../shards/scripted-engine.js";

const cluster = { clusterId: "c1", shardCount: 4 };
const unbound: StoreState = {
  document: null,
  claims: new Map(),
  shared: { id: "shared1", cluster: null },
  damagedShards: [],
};
const bound: StoreState = { ...unbound, shared: { id: "shared1", cluster } };
const beginning = { start: { id: "s1", atMs: 5 }, newStoreId: "drawn", isAlone: false };

describe("a storage node that is new in a shared store", () => {
  it("has the store's id, and its cluster once there is one", () => {
    const document = withBeginning(unbound, beginning)?.document ?? "";
    expect(JSON.parse(document)).toMatchObject({ storeId: "shared1", clusterId: null, starts: [{ id: "s1" }] });
    expect(documentOf({ ...bound, document })).toMatchObject({ storeId: "shared1", ...cluster, mapVersion: null });
    expect(documentOf(bound)).toMatchObject({ storeId: "shared1", ...cluster, starts: [] });
  });

  it("binds a store without a cluster by its first assignments, and no other store", () => {
    expect(withAssignments(unbound, assignments(3, { 1: 2 }))?.cluster).toEqual(cluster);
    expect(withAssignments(bound, assignments(3, { 1: 2 }))).not.toHaveProperty("cluster");
    const own = { ...unbound, shared: null };
    expect(withAssignments(own, assignments(3, { 1: 2 }))).not.toHaveProperty("cluster");
  });

  it("refuses another cluster and another shard count, also without claims", () => {
    expect(() => withAssignments(bound, { ...assignments(3, {}), clusterId: "c2" })).toThrow(
      expect.objectContaining({ code: "CLUSTER_MISMATCH" }),
    );
    expect(() => withAssignments(bound, { ...assignments(3, {}), shardCount: 8 })).toThrow(
      expect.objectContaining({ code: "SHARD_COUNT_MISMATCH" }),
    );
  });

  it("is refused with advice for a database when its record is damaged", () => {
    expect(() => documentOf({ ...bound, document: "{" })).toThrow(/Restore the database from a backup/);
  });

  it("claims a shard for itself only while the store has no cluster", () => {
    expect(withOwnClaims(unbound, [shardOf(1)])?.claims).toMatchObject([{ kind: "claim", epoch: 1 }]);
    expect(withOwnClaims(bound, [shardOf(1)])).toBeNull();
  });
});

describe("the store of a storage node, when it is shared", () => {
  const open = (content: MemoryContent, node: string, hasGateway = true) =>
    NodeStore.open({
      engine: new MemoryEngine(null, content, node),
      clock: new FakeClock(),
      start: `start of ${node}`,
      newId: () => "drawn",
      hasGateway,
      isShared: false,
      isFirst: true,
    });

  it("knows its cluster, which another storage node has named, after a refresh", async () => {
    const content = new MemoryContent("shared1");
    const [one, other] = [await open(content, "one"), await open(content, "other")];
    expect(other).toMatchObject({ isStoreShared: true, document: { storeId: "shared1", clusterId: null } });
    await one.applyAssignments(assignments(3, { 1: 2 }), true);
    expect(one).toMatchObject({ isAcknowledged: true, ownedCount: 1 });
    await other.refresh();
    expect(other).toMatchObject({ document: { clusterId: "c1", acknowledgedStart: null }, ownedCount: 0 });
    expect([one.ownedEpoch(shardOf(1)), other.ownedEpoch(shardOf(1))]).toEqual([2, null]);
  });

  it("takes over shards, and never releases those that another storage node has claimed", async () => {
    const content = new MemoryContent("shared1");
    const [one, other] = [await open(content, "one"), await open(content, "other")];
    await one.applyAssignments(assignments(3, { 1: 2, 2: 2 }), true);
    await other.applyAssignments(assignments(4, { 1: 3 }), true);
    await one.applyAssignments(assignments(5, { 2: 2 }), false);
    expect([one.ownedCount, other.ownedCount]).toEqual([1, 1]);
    await other.applyAssignments(assignments(6, { 1: 3 }), false);
    expect(other.ownedEpoch(shardOf(1))).toBe(3);
  });

  it("answers a storage node without a gateway, and leaves it no shard that another one has claimed", async () => {
    const content = new MemoryContent("shared1");
    const hosts = ["one", "other"].map((node) => openHost(new ScriptedEngine(new MemoryEngine(null, content, node))));
    const [one, other] = (await Promise.all(hosts)).map(({ host }) => host);
    expect(kinds((await one?.execute([put("a", "1", { shard: 1 })])) ?? [])).toEqual(["written"]);
    const refused = ["SHARD_NOT_HOSTED", "SHARD_NOT_HOSTED"];
    expect(codes((await other?.execute([get("a", null, 1), put("a", "2", { shard: 1 })])) ?? [])).toEqual(refused);
    expect(kinds((await other?.execute([get("a"), put("a", "2"), get("a")])) ?? [])).toEqual([
      "notFound",
      "written",
      "found",
    ]);
    expect(codes((await one?.execute([get("a")])) ?? [])).toEqual(["SHARD_NOT_HOSTED"]);
  });

  it("takes new epochs by itself for a storage node without a gateway, when the database has failed over", async () => {
    const content = new MemoryContent("shared1");
    const engine = new ScriptedEngine(new MemoryEngine(null, content, "one"));
    const { host } = await openHost(engine);
    expect(kinds(await host.execute([put("a", "1", { shard: 1 }), put("b", "1", { shard: 2 })]))).toEqual([
      "written",
      "written",
    ]);
    await new MemoryEngine(null, content, "other").changeState(() => ({
      claims: [{ kind: "claim", shard: shardOf(2), epoch: 2, lineage: 0, sealedFor: null }],
    }));
    const outdated = (number: number): ShardClaim => {
      return { shard: shardOf(number), epoch: 3, releasedEpoch: 0, lineage: 0, sealedFor: null };
    };
    engine.outdated = [outdated(1), outdated(2), outdated(3)];
    const answers = await host.execute([1, 2, 3].map((shard) => put("a", "2", { shard })));
    expect(answers).toMatchObject([
      { kind: "written", facts: { version: String(3 * versionsPerEpoch + 1) } },
      { kind: "refused", code: "SHARD_NOT_HOSTED" },
      { kind: "written", facts: { version: String(3 * versionsPerEpoch + 1) } },
    ]);
  });
});
