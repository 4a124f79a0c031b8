import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { epochMax } from "../../src/core/limits.js";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { applyCommand, shardsOfNode } from "../../src/registry/commands.js";
import type { HeldShard } from "../../src/registry/unassigned-shards.js";
import { expectSound, mapWith } from "./map-samples.js";

function assignUnassigned(map: ClusterMap, liveNodes: readonly string[], held: readonly HeldShard[] = []): ClusterMap {
  return applyCommand(map, { kind: "assignUnassigned", liveNodes, held }, 9000);
}

function owners(map: ClusterMap): readonly (string | null)[] {
  return map.shards.map(({ primary }) => primary);
}

describe("assignUnassigned", () => {
  it("spreads the shards in name order and says that nobody asked", () => {
    const map = assignUnassigned(mapWith(["c", "a", "b"], 5), ["c", "b", "a"]);
    expect(owners(map)).toEqual(["a", "b", "c", "a", "b"]);
    expect(map.shards[0]?.history).toEqual([{ epoch: 1, node: "a", atMs: 9000, cause: "automatic" }]);
    expect(map.version).toBe(mapWith(["a", "b", "c"]).version + 1);
  });

  it("changes nothing when no registered storage node is live, or no shard is unassigned", () => {
    const map = mapWith(["a"]);
    expect(assignUnassigned(map, [])).toBe(map);
    expect(assignUnassigned(map, ["ghost"])).toBe(map);
    const full = assignUnassigned(map, ["a"]);
    expect(assignUnassigned(full, ["a"])).toBe(full);
  });

  it("never touches a shard that somebody owns, live or not", () => {
    const owned = assignUnassigned(mapWith(["a"]), ["a"]);
    const map = applyCommand(owned, { kind: "registerNode", name: "b", url: "http://b:1" }, 1);
    expect(assignUnassigned(map, ["b"])).toBe(map);
  });

  it("takes a shard from an empty live owner for a holder under an epoch that the map never gave it", () => {
    const map = assignUnassigned(mapWith(["a", "b"]), ["a"]);
    const report = { shard: 1, node: "b", epoch: 7, keyCount: 5 };
    const given = assignUnassigned(map, ["a", "b"], [report, { ...report, node: "a", keyCount: 0 }]);
    expect(owners(given)).toEqual(["a", "b", "a", "a"]);
    expect(given.shards[1]).toMatchObject({ epoch: 8, history: [{ cause: "registration" }, {}] });
    for (const [liveNodes, held] of [
      [["b"], [report]],
      [["a", "b"], [{ ...report, epoch: 0 }]],
      [["a", "b"], [{ ...report, epoch: null }]],
      [["a", "b"], [{ ...report, keyCount: 0 }]],
      [
        ["a", "b"],
        [report, { ...report, node: "a", epoch: 1 }],
      ],
    ] as const) {
      expect(assignUnassigned(map, liveNodes, held)).toBe(map);
    }
  });

  it("gives to the least loaded first", () => {
    const half = mapWith(["a", "b"], 6);
    const owned = [0, 1].reduce((map, shard) => {
      const rest = { ifEpoch: null, isForced: false, ownerHoldsData: false, cause: "operator" } as const;
      return applyCommand(map, { kind: "assign", shard, node: "a", ...rest }, 1);
    }, half);
    expect(owners(assignUnassigned(owned, ["a", "b"]))).toEqual(["a", "a", "b", "b", "a", "b"]);
  });

  it("gives a shard with data back to its holder, above the holder's epoch, and spreads the rest around that", () => {
    const held = [
      { shard: 0, node: "b", epoch: 7, keyCount: 5 },
      { shard: 1, node: "b", epoch: null, keyCount: 1 },
      { shard: 2, node: "b", epoch: 3, keyCount: 0 },
    ];
    const map = assignUnassigned(mapWith(["a", "b"]), ["a", "b"], held);
    expect(owners(map)).toEqual(["b", "b", "a", "a"]);
    expect(map.shards.map(({ epoch }) => epoch)).toEqual([8, 1, 4, 1]);
    expect(map.shards.map(({ history }) => history[0]?.cause)).toEqual([
      "registration",
      "registration",
      "automatic",
      "automatic",
    ]);
  });

  it.each<[string, readonly HeldShard[]]>([
    ["the highest epoch", [report("a", 4, 100), report("b", 5, 1)]],
    ["any epoch before none", [report("a", null, 100), report("b", 0, 1)]],
    ["the most keys at the same epoch", [report("a", 5, 1), report("b", 5, 2)]],
    ["the first name when all is equal", [report("c", 5, 1), report("b", 5, 1)]],
    ["the first name, in whatever order they come", [report("b", 5, 1), report("c", 5, 1)]],
    ["who is live, whatever the others have", [report("ghost", 9, 9), report("b", 1, 1)]],
  ])("of several holders takes %s", (_, held) => {
    expect(owners(assignUnassigned(mapWith(["a", "b", "c"]), ["a", "b", "c"], held))[3]).toBe("b");
  });

  it("surpasses the epoch of a holder that is away", () => {
    const map = assignUnassigned(mapWith(["a", "b"]), ["a"], [report("b", 41, 9)]);
    expect(map.shards[3]).toMatchObject({ primary: "a", epoch: 42 });
  });

  it("counts a name that is listed twice once, and ignores reports of shards that do not exist", () => {
    const map = assignUnassigned(mapWith(["a", "b"]), ["b", "b", "a"], [{ ...report("b", 1, 1), shard: 400 }]);
    expect(owners(map)).toEqual(["a", "b", "a", "b"]);
  });

  it("is not stopped by a report with an impossible epoch", () => {
    const map = assignUnassigned(mapWith(["a", "b"]), ["a", "b"], [report("b", epochMax, 9)]);
    expect(map.shards[3]).toMatchObject({ primary: "b", epoch: 1 });
    expectSound(map);
  });

  it("leaves loads that differ by at most one when all nodes began empty", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 17 }), (shardCount, nodeCount) => {
        const names = Array.from({ length: nodeCount }, (_, index) => `n${index}`);
        const map = assignUnassigned(mapWith(names, shardCount), names);
        const loads = names.map((name) => shardsOfNode(map, name).length);
        expect(loads.reduce((sum, load) => sum + load)).toBe(shardCount);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("gives every shard an epoch above all that were reported of it, and to a live node", () => {
    const reports = fc.array(
      fc.record({
        shard: fc.nat(7),
        node: fc.constantFrom("a", "b", "c"),
        epoch: fc.option(fc.nat(20)),
        keyCount: fc.nat(2),
      }),
    );
    fc.assert(
      fc.property(reports, fc.subarray(["a", "b", "c"], { minLength: 1 }), (held, live) => {
        const map = assignUnassigned(mapWith(["a", "b", "c"], 8), live, held);
        for (const { primary } of map.shards) expect(live).toContain(primary);
        for (const { shard, epoch } of held) expect(map.shards[shard]?.epoch).toBeGreaterThan(epoch ?? 0);
      }),
    );
  });
});

function report(node: string, epoch: number | null, keyCount: number): HeldShard {
  return { shard: 3, node, epoch, keyCount };
}
