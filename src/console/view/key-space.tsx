/**
 * The key space: a strip with one cell per shard. For the keyboard and for screen readers it is a slider over the
 * shards, which announces the selected one.
 */
import { useMemo, useRef, useState } from "preact/hooks";
import { drawStrip } from "../draw/strip.js";
import type { Pen } from "../draw/canvas.js";
import type { ClusterState } from "../model/cluster-state.js";
import { shardText } from "../model/shard-text.js";
import { cellOf, shardAfterKey, shardAt, stripLayout } from "../model/strip-layout.js";
import { useColours, useWidth } from "../platform.js";
import { Canvas } from "./parts/canvas.js";
import { OwnerChip } from "./parts/owner-chip.js";
import { SelectionFrame } from "./parts/selection-frame.js";

export interface KeySpaceProps {
  readonly nodes: ClusterState["nodes"];
  readonly shards: ClusterState["shards"];
  readonly selected: number;
  readonly markedOwner: number | null;
  readonly onSelect: (shard: number) => void;
}

const heightMax = 300;
const legendMax = 12;

export function KeySpace({ nodes, shards, selected, markedOwner, onSelect }: KeySpaceProps) {
  const slider = useRef<HTMLDivElement>(null);
  const width = useWidth(slider);
  const colours = useColours();
  const layout = useMemo(() => stripLayout(shards.length, width, heightMax), [shards.length, width]);
  const draw = useMemo(
    () => (pen: Pen) => {
      if (colours !== null) drawStrip(pen, { shards, layout, width, colours, markedOwner });
    },
    [shards, layout, width, colours, markedOwner],
  );
  const [hovered, setHovered] = useState<number | null>(null);
  const under = (event: MouseEvent): number | null => shardAt(layout, shards.length, event.offsetX, event.offsetY);
  const current = shards[selected];
  const told = shards[hovered ?? selected];
  return (
    <section class="card" aria-labelledby="key-space-title">
      <h2 id="key-space-title">Key space</h2>
      <p class="hint" id="key-space-hint">
        {told === undefined ? "No shards yet." : shardText(told, nodes)}
      </p>
      <div
        ref={slider}
        class="strip"
        tabIndex={0}
        role="slider"
        aria-label="Shard"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, shards.length - 1)}
        aria-valuenow={selected}
        aria-valuetext={current === undefined ? "no shards yet" : shardText(current, nodes)}
        onKeyDown={(event) => {
          const next = shardAfterKey(event.key, selected, shards.length, layout.columns);
          if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          onSelect(next);
        }}
        onPointerMove={(event) => setHovered(under(event))}
        onPointerLeave={() => setHovered(null)}
        onClick={(event) => {
          const shard = under(event);
          if (shard !== null) onSelect(shard);
        }}
      >
        <Canvas width={width} height={layout.height} draw={draw} />
        {current !== undefined && <SelectionFrame box={cellOf(layout, selected)} />}
      </div>
      <ul class="legend" aria-label="Legend of the key space">
        {nodes.slice(0, legendMax).map(({ name, index }) => (
          <li key={name}>
            <OwnerChip index={index} /> {name}
          </li>
        ))}
        {nodes.length > legendMax && <li>and {nodes.length - legendMax} more</li>}
        <li>
          <span class="swatch swatch-unavailable" aria-hidden="true" /> unavailable
        </li>
        <li>
          <span class="swatch swatch-unassigned" aria-hidden="true" /> no storage node
        </li>
      </ul>
    </section>
  );
}
