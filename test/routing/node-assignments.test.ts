import { describe, expect, it } from "vitest";
import { assignmentsOf } from "../../src/routing/node-assignments.js";
import { after, spread, withNodes } from "../registry/spread-map.js";

describe("assignmentsOf", () => {
  it("lists the node's own shards with their epochs", () => {
    const map = spread(withNodes("a", "b"), "a", "b");
    expect(assignmentsOf(map, "b")).toEqual({
      clusterId: "c1",
      shardCount: 4,
      mapVersion: 4,
      shards: [
        { shardId: 2, epoch: 1, lineage: 0 },
        { shardId: 3, epoch: 1, lineage: 0 },
      ],
    });
    expect(assignmentsOf(map, "stranger").shards).toEqual([]);
  });

  it("contains lineages, and which shards are sealed for a move", () => {
    const before = spread(withNodes("a", "b"), "a", "b");
    const taken = after(before, {
      kind: "assign",
      shard: 3,
      node: "a",
      ifEpoch: null,
      isForced: true,
      cause: "operator",
    });
    const moving = after(taken, { kind: "beginMove", shard: 0, node: "b", ifEpoch: null, moveId: "m1" });
    expect(assignmentsOf(moving, "a").shards).toEqual([
      { shardId: 0, epoch: 1, lineage: 0, sealedFor: "m1" },
      { shardId: 1, epoch: 1, lineage: 0 },
      { shardId: 3, epoch: 2, lineage: 1 },
    ]);
    expect(assignmentsOf(moving, "b").shards).toEqual([{ shardId: 2, epoch: 1, lineage: 0 }]);
  });

  it("names the leader's URL where the map knows it", () => {
    const map = withNodes("a");
    const ledBy = (url: string | null) => after(map, { kind: "takeLead", leader: { id: "l-1", name: "g1", url } });
    const led = ledBy("http://g1:4000");
    expect(assignmentsOf(led, "a").leader).toBe("http://g1:4000");
    expect(assignmentsOf(led, "a", led.version).leader).toBe("http://g1:4000");
    expect(assignmentsOf(ledBy(null), "a")).not.toHaveProperty("leader");
    expect(assignmentsOf(map, "a")).not.toHaveProperty("leader");
  });

  it("omits the shards for a node that knows this version, and for no other", () => {
    const map = withNodes("a");
    expect(assignmentsOf(map, "a", map.version)).not.toHaveProperty("shards");
    expect(assignmentsOf(map, "a", map.version - 1).shards).toEqual([]);
    expect(assignmentsOf(map, "a", map.version + 1).shards).toEqual([]);
  });
});
