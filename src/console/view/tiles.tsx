/** The whole cluster in five figures. */
import type { ClusterState } from "../model/cluster-state.js";
import { bytesText, millisecondsText, shortText, wholeText } from "../model/format.js";
import type { Summary } from "../model/summary.js";

export function Tiles({ cluster, summary }: { readonly cluster: ClusterState; readonly summary: Summary }) {
  const [, requests = 0, , p99Ms = null] = cluster.seconds.at(-1) ?? [];
  const { ACTIVE, UNAVAILABLE, UNASSIGNED } = summary.shards;
  const atLeast = summary.isPartial && summary.keys !== null ? "at least" : "";
  return (
    <dl class="tiles">
      <Tile name="Storage nodes up" value={`${summary.nodesUp} / ${cluster.nodes.length}`} />
      <Tile name="Shards active" value={`${ACTIVE} / ${cluster.shards.length}`}>
        {UNAVAILABLE + UNASSIGNED === 0 ? "none missing" : `${UNAVAILABLE} unavailable, ${UNASSIGNED} unassigned`}
      </Tile>
      <Tile name="Keys" value={wholeText(summary.keys)}>
        {atLeast}
      </Tile>
      <Tile name="Data" value={bytesText(summary.bytes)}>
        {atLeast}
      </Tile>
      <Tile name="Requests per second" value={shortText(requests)}>
        {p99Ms === null ? "" : `p99 ${millisecondsText(p99Ms)}`}
      </Tile>
    </dl>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly children?: string;
}

function Tile({ name, value, children = "" }: TileProps) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        {value} <small>{children}</small>
      </dd>
    </div>
  );
}
