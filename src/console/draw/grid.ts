/** Draws the grid: a row for each storage node, a column for each shard, and a mark where the node owns the shard. */
import type { NodeView, ShardView } from "../model/cluster-state.js";
import type { GridLayout } from "../model/grid-layout.js";
import { ownerColour, ownerTag } from "../model/owner-mark.js";
import type { Colours } from "../platform.js";
import { canvasFont, hatch, type Pen } from "./canvas.js";

export interface GridDrawing {
  readonly nodes: readonly NodeView[];
  readonly shards: readonly ShardView[];
  readonly layout: GridLayout;
  readonly colours: Colours;
  readonly markedOwner: number | null;
}

export function drawGrid(pen: Pen, drawing: GridDrawing): void {
  const { layout, shards } = drawing;
  pen.clearRect(0, 0, layout.width, layout.height);
  drawRows(pen, drawing);
  drawHead(pen, drawing);
  for (const shard of shards) if (shard.owner !== null) drawMark(pen, shard, shard.owner, drawing);
  pen.globalAlpha = 1;
}

function drawRows(pen: Pen, { nodes, layout, colours, markedOwner }: GridDrawing): void {
  const { headHeight, rowHeight, labelWidth, width } = layout;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.font = `${Math.min(12, rowHeight - 1)}px ${canvasFont}`;
  nodes.forEach(({ name, state }, row) => {
    const y = headHeight + row * rowHeight;
    if (row % 2 === 0 || row === markedOwner) {
      pen.fillStyle = colours(row === markedOwner ? "--marked" : "--stripe");
      pen.fillRect(0, y, width, rowHeight);
    }
    pen.fillStyle = colours(state === "UP" ? "--text" : state === "SUSPECT" ? "--warn" : "--bad");
    const sign = state === "UP" ? "" : state === "SUSPECT" ? "◐ " : "✕ ";
    pen.fillText(shortened(`${sign}${ownerTag(row)} ${name}`, labelWidth), 6, y + rowHeight / 2 + 0.5);
  });
}

/** The numbers of some shards, each with a line downwards. */
function drawHead(pen: Pen, { shards, layout, colours }: GridDrawing): void {
  pen.font = `10px ${canvasFont}`;
  pen.textBaseline = "middle";
  for (let shard = 0; shard < shards.length; shard += layout.labelStep) {
    const x = layout.labelWidth + shard * layout.columnWidth;
    pen.fillStyle = colours("--line");
    pen.fillRect(x, layout.headHeight, 1, layout.height - layout.headHeight);
    pen.fillStyle = colours("--muted");
    pen.fillText(String(shard), x + 2, layout.headHeight / 2);
  }
}

function drawMark(pen: Pen, { number, state }: ShardView, owner: number, drawing: GridDrawing): void {
  const { layout, colours, markedOwner } = drawing;
  const { labelWidth, headHeight, rowHeight, columnWidth } = layout;
  const x = labelWidth + number * columnWidth;
  const y = headHeight + owner * rowHeight + 1;
  const gap = columnWidth > 5 ? 1 : 0;
  const width = Math.max(2, columnWidth - gap);
  pen.globalAlpha = markedOwner === null || markedOwner === owner ? 1 : 0.3;
  pen.fillStyle = ownerColour(owner);
  if (state === "ACTIVE") {
    pen.fillRect(x, y, width, rowHeight - 2);
    return;
  }
  pen.strokeStyle = colours("--bad");
  pen.lineWidth = 1.5;
  hatch(pen, { x, y, width, height: rowHeight - 2 }, 5);
}

/** As many characters as fit; about 6.5 pixels each. */
function shortened(text: string, width: number): string {
  const most = Math.floor((width - 8) / 6.5);
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
