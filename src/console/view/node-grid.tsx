/**
 * The grid of storage nodes and shards, which shows the distribution of shards at a glance. Everything in it is also in
 * the table and the strip.
 */
import { useMemo, useRef, useState } from "preact/hooks";
import { drawGrid } from "../draw/grid.js";
import type { Pen } from "../draw/canvas.js";
import type { ClusterState } from "../model/cluster-state.js";
import { columnOf, gridCellAt, gridLayout } from "../model/grid-layout.js";
import { useColours, useWidth } from "../platform.js";
import { shardText } from "../model/shard-text.js";
import { Canvas } from "./parts/canvas.js";
import type { KeySpaceProps } from "./key-space.js";
import { SelectionFrame } from "./parts/selection-frame.js";

export function NodeGrid({ nodes, shards, selected, markedOwner, onSelect }: KeySpaceProps) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const colours = useColours();
  const layout = useMemo(() => gridLayout(nodes.length, shards.length, width), [nodes.length, shards.length, width]);
  // Redrawn only when the drawing changes: figures change each second, names and states rarely.
  const drawnNodes = nodes.map(({ name, state }) => `${name} ${state}`).join();
  const draw = useMemo(
    () => (pen: Pen) => {
      if (colours !== null) drawGrid(pen, { nodes, shards, layout, colours, markedOwner });
    },
    [drawnNodes, shards, layout, colours, markedOwner],
  );
  const [hovered, setHovered] = useState<number | null>(null);
  const under = (event: MouseEvent): number | null => gridCellAt(layout, event.offsetX, event.offsetY)?.shard ?? null;
  const told = shards[hovered ?? -1];
  return (
    <section class="card" aria-labelledby="grid-title">
      <h2 id="grid-title">Storage nodes × shards</h2>
      <p class="hint">{told === undefined ? spreadText(nodes) : shardText(told, nodes)}</p>
      <div
        class="scroll grid-scroll"
        hidden={nodes.length === 0}
        tabIndex={0}
        role="region"
        aria-labelledby="grid-title"
      >
        <div
          ref={frame}
          class="grid"
          onPointerMove={(event) => setHovered(under(event))}
          onPointerLeave={() => setHovered(null)}
          onClick={(event) => {
            const shard = under(event);
            if (shard !== null) onSelect(shard);
          }}
        >
          <Canvas width={width} height={layout.height} draw={draw} />
          {selected < shards.length && <SelectionFrame box={columnOf(layout, selected)} />}
        </div>
      </div>
    </section>
  );
}

function spreadText(nodes: ClusterState["nodes"]): string {
  if (nodes.length === 0) return "No storage node yet.";
  const counts = nodes.map(({ shards }) => shards);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  return fewest === most ? `Each owns ${most} shards.` : `Each owns between ${fewest} and ${most} shards.`;
}
