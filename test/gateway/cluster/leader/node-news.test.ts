import { describe, expect, it } from "vitest";
import { nodeNews } from "../../../../src/gateway/cluster/leader/node-news.js";
import type { ClusterMap } from "../../../../src/registry/cluster-map.js";
import { after, spread, withNodes } from "../../../registry/spread-map.js";

const forced = { ifEpoch: null, isForced: true, cause: "operator" } as const;

/** Each node with news, and of whom it hears first. */
function news(before: ClusterMap, next: ClusterMap): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries([...nodeNews(before, next)].map(([name, formerOwners]) => [name, [...formerOwners]]));
}

describe("nodeNews", () => {
  it("names those that gain", () => {
    const before = withNodes("a", "b", "c");
    expect(news(before, spread(before, "a", "b"))).toEqual({ a: [], b: [] });
  });

  it("names for those that gain the former owners of their shards, and no other", () => {
    const before = spread(withNodes("a", "b", "c", "d"), "a", "b");
    const moved = after(before, { kind: "assign", shard: 0, node: "c", ...forced });
    expect(news(before, moved)).toEqual({ a: [], c: ["a"] });
    const both = after(moved, { kind: "assign", shard: 2, node: "d", ...forced });
    expect(news(before, both)).toEqual({ a: [], b: [], c: ["a"], d: ["b"] });
    expect([...nodeNews(before, both).keys()].slice(0, 2)).toEqual(["a", "b"]);
  });

  it("names no former owner for those that lose shards themselves", () => {
    const before = spread(withNodes("a", "b"), "a", "b");
    const moved = after(before, { kind: "assign", shard: 0, node: "b", ...forced });
    const swapped = after(moved, { kind: "assign", shard: 2, node: "a", ...forced });
    expect(news(before, swapped)).toEqual({ a: [], b: [] });
  });

  it("names the owner of a shard that begins or ceases to move, and no other node", () => {
    const before = spread(withNodes("a", "b"), "a", "b");
    const moving = after(before, { kind: "beginMove", shard: 0, node: "b", ifEpoch: null, moveId: "m1" });
    expect(news(before, moving)).toEqual({ a: [] });
    const cancelled = after(moving, { kind: "cancelMove", moveId: "m1" });
    expect(news(moving, cancelled)).toEqual({ a: [] });
  });

  it("names neither a node that was removed nor any when nothing changed", () => {
    const before = spread(withNodes("a", "b"), "a", "b");
    const removed = after(before, { kind: "removeNode", name: "a", isForced: true, evidence: [], isLive: false });
    expect(news(before, removed)).toEqual({});
    expect(news(before, before)).toEqual({});
    expect(news({ ...before, shards: [] }, before)).toEqual({});
  });
});
