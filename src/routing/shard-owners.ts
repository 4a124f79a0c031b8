/** Which storage nodes own the shards of operations, by one cluster map. Pure. */
import type { Operation } from "../core/operation.js";
import type { ClusterMap } from "../registry/cluster-map.js";

/** Operations for one storage node, and their indexes in the caller's list. */
interface Group {
  readonly operations: Operation[];
  readonly indices: number[];
}

/** The storage node that owns the shards of all operations; null when there is no such node. */
export function onlyNode(operations: readonly Operation[], map: ClusterMap): string | null {
  const node = ownerOf(operations[0], map);
  return node !== null && operations.every((operation) => ownerOf(operation, map) === node) ? node : null;
}

/** Operations whose shard no storage node owns are under null. */
export function groupsByNode(operations: readonly Operation[], map: ClusterMap): ReadonlyMap<string | null, Group> {
  const groups = new Map<string | null, Group>();
  operations.forEach((operation, index) => {
    const node = ownerOf(operation, map);
    let group = groups.get(node);
    if (group === undefined) groups.set(node, (group = { operations: [], indices: [] }));
    group.operations.push(operation);
    group.indices.push(index);
  });
  return groups;
}

/** Whether another storage node may soon serve what `node` does not: it is of a shared store. Null: no storage node. */
export function isTakenOver({ nodes }: ClusterMap, node: string | null): boolean {
  const owner = node === null ? undefined : nodes.get(node);
  if (owner !== undefined) return owner.isStoreShared;
  for (const { isStoreShared } of nodes.values()) if (isStoreShared) return true;
  return false;
}

function ownerOf(operation: Operation | undefined, { shards }: ClusterMap): string | null {
  return operation === undefined ? null : (shards[operation.shard]?.primary ?? null);
}
