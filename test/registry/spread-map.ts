/** Cluster maps of four shards, made by the registry's own commands. */
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { applyCommand, createClusterMap, type RegistryCommand } from "../../src/registry/commands.js";

const empty = createClusterMap({ clusterId: "c1", clusterName: "test", shardCount: 4 });

export function after(map: ClusterMap, command: RegistryCommand): ClusterMap {
  return applyCommand(map, command, 0).map;
}

export function withNodes(...names: readonly string[]): ClusterMap {
  return names.reduce((map, name) => {
    const url = `http://${name}`;
    return after(map, { kind: "registerNode", name, url, identity: null, newMark: "mark" });
  }, empty);
}

/** Of four shards the first node gets 0 and 1, the second 2 and 3. */
export function spread(map: ClusterMap, ...liveNodes: readonly string[]): ClusterMap {
  return after(map, { kind: "assignUnassigned", liveNodes, held: [] });
}
