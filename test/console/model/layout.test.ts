import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gridCellAt, gridLayout } from "../../../src/console/model/grid-layout.js";
import { nextOrder, orderedNodes } from "../../../src/console/model/node-order.js";
import { cellOf, shardAfterKey, shardAt, stripLayout } from "../../../src/console/model/strip-layout.js";
import { clusterOf, stateOf } from "../samples.js";

describe("the strip's layout", () => {
  it("fits any number of shards into the width of a desktop and a phone", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4096 }), fc.integer({ min: 260, max: 1_600 }), (shards, width) => {
        const layout = stripLayout(shards, width, 300);
        const last = cellOf(layout, shards - 1);
        expect(last.x + last.width).toBeLessThanOrEqual(width);
        expect(last.y + last.height).toBeLessThanOrEqual(layout.height);
        if (width >= 800) expect(layout.height).toBeLessThanOrEqual(300);
      }),
    );
  });

  it("prefers full rows of a power of two", () => {
    expect(stripLayout(64, 800, 300)).toMatchObject({ columns: 16, rows: 4, rowHeight: 40 });
    expect(stripLayout(4096, 800, 300).rowHeight).toBe(7);
    expect(stripLayout(4096, 280, 300).rowHeight).toBe(5);
    expect(stripLayout(4, 0, 300)).toMatchObject({ columns: 1 });
    expect(stripLayout(0, 800, 300).rows).toBe(0);
  });

  it("finds the shard at any point of its cell, and none outside of all cells", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4096 }),
        fc.nat(),
        fc.integer({ min: 300, max: 1_600 }),
        (count, n, width) => {
          const layout = stripLayout(count, width, 300);
          const shard = n % count;
          const { x, y, width: cellWidth, height } = cellOf(layout, shard);
          expect(shardAt(layout, count, x + cellWidth / 2, y + height / 2)).toBe(shard);
        },
      ),
    );
    const layout = stripLayout(10, 400, 300);
    const beside = [
      [1, 20],
      [399, 20],
      [20, 1],
      [20, 299],
    ] as const;
    expect(beside.map(([x, y]) => shardAt(layout, 10, x, y))).toEqual([null, null, null, null]);
  });

  it("moves with the keys of a slider and stays inside", () => {
    const after = (key: string, shard: number) => shardAfterKey(key, shard, 64, 16);
    expect(["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"].map((key) => after(key, 20))).toEqual([21, 19, 36, 4]);
    expect(["Home", "End", "PageUp", "PageDown"].map((key) => after(key, 20))).toEqual([0, 63, 0, 63]);
    expect([after("ArrowLeft", 0), after("ArrowRight", 63), after("Tab", 5)]).toEqual([0, 63, null]);
  });
});

describe("the grid's layout", () => {
  it("has lower rows for more storage nodes, and a narrower margin on a phone", () => {
    expect([3, 40, 300].map((nodes) => gridLayout(nodes, 64, 800).rowHeight)).toEqual([22, 14, 10]);
    expect([288, 800].map((width) => gridLayout(3, 64, width).labelWidth)).toEqual([64, 112]);
    expect([4, 64, 4096].map((shards) => gridLayout(3, shards, 800).labelStep)).toEqual([1, 8, 512]);
    expect(gridLayout(0, 0, 0)).toMatchObject({ labelStep: 1_024, height: 18 });
  });

  it("finds row and shard at a point", () => {
    const layout = gridLayout(3, 64, 112 + 640);
    expect(gridCellAt(layout, 112 + 25, 18 + 23)).toEqual({ row: 1, shard: 2 });
    const outside = [
      [100, 30],
      [800, 30],
      [200, 10],
      [200, 90],
    ] as const;
    expect(outside.map(([x, y]) => gridCellAt(layout, x, y))).toEqual([null, null, null, null]);
  });
});

describe("the order of storage nodes", () => {
  const { nodes } = stateOf(clusterOf(3, 4), [
    ["UP", 0, 5, 1, 1, null, "lmdb", null],
    ["DOWN", 9_000, null, 1, 3, null, null, null],
    ["SUSPECT", 4_000, 5, 2, 2, null, "memory", null],
  ]);
  const names = (...args: Parameters<typeof orderedNodes> extends [unknown, ...infer Rest] ? Rest : never) =>
    orderedNodes(nodes, ...args).map(({ name }) => name);

  it("sorts equal ones by name and unknown figures last, in either direction", () => {
    expect(names("", { column: "keys", isDescending: true })).toEqual(["node1", "node3", "node2"]);
    expect(names("", { column: "keys", isDescending: false })).toEqual(["node1", "node3", "node2"]);
    expect(names("", { column: "p99Ms", isDescending: false })).toEqual(["node1", "node2", "node3"]);
    expect(names("", { column: "engine", isDescending: true })).toEqual(["node3", "node1", "node2"]);
    expect(names("", { column: "silentMs", isDescending: true })).toEqual(["node2", "node3", "node1"]);
  });

  it("filters by any text of a storage node", () => {
    const byName = { column: "name", isDescending: false } as const;
    expect([
      names("NODE2", byName),
      names("memory", byName),
      names("http://node1", byName),
      names("x", byName),
    ]).toEqual([["node2"], ["node3"], ["node1"], []]);
  });

  it("starts figures with the largest and reverses at the second click", () => {
    const first = nextOrder({ column: "name", isDescending: false }, "bytes");
    expect(first).toEqual({ column: "bytes", isDescending: true });
    expect(nextOrder(first, "bytes")).toEqual({ column: "bytes", isDescending: false });
    expect(nextOrder(first, "engine")).toEqual({ column: "engine", isDescending: false });
  });
});
