/**
 * The layout of the shards' cells in the strip of the key space: full rows of equal cells, as large as fits. In CSS
 * pixels.
 */

export interface StripLayout {
  readonly columns: number;
  readonly rows: number;
  /** Distance from one cell to the next, including the gap. */
  readonly columnWidth: number;
  readonly rowHeight: number;
  readonly gap: number;
  /** Height of all rows and the padding. */
  readonly height: number;
}

/** Room around all cells for the frame of the selected one. */
const padding = 4;

/** Heights of a row, from one with room for a number and a tag down to the smallest visible one. */
const rowHeights = [40, 34, 28, 24, 20, 17, 14, 12, 10, 9, 8, 7, 6, 5];

export function stripLayout(shardCount: number, width: number, heightMax: number): StripLayout {
  const available = Math.max(1, width - 2 * padding);
  for (const rowHeight of rowHeights) {
    const columnsMax = Math.max(1, Math.floor(available / rowHeight));
    // Rows that begin with 0, 16, 32 are easier to read than rows of 19.
    for (const columns of [2 ** Math.floor(Math.log2(columnsMax)), columnsMax]) {
      const layout = layoutOf(columns, rowHeight, shardCount, available);
      if (layout.height <= heightMax) return layout;
    }
  }
  return layoutOf(Math.max(1, Math.floor(available / 5)), 5, shardCount, available);
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function cellOf({ columns, columnWidth, rowHeight, gap }: StripLayout, shard: number): Box {
  return {
    x: padding + (shard % columns) * columnWidth,
    y: padding + Math.floor(shard / columns) * rowHeight,
    width: columnWidth - gap,
    height: rowHeight - gap,
  };
}

/** The shard at a point; null outside of all cells. */
export function shardAt(layout: StripLayout, shardCount: number, x: number, y: number): number | null {
  const { columns, columnWidth, rowHeight } = layout;
  const column = Math.floor((x - padding) / columnWidth);
  const shard = Math.floor((y - padding) / rowHeight) * columns + column;
  return column >= 0 && column < columns && shard >= 0 && shard < shardCount ? shard : null;
}

/** The shard that a key press selects, as in any slider; null for a key without a meaning here. */
export function shardAfterKey(key: string, shard: number, shardCount: number, columns: number): number | null {
  const step = steps(columns)[key];
  if (step === undefined) return null;
  return Math.min(shardCount - 1, Math.max(0, shard + step));
}

function steps(columns: number): Readonly<Record<string, number>> {
  return {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -10 * columns,
    PageDown: 10 * columns,
    Home: Number.NEGATIVE_INFINITY,
    End: Number.POSITIVE_INFINITY,
  };
}

function layoutOf(columns: number, rowHeight: number, shardCount: number, available: number): StripLayout {
  const rows = Math.ceil(shardCount / columns);
  const gap = rowHeight < 8 ? 1 : 2;
  return { columns, rows, columnWidth: available / columns, rowHeight, gap, height: rows * rowHeight + 2 * padding };
}
