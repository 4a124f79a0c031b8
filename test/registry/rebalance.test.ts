import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { shardsOfNode } from "../../src/registry/commands.js";
import { planRebalance } from "../../src/registry/rebalance.js";
import { after, assigned, expectSound, mapWith, servingMap, sharingIn, sharingMap } from "./map-samples.js";

/** The map after every step of a plan. */
function rebalanced(map: ClusterMap, settled: readonly string[], shardsMax = 4): ClusterMap {
  return planRebalance(map, settled, shardsMax).reduce(
    (before, { from, to, shards }) => after(before, { kind: "takeOver", from, shards, to: [to], cause: "automatic" }),
    map,
  );
}

function load(map: ClusterMap, name: string): number {
  return shardsOfNode(map, name).length;
}

function changed(before: ClusterMap, next: ClusterMap): number {
  return next.shards.filter((record, shard) => record !== before.shards[shard]).length;
}

describe("planRebalance", () => {
  it("gives a storage node without shards its share from those that have the most, some at a time", () => {
    let map = sharingIn(sharingMap(["a", "b"], 12), ["c"]);
    map = rebalanced(map, ["a", "b", "c"], 2);
    expect(["a", "b", "c"].map((name) => load(map, name))).toEqual([5, 5, 2]);
    map = rebalanced(map, ["a", "b", "c"], 2);
    expect(["a", "b", "c"].map((name) => load(map, name))).toEqual([4, 4, 4]);
    expect(planRebalance(map, ["a", "b", "c"], 2)).toEqual([]);
  });

  it("binds each step to the owner and epoch that it saw", () => {
    const [step] = planRebalance(sharingIn(sharingMap(["a"], 4), ["b"]), ["a", "b"], 1);
    expect(step).toMatchObject({ from: "a", to: "b", shards: [{ primary: "a", epoch: 1 }] });
  });

  it("gives even and odd shards alike, and keeps both: keys with a check digit have only one kind", () => {
    const map = rebalanced(sharingIn(sharingMap(["a"], 64), ["b"]), ["a", "b"], 64);
    for (const name of ["a", "b"]) {
      const even = shardsOfNode(map, name).filter(({ shard }) => shard % 2 === 0);
      expect([even.length, load(map, name)]).toEqual([16, 32]);
    }
  });

  it.each<[string, ClusterMap]>([
    ["the loads differ by one", sharingMap(["a", "b"], 5)],
    ["the storage nodes have stores of their own", after(servingMap(["a", "b"], 4), assigned(1, "a", true))],
    ["they have different stores", sharingIn(sharingMap(["a"], 4), ["b"], "s-2")],
    [
      "the other one drains",
      after(sharingIn(sharingMap(["a"], 4), ["b"]), { kind: "drainNode", name: "b", isUndone: false, liveNodes: [] }),
    ],
    ["the map is being restored", after(sharingIn(sharingMap(["a"], 4), ["b"]), { kind: "markPutBack", newMark: "m" })],
  ])("plans nothing when %s", (_, map) => {
    expect(planRebalance(map, ["a", "b", "unknown"], 64)).toEqual([]);
  });

  it("leaves shards alone that move, and storage nodes that are not settled", () => {
    const map = sharingIn(sharingMap(["a"], 4), ["b", "c"]);
    const moving = map.shards.reduce((before, { shard }) => {
      return after(before, { kind: "beginMove", shard, node: "c", ifEpoch: null, moveId: `m-${shard}` });
    }, map);
    expect(planRebalance(moving, ["a", "b"], 64)).toEqual([]);
    expect(planRebalance(map, ["a"], 64)).toEqual([]);
    expect(planRebalance(map, ["b", "c"], 64)).toEqual([]);
  });

  const names = ["a", "b", "c", "d", "x", "y"];
  const mapArbitrary = fc
    .record({
      shardCount: fc.integer({ min: 1, max: 40 }),
      owners: fc.array(fc.constantFrom(...names), { minLength: 40, maxLength: 40 }),
    })
    .map(({ shardCount, owners }) => {
      const all = sharingIn(sharingIn(mapWith([], shardCount), ["a", "b", "c", "d"]), ["x", "y"], "s-2");
      return all.shards.reduce((map, { shard }) => after(map, assigned(shard, owners[shard] ?? "a")), all);
    });

  it("ends even to within one, after no more changes than that takes, and never changes anything again", () => {
    fc.assert(
      fc.property(mapArbitrary, fc.subarray(names), fc.integer({ min: 1, max: 9 }), (start, settled, shardsMax) => {
        let [map, changes] = [start, 0];
        for (let round = 0; planRebalance(map, settled, shardsMax).length > 0; round++) {
          expect(round).toBeLessThan(41);
          const next = rebalanced(map, settled, shardsMax);
          expectSound(next);
          const byThis = changed(map, next);
          // Each of the two stores has this bound.
          expect(byThis).toBeLessThanOrEqual(2 * shardsMax);
          expect(byThis).toBeGreaterThan(0);
          [map, changes] = [next, changes + byThis];
        }
        let needed = 0;
        for (const store of ["s-1", "s-2"]) {
          const ofStore = settled.filter((name) => start.nodes.get(name)?.storeId === store);
          const loads = ofStore.map((name) => load(map, name));
          expect(Math.max(0, ...loads) - Math.min(...loads, Math.max(0, ...loads))).toBeLessThanOrEqual(1);
          needed += ofStore.reduce((sum, name) => sum + Math.max(0, load(map, name) - load(start, name)), 0);
        }
        expect(changes).toBe(needed);
        for (const name of names.filter((each) => !settled.includes(each)))
          expect(load(map, name)).toBe(load(start, name));
      }),
    );
  });
});
