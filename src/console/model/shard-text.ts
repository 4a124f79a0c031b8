/** A shard in one line of text, for screen readers, tooltips and the head of its panel. */
import type { ClusterState, ShardView } from "./cluster-state.js";
import { ownerTag } from "./owner-mark.js";

/** For example `shard 12: active, on node2 (B), epoch 3`. */
export function shardText({ number, state, owner, epoch }: ShardView, nodes: ClusterState["nodes"]): string {
  if (owner === null) return `shard ${number}: without a storage node, epoch ${epoch}`;
  const name = nodes[owner]?.name ?? "an unknown storage node";
  return `shard ${number}: ${state === "ACTIVE" ? "active" : "unavailable"}, on ${name} (${ownerTag(owner)}), epoch ${epoch}`;
}
