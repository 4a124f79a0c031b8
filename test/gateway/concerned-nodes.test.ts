import { describe, expect, it } from "vitest";
import { concernedNodes } from "../../src/gateway/concerned-nodes.js";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { applyCommand, createClusterMap } from "../../src/registry/commands.js";

const empty = createClusterMap({ clusterId: "c1", clusterName: "test", shardCount: 4 });

function withNodes(...names: readonly string[]): ClusterMap {
  return names.reduce(
    (map, name) => applyCommand(map, { kind: "registerNode", name, url: `http://${name}` }, 0),
    empty,
  );
}

function spread(map: ClusterMap, ...liveNodes: readonly string[]): ClusterMap {
  return applyCommand(map, { kind: "assignUnassigned", liveNodes, held: [] }, 0);
}

const operator = { ifEpoch: null, isForced: false, ownerHoldsData: false, cause: "operator" } as const;

describe("concernedNodes", () => {
  it("names those that gain", () => {
    const before = withNodes("a", "b", "c");
    expect(concernedNodes(before, spread(before, "a", "b"))).toEqual({ losing: [], gaining: ["a", "b"] });
  });

  it("names those that lose once, among the losing, also when they gain", () => {
    const before = spread(withNodes("a", "b"), "a", "b");
    const moved = applyCommand(before, { kind: "assign", shard: 0, node: "b", ...operator }, 0);
    expect(concernedNodes(before, moved)).toEqual({ losing: ["a"], gaining: ["b"] });
    const swapped = applyCommand(moved, { kind: "assign", shard: 1, node: "a", ...operator }, 0);
    expect(concernedNodes(before, swapped)).toEqual({ losing: ["a", "b"], gaining: [] });
  });

  it("names neither a node that was removed nor anyone when nothing changed", () => {
    const before = spread(withNodes("a", "b"), "a", "b");
    const after = applyCommand(
      before,
      { kind: "removeNode", name: "a", isForced: true, holdsData: false, isLive: false },
      0,
    );
    expect(concernedNodes(before, after)).toEqual({ losing: [], gaining: [] });
    expect(concernedNodes(before, before)).toEqual({ losing: [], gaining: [] });
    expect(concernedNodes({ ...before, shards: [] }, before)).toEqual({ losing: [], gaining: [] });
  });
});
