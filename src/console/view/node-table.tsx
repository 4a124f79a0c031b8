/**
 * The table of storage nodes with their figures, sortable by any column. A row is rendered again only when its data
 * change.
 */
import { Component } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { ClusterState, NodeView } from "../model/cluster-state.js";
import { agoText, bytesText, millisecondsText, wholeText } from "../model/format.js";
import { nextOrder, orderedNodes, type NodeColumn, type NodeOrder } from "../model/node-order.js";
import { NodeState } from "./parts/node-state.js";
import { OwnerChip } from "./parts/owner-chip.js";

export interface NodeTableProps {
  readonly nodes: ClusterState["nodes"];
  /** Name of the storage node whose shards are highlighted; null for none. */
  readonly marked: string | null;
  readonly onMark: (name: string | null) => void;
}

const columns: readonly { readonly column: NodeColumn; readonly title: string; readonly isFigure: boolean }[] = [
  { column: "name", title: "Storage node", isFigure: false },
  { column: "state", title: "State", isFigure: false },
  { column: "shards", title: "Shards", isFigure: true },
  { column: "keys", title: "Keys", isFigure: true },
  { column: "bytes", title: "Bytes", isFigure: true },
  { column: "p50Ms", title: "p50", isFigure: true },
  { column: "p99Ms", title: "p99", isFigure: true },
  { column: "silentMs", title: "Last seen", isFigure: true },
  { column: "engine", title: "Engine", isFigure: false },
];

export function NodeTable({ nodes, marked, onMark }: NodeTableProps) {
  const [filter, setFilter] = useState("");
  const [order, setOrder] = useState<NodeOrder>({ column: "name", isDescending: false });
  const shown = useMemo(() => orderedNodes(nodes, filter, order), [nodes, filter, order]);
  return (
    <section class="card" aria-labelledby="nodes-title">
      <div class="card-head">
        <h2 id="nodes-title">Storage nodes</h2>
        <label class="filter">
          Filter <input type="search" value={filter} onInput={({ currentTarget }) => setFilter(currentTarget.value)} />
        </label>
        <p class="hint" role="status">
          {shown.length} of {nodes.length}; latency of batches in the last minute
        </p>
      </div>
      <div class="scroll table-scroll" tabIndex={0} role="region" aria-labelledby="nodes-title">
        <table>
          <thead>
            <tr>
              {columns.map(({ column, title, isFigure }) => (
                <th
                  key={column}
                  scope="col"
                  class={isFigure ? "figure" : ""}
                  aria-sort={order.column !== column ? "none" : order.isDescending ? "descending" : "ascending"}
                >
                  <button type="button" onClick={() => setOrder(nextOrder(order, column))}>
                    {title}
                    <span class="arrow" aria-hidden="true">
                      {order.column !== column ? "" : order.isDescending ? " ▾" : " ▴"}
                    </span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((node) => (
              <NodeTableRow key={node.name} node={node} isMarked={node.name === marked} onMark={onMark} />
            ))}
            {shown.length === 0 && (
              <tr>
                <td colSpan={columns.length} class="hint">
                  {nodes.length > 0 ? (
                    "No storage node matches the filter."
                  ) : (
                    <>
                      None has registered. Start one with <code>shardgate node --gateway</code> and this gateway's
                      address.
                    </>
                  )}
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface RowProps {
  readonly node: NodeView;
  readonly isMarked: boolean;
  readonly onMark: (name: string | null) => void;
}

class NodeTableRow extends Component<RowProps> {
  override shouldComponentUpdate({ node, isMarked }: RowProps): boolean {
    return node !== this.props.node || isMarked !== this.props.isMarked;
  }

  override render({ node, isMarked, onMark }: RowProps) {
    return (
      <tr class={`node-${node.state.toLowerCase()}`} data-node={node.name}>
        <th scope="row">
          <button
            type="button"
            class="node-name"
            aria-pressed={isMarked}
            title={`${node.url}: mark its shards`}
            onClick={() => onMark(isMarked ? null : node.name)}
          >
            <OwnerChip index={node.index} /> {node.name}
          </button>
        </th>
        <td>
          <NodeState state={node.state} />
          {node.isDraining && <span class="hint"> draining: it is given no shards</span>}
          {node.problem !== null && (
            <p class="node-problem" role="note">
              {node.problem}
            </p>
          )}
        </td>
        <td class="figure">{node.shards}</td>
        <td class="figure">{wholeText(node.keys)}</td>
        <td class="figure">{bytesText(node.bytes)}</td>
        <td class="figure">{millisecondsText(node.p50Ms)}</td>
        <td class="figure">{millisecondsText(node.p99Ms)}</td>
        <td class="figure">{agoText(node.silentMs)}</td>
        <td>
          {node.engine ?? "–"}
          {node.isStoreShared && <span class="hint"> shared store</span>}
        </td>
      </tr>
    );
  }
}
