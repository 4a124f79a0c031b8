import { describe, expect, it } from "vitest";
import { ownedShards } from "../../src/routing/owned-shards.js";
import { mapOf } from "../support/memory-cluster.js";

describe("ownedShards", () => {
  it("lists a storage node's shards by number, and none for an unknown node", () => {
    const map = mapOf({ shardCount: 7, owner: (shard) => (shard === 3 ? null : shard % 2 === 0 ? "node1" : "node2") });
    expect(ownedShards(map, "node1").map(({ shard }) => shard)).toEqual([0, 2, 4, 6]);
    expect(ownedShards(map, "node2").map(({ shard }) => shard)).toEqual([1, 5]);
    expect(ownedShards(map, "node9")).toEqual([]);
  });

  it("uses the given map", () => {
    const [before, after] = [mapOf({ owner: () => "node1" }), mapOf({ owner: () => "node2" })];
    expect([ownedShards(before, "node1").length, ownedShards(after, "node1").length]).toEqual([4, 0]);
  });
});
