/** Filters and sorts the rows of the node table. */
import type { NodeView } from "./cluster-state.js";

export type NodeColumn = "name" | "state" | "shards" | "keys" | "bytes" | "p50Ms" | "p99Ms" | "silentMs" | "engine";

export interface NodeOrder {
  readonly column: NodeColumn;
  readonly isDescending: boolean;
}

/** The order after a click on a column's head: figures start with the largest, names and states with the first. */
export function nextOrder(order: NodeOrder, column: NodeColumn): NodeOrder {
  if (order.column === column) return { column, isDescending: !order.isDescending };
  return { column, isDescending: !["name", "state", "engine"].includes(column) };
}

/** The nodes whose name, URL, state or engine contains `filter`, ignoring case. Unknown figures come last. */
export function orderedNodes(nodes: readonly NodeView[], filter: string, order: NodeOrder): readonly NodeView[] {
  const wanted = filter.trim().toLowerCase();
  const isWanted = ({ name, url, state, engine }: NodeView): boolean =>
    [name, url, state, engine ?? ""].some((text) => text.toLowerCase().includes(wanted));
  const sign = order.isDescending ? -1 : 1;
  return nodes.filter(isWanted).toSorted((a, b) => {
    const left = sortKey(a, order.column);
    const right = sortKey(b, order.column);
    if (left === null || right === null) return Number(left === null) - Number(right === null) || a.index - b.index;
    return (left < right ? -1 : left > right ? 1 : 0) * sign || a.index - b.index;
  });
}

function sortKey(node: NodeView, column: NodeColumn): number | string | null {
  if (column === "name") return node.index;
  return column === "state" ? ["DOWN", "SUSPECT", "UP"].indexOf(node.state) : node[column];
}
