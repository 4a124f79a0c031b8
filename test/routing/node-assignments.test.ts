import { describe, expect, it } from "vitest";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { applyCommand, createClusterMap } from "../../src/registry/commands.js";
import { assignmentsOf } from "../../src/routing/node-assignments.js";

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

describe("assignmentsOf", () => {
  it("lists the node's own shards with their epochs", () => {
    const map = spread(withNodes("a", "b"), "a", "b");
    expect(assignmentsOf(map, "b")).toEqual({
      clusterId: "c1",
      shardCount: 4,
      mapVersion: 4,
      shards: [
        { shardId: 1, epoch: 1 },
        { shardId: 3, epoch: 1 },
      ],
    });
    expect(assignmentsOf(map, "stranger").shards).toEqual([]);
  });

  it("leaves the shards out for a node that knows this version, and for no other", () => {
    const map = withNodes("a");
    expect(assignmentsOf(map, "a", map.version)).not.toHaveProperty("shards");
    expect(assignmentsOf(map, "a", map.version - 1).shards).toEqual([]);
    expect(assignmentsOf(map, "a", map.version + 1).shards).toEqual([]);
  });
});
