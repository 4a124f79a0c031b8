import { describe, expect, it } from "vitest";
import { emptyCluster, withCluster, withTick } from "../../../src/console/model/cluster-state.js";
import { shardText } from "../../../src/console/model/shard-text.js";
import { summaryOf } from "../../../src/console/model/summary.js";
import { clusterOf, downRow, stateOf, tickOf, upRow } from "../samples.js";

describe("the cluster's state", () => {
  it("counts the shards of each storage node and reads their states", () => {
    const { nodes, shards } = stateOf(clusterOf(2, 5, { owners: [0, 0, 1, -1, 0], states: "AAUNX", epochs: [3] }));
    expect(nodes.map(({ name, shards: owned, keys }) => [name, owned, keys])).toEqual([
      ["node1", 3, 10],
      ["node2", 1, 10],
    ]);
    expect(shards.map(({ owner, state, epoch }) => [owner, state, epoch])).toEqual([
      [0, "ACTIVE", 3],
      [0, "ACTIVE", 0],
      [1, "UNAVAILABLE", 0],
      [null, "UNASSIGNED", 0],
      [0, "UNASSIGNED", 0],
    ]);
    expect(withCluster(emptyCluster, clusterOf(1, 1, { states: "" })).shards[0]?.state).toBe("UNASSIGNED");
    expect(withCluster(emptyCluster, clusterOf(1, 1, { owners: [7] })).nodes[0]?.shards).toBe(0);
  });

  it("keeps figures by name when storage nodes come and go", () => {
    const before = stateOf(clusterOf(2, 2), [upRow, downRow]);
    const nodes = [{ name: "node0", url: "http://node0" }, ...clusterOf(2, 2).nodes];
    const after = withCluster(before, clusterOf(3, 3, { nodes }));
    expect(after.nodes.map(({ name, index, state }) => [name, index, state])).toEqual([
      ["node0", 0, "SUSPECT"],
      ["node1", 1, "UP"],
      ["node2", 2, "DOWN"],
    ]);
  });

  it("keeps the objects of storage nodes and shards that have not changed", () => {
    const before = stateOf(clusterOf(3, 3));
    const [state, , ...rest] = upRow;
    const after = withTick(before, tickOf([[state, 900, ...rest], downRow]));
    expect(after.nodes.map((node, index) => node === before.nodes[index])).toEqual([true, false, true]);
    expect(after.shards).toBe(before.shards);
    expect(after.nodes[1]).toMatchObject({ state: "DOWN", silentMs: 42_000, keys: null });
    expect(withTick(after, tickOf([["UP", null, 1, 1, 1, 1, "x", null]])).nodes[0]?.silentMs).toBeNull();
  });

  it("appends new seconds, and drops those that are no longer shown", () => {
    const second = (index: number): readonly [number, number, null, null] => [index * 1_000, index, null, null];
    const first = withTick(emptyCluster, tickOf([], [second(1), second(2)]));
    const next = withTick(first, tickOf([], [second(1), second(2), second(3)]));
    expect(next.seconds).toEqual([second(1), second(2), second(3)]);
    const many = Array.from({ length: 400 }, (_, index) => second(index + 4));
    expect(withTick(next, tickOf([], many)).seconds).toHaveLength(300);
  });
});

describe("the summary of the cluster", () => {
  it.each([
    [stateOf(clusterOf(0, 4)), "empty", "No storage node has registered yet."],
    [stateOf(clusterOf(2, 4)), "healthy", "Every shard has a live primary."],
    [stateOf(clusterOf(2, 4), [upRow, downRow]), "degraded", "Every shard is served; 1 storage node not up."],
    [stateOf(clusterOf(3, 4), [downRow, upRow, downRow]), "degraded", "Every shard is served; 2 storage nodes not up."],
    [
      stateOf(clusterOf(2, 4), [upRow, ["UP", 0, 1, 1, 1, 1, "lmdb", "It keeps data of another cluster."]]),
      "degraded",
      "Every shard is served; 1 storage node with a problem.",
    ],
    [stateOf(clusterOf(2, 4, { states: "AUUN" })), "failing", "2 shards unavailable, 1 shard without a storage node."],
    [stateOf(clusterOf(2, 4, { states: "AAAN" })), "failing", "1 shard without a storage node."],
    [stateOf(clusterOf(2, 4, { states: "UAAA" })), "failing", "1 shard unavailable."],
  ])("describes the cluster in one sentence: case %#", (state, level, text) => {
    expect(summaryOf(state)).toMatchObject({ level, text });
  });

  it("adds up keys and bytes of the nodes that report them", () => {
    expect(summaryOf(stateOf(clusterOf(2, 4)))).toMatchObject({ keys: 20, bytes: 2_000, isPartial: false });
    const partial = summaryOf(stateOf(clusterOf(2, 4), [upRow, downRow]));
    expect(partial).toMatchObject({ keys: 10, bytes: 1_000, isPartial: true, nodesUp: 1 });
    const idle = summaryOf(stateOf(clusterOf(2, 4, { owners: [0, 0, 0, 0] }), [upRow, downRow]));
    expect(idle.isPartial).toBe(false);
    expect(summaryOf(emptyCluster).keys).toBeNull();
  });
});

describe("a shard in words", () => {
  it("names its state, its owner and its epoch", () => {
    const { shards, nodes } = stateOf(clusterOf(2, 4, { owners: [0, 1, -1, 9], states: "AUNA" }));
    expect(shards.map((shard) => shardText(shard, nodes))).toEqual([
      "shard 0: active, on node1 (A), epoch 1",
      "shard 1: unavailable, on node2 (B), epoch 1",
      "shard 2: without a storage node, epoch 1",
      "shard 3: active, on an unknown storage node (J), epoch 1",
    ]);
  });
});
