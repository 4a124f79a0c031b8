/** What a change of the cluster map means for storage nodes. Pure. */
import type { ClusterMap } from "../../../registry/cluster-map.js";

/**
 * The registered storage nodes to be informed of the change from one map to the next, because an epoch, owner or move
 * of their shards differs. With each node come the former owners to be informed first, so that they stop before the
 * node starts; none for a node that itself loses or seals a shard, so that two that swap do not wait for each other.
 */
export function nodeNews(before: ClusterMap, after: ClusterMap): ReadonlyMap<string, ReadonlySet<string>> {
  const losing = new Set<string>();
  const gaining = new Map<string, Set<string>>();
  for (const [index, record] of after.shards.entries()) {
    const old = before.shards[index];
    // Records are immutable: what did not change is mostly the same object.
    if (old === undefined || old === record) continue;
    const { primary, epoch, move } = record;
    if (old.epoch === epoch && old.move?.id === move?.id) continue;
    const former = old.primary !== null && after.nodes.has(old.primary) ? old.primary : null;
    if (former !== null) losing.add(former);
    if (primary === null) continue;
    let formerOwners = gaining.get(primary);
    if (formerOwners === undefined) gaining.set(primary, (formerOwners = new Set()));
    if (former !== null) formerOwners.add(former);
  }
  for (const name of losing) gaining.delete(name);
  return new Map([...[...losing].map((name) => [name, none] as const), ...gaining]);
}

const none: ReadonlySet<string> = new Set();
