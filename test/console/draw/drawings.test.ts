import { describe, expect, it } from "vitest";
import { drawGrid } from "../../../src/console/draw/grid.js";
import { drawStrip } from "../../../src/console/draw/strip.js";
import { gridLayout } from "../../../src/console/model/grid-layout.js";
import { ownerColour } from "../../../src/console/model/owner-mark.js";
import { stripLayout } from "../../../src/console/model/strip-layout.js";
import { recordingPen } from "../recording-pen.js";
import { clusterOf, downRow, stateOf, upRow } from "../samples.js";

const colours = (name: string): string => name;
const state = stateOf(clusterOf(2, 4, { owners: [0, 1, -1, 0], states: "AUNA" }), [upRow, downRow]);

function stripOf(shards = state.shards, width = 800, markedOwner: number | null = null) {
  const pen = recordingPen();
  const layout = stripLayout(shards.length, width, 300);
  drawStrip(pen, { shards, layout, width, colours, markedOwner });
  return pen;
}

function gridOf(shown = state, width = 800, markedOwner: number | null = null) {
  const pen = recordingPen();
  const layout = gridLayout(shown.nodes.length, shown.shards.length, width);
  drawGrid(pen, { ...shown, layout, colours, markedOwner });
  return pen;
}

describe("the strip of the key space", () => {
  it("marks each shard's owner or fault with letters, whatever its colour", () => {
    expect(stripOf().texts).toEqual(["A", "0", "✕ B", "1", "?", "2", "A", "3"]);
  });

  it("fills, hatches or only outlines a cell", () => {
    const { strokes } = stripOf();
    const fills = strokes.filter(({ name }) => name === "fillRect");
    expect(fills.map(({ fillStyle, globalAlpha }) => [fillStyle, globalAlpha])).toEqual([
      [ownerColour(0), 1],
      [ownerColour(1), 0.35],
      [ownerColour(1), 1],
      [ownerColour(0), 1],
    ]);
    expect(strokes.filter(({ name, strokeStyle }) => name === "stroke" && strokeStyle === "--bad")).toHaveLength(1);
    expect(strokes.filter(({ name, args }) => name === "setLineDash" && String(args) === "3,2")).toHaveLength(1);
  });

  it("dims the shards of other owners", () => {
    const texts = stripOf(state.shards, 800, 1).strokes.filter(({ name }) => name === "fillText");
    expect(texts.map(({ globalAlpha }) => globalAlpha)).toEqual([0.22, 0.22, 1, 1, 0.22, 0.22, 0.22, 0.22]);
  });

  it("writes only the tag in small cells, and nothing where it does not fit", () => {
    const small = stateOf(clusterOf(30, 600)).shards;
    expect(stripOf(small).texts.slice(24, 28)).toEqual(["Y", "Z", "A", "B"]);
    const unavailable = stateOf(clusterOf(30, 600, { states: "U".repeat(600) })).shards;
    expect(stripOf(unavailable).texts.slice(24, 28)).toEqual(["Y", "Z", "A", "B"]);
    const mixed = clusterOf(2, 4096, { states: "AUN".padEnd(4096, "A"), owners: [0, 1, -1, ...Array(4093).fill(0)] });
    const smallest = stripOf(stateOf(mixed).shards, 300);
    expect(smallest.texts).toEqual([]);
    expect(smallest.strokes.length).toBeGreaterThan(4096);
  });
});

describe("the grid of nodes and shards", () => {
  it("names each storage node with its tag, and marks those that are not up", () => {
    const suspect = stateOf(clusterOf(3, 4), [upRow, downRow, ["SUSPECT", 4_000, 1, 1, 1, 1, "lmdb", null]]);
    expect(gridOf(suspect).texts.slice(0, 3)).toEqual(["A node1", "✕ B node2", "◐ C node3"]);
    const long = clusterOf(1, 1, { nodes: [{ name: "a-storage-node-with-a-long-name", url: "" }] });
    expect(gridOf(stateOf(long)).texts[0]).toBe("A a-storage-nod…");
  });

  it("marks each shard at its owner, hatched when it is unavailable", () => {
    const { strokes } = gridOf();
    const marks = strokes.filter(({ fillStyle, name }) => name === "fillRect" && String(fillStyle).startsWith("oklch"));
    expect(marks.map(({ args }) => args[1])).toEqual([19, 19]);
    expect(strokes.filter(({ name }) => name === "clip")).toHaveLength(1);
  });

  it("keeps marks visible when columns are narrower than a pixel", () => {
    const { strokes } = gridOf(stateOf(clusterOf(300, 4096)), 320);
    const marks = strokes.filter(({ fillStyle, name }) => name === "fillRect" && String(fillStyle).startsWith("oklch"));
    expect(marks).toHaveLength(4096);
    expect(Math.min(...marks.map(({ args }) => Number(args[2])))).toBe(2);
  });

  it("highlights one storage node", () => {
    const { strokes } = gridOf(state, 800, 1);
    expect(strokes.filter(({ fillStyle }) => fillStyle === "--marked").length).toBeGreaterThan(0);
    expect(strokes.some(({ globalAlpha }) => globalAlpha === 0.3)).toBe(true);
  });
});
