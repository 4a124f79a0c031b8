/**
 * Draws the strip of the key space with a cell for each shard: filled with its owner's colour and tag, hatched as well
 * when it is unavailable, and a dashed frame when it has no owner.
 */
import type { ShardView } from "../model/cluster-state.js";
import { ownerColour, ownerTag, textOnOwner } from "../model/owner-mark.js";
import { cellOf, type Box, type StripLayout } from "../model/strip-layout.js";
import type { Colours } from "../platform.js";
import { canvasFont, hatch, type Pen } from "./canvas.js";

export interface StripDrawing {
  readonly shards: readonly ShardView[];
  readonly layout: StripLayout;
  readonly width: number;
  readonly colours: Colours;
  /** When not null, the shards of all other owners are dimmed. */
  readonly markedOwner: number | null;
}

export function drawStrip(pen: Pen, drawing: StripDrawing): void {
  const { shards, layout, width, markedOwner, colours } = drawing;
  pen.clearRect(0, 0, width, layout.height);
  for (const shard of shards) {
    const alpha = markedOwner === null || shard.owner === markedOwner ? 1 : 0.22;
    drawCell(pen, { shard, cell: cellOf(layout, shard.number), alpha, colours });
  }
  pen.globalAlpha = 1;
}

interface CellDrawing {
  readonly shard: ShardView;
  readonly cell: Box;
  readonly alpha: number;
  readonly colours: Colours;
}

function drawCell(pen: Pen, { shard: { number, owner, state }, cell, alpha, colours }: CellDrawing): void {
  const { x, y, width, height } = cell;
  pen.globalAlpha = alpha;
  if (owner === null) {
    pen.strokeStyle = colours("--muted");
    pen.lineWidth = 1;
    pen.setLineDash(height < 10 ? [] : [3, 2]);
    pen.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    pen.setLineDash([]);
    drawText(pen, cell, number, { tag: "?", colour: colours("--text") });
    return;
  }
  pen.fillStyle = ownerColour(owner);
  if (state === "UNAVAILABLE") {
    pen.globalAlpha = alpha * 0.35;
    pen.fillRect(x, y, width, height);
    pen.globalAlpha = alpha;
    pen.strokeStyle = colours("--bad");
    pen.lineWidth = height < 12 ? 1.5 : 2;
    hatch(pen, cell, height < 12 ? 3.5 : 6);
    const tag = unavailableTag(ownerTag(owner), cell);
    // A plain background for the text, in the colour of the owner, which is the storage node to look after.
    const ground = Math.min(width - 6, 8 * tag.length + 8);
    if (height >= 12) pen.fillRect(x + (width - ground) / 2, y + 3, ground, height - 6);
    drawText(pen, cell, number, { tag, colour: textOnOwner });
    return;
  }
  pen.fillRect(x, y, width, height);
  drawText(pen, cell, number, { tag: ownerTag(owner), colour: textOnOwner });
}

/** The cross is omitted when there is no room beside the owner's tag. */
function unavailableTag(owner: string, { width, height }: Box): string {
  const tag = `✕ ${owner}`;
  return height >= 26 && width >= 8 * tag.length + 4 ? tag : owner;
}

interface Tag {
  readonly tag: string;
  readonly colour: string;
}

/**
 * Draws number and tag if there is room for both, the tag alone if there is room for one, and nothing in small cells.
 */
function drawText(pen: Pen, { x, y, width, height }: Box, number: number, { tag, colour }: Tag): void {
  if (height < 12 || width < 8 * tag.length) return;
  pen.fillStyle = colour;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  if (height < 26) {
    pen.font = `600 ${Math.min(11, height * 0.66)}px ${canvasFont}`;
    pen.fillText(tag, x + width / 2, y + height / 2 + 0.5);
    return;
  }
  pen.font = `600 12px ${canvasFont}`;
  pen.fillText(tag, x + width / 2, y + height * 0.66);
  pen.font = `9px ${canvasFont}`;
  pen.fillText(String(number), x + width / 2, y + height * 0.27);
}
