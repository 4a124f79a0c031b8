/** The layout of storage nodes (rows) and shards (columns) in the grid, in CSS pixels. */
import type { Box } from "./strip-layout.js";

export interface GridLayout {
  readonly labelWidth: number;
  readonly headHeight: number;
  readonly rowHeight: number;
  readonly columnWidth: number;
  readonly width: number;
  readonly height: number;
  /** Number of shards between two labels in the head. */
  readonly labelStep: number;
}

export function gridLayout(nodeCount: number, shardCount: number, width: number): GridLayout {
  const rowHeight = nodeCount <= 12 ? 22 : nodeCount <= 60 ? 14 : 10;
  const labelWidth = width < 480 ? 64 : 112;
  const headHeight = 18;
  const columnWidth = (width - labelWidth) / Math.max(1, shardCount);
  const labelStep = steps.find((step) => step * columnWidth >= 44) ?? 1_024;
  return {
    labelWidth,
    headHeight,
    rowHeight,
    columnWidth,
    width,
    height: headHeight + nodeCount * rowHeight,
    labelStep,
  };
}

const steps = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** The column of a shard, at least wide enough to be visible. */
export function columnOf({ labelWidth, headHeight, columnWidth, height }: GridLayout, shard: number): Box {
  const width = Math.max(3, columnWidth);
  return { x: labelWidth + shard * columnWidth, y: headHeight, width, height: height - headHeight - 2 };
}

/** The row and the shard at a point; null outside of the cells. */
export function gridCellAt(
  { labelWidth, headHeight, rowHeight, columnWidth, width, height }: GridLayout,
  x: number,
  y: number,
): { readonly row: number; readonly shard: number } | null {
  if (x < labelWidth || x >= width || y < headHeight || y >= height) return null;
  return { row: Math.floor((y - headHeight) / rowHeight), shard: Math.floor((x - labelWidth) / columnWidth) };
}
