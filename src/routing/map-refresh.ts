/**
 * Ends a disagreement about the cluster map between this gateway and a storage node: reads the newest map, and sends the
 * node what it has to know of it, in case it is the one that missed a change.
 */
import { attemptTimeoutMs } from "../core/limits.js";
import type { ClusterMap } from "../registry/cluster-map.js";
import { assignmentsOf } from "./node-assignments.js";
import type { NodeClient } from "./node-client.js";

export interface MapRefreshParts {
  readonly registry: { refresh(): Promise<ClusterMap> };
  /** The client of a registered storage node. */
  readonly client: (node: string) => Pick<NodeClient, "assign">;
}

/** Returns the router's `refresh`. Everyone who needs it for one storage node at a time shares one. */
export function mapRefresh({ registry, client }: MapRefreshParts): (node: string) => Promise<void> {
  const underWay = new Map<string, Promise<void>>();
  const refresh = async (node: string): Promise<void> => {
    const map = await registry.refresh();
    if (!map.nodes.has(node) || map.putBack !== null) return;
    await client(node).assign(assignmentsOf(map, node), { timeoutMs: attemptTimeoutMs });
  };
  return (node) => {
    const shared = underWay.get(node) ?? refresh(node).finally(() => underWay.delete(node));
    underWay.set(node, shared);
    return shared;
  };
}
