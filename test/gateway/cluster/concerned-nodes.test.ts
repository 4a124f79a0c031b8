import { describe, expect, it } from "vitest";
import { concernedNodes } from "../../../src/gateway/cluster/concerned-nodes.js";
import type { ClusterMap } from "../../../src/registry/cluster-map.js";
import { applyCommand, createClusterMap, type RegistryCommand } from "../../../src/registry/commands.js";

const empty = createClusterMap({ clusterId: "c1", clusterName: "test", shardCount: 4 });

function after(map: ClusterMap, command: RegistryCommand): ClusterMap {
  return applyCommand(map, command, 0).map;
}

function withNodes(...names: readonly string[]): ClusterMap {
  return names.reduce((map, name) => {
    const url = `http://${name}`;
    return after(map, { kind: "registerNode", name, url, identity: null, newMark: "mark" });
  }, empty);
}

/** Of four shards the first node gets 0 and 1, the second 2 and 3. */
function spread(map: ClusterMap, ...liveNodes: readonly string[]): ClusterMap {
  return after(map, { kind: "assignUnassigned", liveNodes, held: [] });
}

const forced = { ifEpoch: null, isForced: true, cause: "operator" } as const;

describe("concernedNodes", () => {
  it("names those that gain", () => {
    const before = withNodes("a", "b", "c");
    expect(concernedNodes(before, spread(before, "a", "b"))).toEqual({ losing: [], gaining: ["a", "b"] });
  });

  it("names those that lose once, among the losing, also when they gain", () => {
    const before = spread(withNodes("a", "b"), "a", "b");
    const moved = after(before, { kind: "assign", shard: 0, node: "b", ...forced });
    expect(concernedNodes(before, moved)).toEqual({ losing: ["a"], gaining: ["b"] });
    const swapped = after(moved, { kind: "assign", shard: 2, node: "a", ...forced });
    expect(concernedNodes(before, swapped)).toEqual({ losing: ["a", "b"], gaining: [] });
  });

  it("names the owner of a shard that begins or ceases to move, and nobody else", () => {
    const before = spread(withNodes("a", "b"), "a", "b");
    const moving = after(before, { kind: "beginMove", shard: 0, node: "b", ifEpoch: null, moveId: "m1" });
    expect(concernedNodes(before, moving)).toEqual({ losing: ["a"], gaining: [] });
    const cancelled = after(moving, { kind: "cancelMove", moveId: "m1" });
    expect(concernedNodes(moving, cancelled)).toEqual({ losing: ["a"], gaining: [] });
  });

  it("names neither a node that was removed nor anyone when nothing changed", () => {
    const before = spread(withNodes("a", "b"), "a", "b");
    const removed = after(before, { kind: "removeNode", name: "a", isForced: true, evidence: [], isLive: false });
    expect(concernedNodes(before, removed)).toEqual({ losing: [], gaining: [] });
    expect(concernedNodes(before, before)).toEqual({ losing: [], gaining: [] });
    expect(concernedNodes({ ...before, shards: [] }, before)).toEqual({ losing: [], gaining: [] });
  });
});
