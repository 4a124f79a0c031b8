import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseKey } from "../../src/core/key.js";
import { epochMax, shardCountMax, storageNodesMax } from "../../src/core/limits.js";
import { shardOfKey } from "../../src/core/shard.js";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { applyCommand, shardsOfNode } from "../../src/registry/commands.js";
import type { HeldShard } from "../../src/registry/unassigned-shards.js";
import { after, assigned, byHand, expectSound, largestMap, mapWith, sharingIn } from "./map-samples.js";

function assignUnassigned(map: ClusterMap, liveNodes: readonly string[], held: readonly HeldShard[] = []): ClusterMap {
  return after(map, { kind: "assignUnassigned", liveNodes, held });
}

function owners(map: ClusterMap): readonly (string | null)[] {
  return map.shards.map(({ primary }) => primary);
}

describe("assignUnassigned", () => {
  it("spreads the shards in the order of their reversed bits, and nodes in the order of their names", () => {
    const map = mapWith(["c", "a", "b"], 8);
    expect(owners(assignUnassigned(map, ["c", "b", "a"]))).toEqual(["a", "b", "c", "a", "b", "c", "a", "b"]);
    expect(owners(assignUnassigned(map, ["a", "b"]))).toEqual(["a", "a", "a", "a", "b", "b", "b", "b"]);
    expect(owners(assignUnassigned(mapWith(["a", "b"], 6), ["a", "b"]))).toEqual(["a", "b", "a", "b", "b", "a"]);
    expect(owners(assignUnassigned(mapWith(["a"], 1), ["a"]))).toEqual(["a"]);
  });

  it("says that it was done by itself, as one change of the map", () => {
    const before = mapWith(["a"], 2);
    const { map, changes } = applyCommand(before, { kind: "assignUnassigned", liveNodes: ["a"], held: [] }, 9000);
    expect(changes).toEqual([0, 1].map((shard) => ({ shard, epoch: 1, node: "a", atMs: 9000, cause: "automatic" })));
    expect(map.version).toBe(before.version + 1);
  });

  it("changes nothing when no registered storage node is live, or no shard is unassigned", () => {
    const map = mapWith(["a"]);
    expect(assignUnassigned(map, [])).toBe(map);
    expect(assignUnassigned(map, ["ghost"])).toBe(map);
    const full = assignUnassigned(map, ["a"]);
    expect(assignUnassigned(full, ["a"])).toBe(full);
  });

  it("never touches a shard that has an owner, live or not, whatever others report of it", () => {
    const map = after(assignUnassigned(mapWith(["a"]), ["a"]), byHand("b"));
    expect(assignUnassigned(map, ["b"])).toBe(map);
    expect(assignUnassigned(map, ["a", "b"], [{ ...report("b", 9, 9), shard: 1 }])).toBe(map);
  });

  it("gives to the least loaded first", () => {
    const owned = [0, 1].reduce((map, shard) => after(map, assigned(shard, "a")), mapWith(["a", "b"], 6));
    expect(owners(assignUnassigned(owned, ["a", "b"]))).toEqual(["a", "a", "b", "b", "b", "a"]);
  });

  it("gives a shard with data back to its holder, above the holder's epochs, and spreads the rest around that", () => {
    const held = [
      { shard: 0, node: "b", epoch: 7, releasedEpoch: 11, keyCount: 5 },
      { shard: 1, node: "b", epoch: null, releasedEpoch: 0, keyCount: 1 },
      { shard: 2, node: "b", epoch: 3, releasedEpoch: 0, keyCount: 0 },
    ];
    const command = { kind: "assignUnassigned", liveNodes: ["a", "b"], held } as const;
    const { map, changes } = applyCommand(mapWith(["a", "b"]), command, 9000);
    expect(owners(map)).toEqual(["b", "b", "a", "a"]);
    expect(map.shards.map(({ epoch }) => epoch)).toEqual([12, 1, 4, 1]);
    expect(changes.map(({ cause }) => cause)).toEqual(["registration", "registration", "automatic", "automatic"]);
  });

  it.each<[string, readonly HeldShard[]]>([
    ["the highest epoch", [report("a", 4, 100), report("b", 5, 1)]],
    ["any epoch before none", [report("a", null, 100), report("b", 0, 1)]],
    ["the most keys at the same epoch", [report("a", 5, 1), report("b", 5, 2)]],
    ["the first name when all is equal", [report("c", 5, 1), report("b", 5, 1)]],
    ["the first name, in whatever order they come", [report("b", 5, 1), report("c", 5, 1)]],
    ["the one that is live, whatever the others have", [report("ghost", 9, 9), report("b", 1, 1)]],
  ])("of several holders takes %s", (_, held) => {
    expect(owners(assignUnassigned(mapWith(["a", "b", "c"]), ["a", "b", "c"], held))[3]).toBe("b");
  });

  it("gives a shard with data in a shared store to the least loaded live node of the store, whichever reports it", () => {
    const map = sharingIn(sharingIn(mapWith(["z"], 6), ["a", "b"]), ["x"], "s-2");
    const owned = [0, 1].reduce((before, shard) => after(before, assigned(shard, "a")), map);
    const held = [2, 3, 4, 5].map((shard) => ({ ...report("a", 7, 1), shard }));
    const next = assignUnassigned(owned, ["a", "b", "x", "z"], held);
    expect(owners(next)).toEqual(["a", "a", "b", "b", "b", "a"]);
    expect(next.shards[2]?.epoch).toBe(8);
    // The reporter itself need not live any more.
    expect(owners(assignUnassigned(owned, ["b", "x", "z"], held))).toEqual(["a", "a", "b", "b", "b", "b"]);
  });

  it("leaves a shard with data in a shared store alone while no live node of the store may have it", () => {
    const map = after(sharingIn(mapWith(["z"], 2), ["a", "b"]), {
      kind: "drainNode",
      name: "a",
      isUndone: false,
      liveNodes: [],
    });
    expect(owners(assignUnassigned(map, ["a", "z"], [{ ...report("a", 7, 1), shard: 0 }]))).toEqual([null, "z"]);
    expect(owners(assignUnassigned(map, ["a", "b", "z"], [{ ...report("a", 7, 1), shard: 0 }]))).toEqual(["b", "z"]);
  });

  it("surpasses the epoch of a holder that is away", () => {
    const map = assignUnassigned(mapWith(["a", "b"]), ["a"], [report("b", 41, 9)]);
    expect(map.shards[3]).toMatchObject({ primary: "a", epoch: 42 });
  });

  it("counts a name that is listed twice once, and ignores reports of shards that do not exist", () => {
    const map = assignUnassigned(mapWith(["a", "b"]), ["b", "b", "a"], [{ ...report("b", 1, 1), shard: 400 }]);
    expect(owners(map)).toEqual(["a", "a", "b", "b"]);
  });

  it("is not stopped by a report with an impossible epoch", () => {
    const broken = [report("b", epochMax, 9), { ...report("b", 1, 9), releasedEpoch: epochMax }];
    const map = assignUnassigned(mapWith(["a", "b"]), ["a", "b"], broken);
    expect(map.shards[3]?.epoch).toBe(1);
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

  it("leaves the loads that come of giving each shard to the least loaded node, one after the other", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 20 }), (taken) => {
        const nodes = ["a", "b", "c"];
        const before = taken.reduce((map, node, shard) => after(map, assigned(shard, node)), mapWith(nodes, 24));
        const map = assignUnassigned(before, nodes);
        const loads = nodes.map((name) => taken.filter((node) => node === name).length);
        for (let free = taken.length; free < 24; free++) {
          const least = loads.indexOf(Math.min(...loads));
          loads[least] = (loads[least] ?? 0) + 1;
        }
        expect(nodes.map((name) => shardsOfNode(map, name).length)).toEqual(loads);
      }),
    );
  });

  it("gives every shard an epoch above all that were reported of it, and to a live node", () => {
    const reports = fc.array(
      fc.record({
        shard: fc.nat(7),
        node: fc.constantFrom("a", "b", "c"),
        epoch: fc.option(fc.nat(20)),
        releasedEpoch: fc.nat(20),
        keyCount: fc.nat(2),
      }),
    );
    fc.assert(
      fc.property(reports, fc.subarray(["a", "b", "c"], { minLength: 1 }), (held, live) => {
        const map = assignUnassigned(mapWith(["a", "b", "c"], 8), live, held);
        for (const { primary } of map.shards) expect(live).toContain(primary);
        for (const { shard, epoch, releasedEpoch } of held) {
          expect(map.shards[shard]?.epoch).toBeGreaterThan(Math.max(epoch ?? 0, releasedEpoch));
        }
      }),
    );
  });

  it("spreads the most shards over the most storage nodes", () => {
    const large = largestMap();
    const free = { ...large, shards: large.shards.map((record) => ({ ...record, primary: null })) };
    const loads = new Map<string | null, number>();
    for (const name of owners(assignUnassigned(free, [...large.nodes.keys()]))) {
      loads.set(name, (loads.get(name) ?? 0) + 1);
    }
    expect(loads.size).toBe(storageNodesMax);
    expect(Math.max(...loads.values())).toBe(Math.ceil(shardCountMax / storageNodesMax));
  });
});

describe("keys with a check digit", () => {
  const numbers = Array.from({ length: 2000 }, (_, index) => String(index * 48_271 + 12_345));
  const isbns = numbers.map((number) => withCheckDigit(`978${number.padStart(9, "0").slice(-9)}`));
  const eans = numbers.map((number) => withCheckDigit(`40${number.padStart(10, "7").slice(-10)}`));

  it.each([
    ["ISBN-13", isbns],
    ["EAN", eans],
  ])("%s: all 2,000 fall into one half of an even number of shards", (_, texts) => {
    expect(new Set(texts.map((text) => shardOfKey(parseKey(text), 64) % 2)).size).toBe(1);
  });

  const sizes = [2, 3, 4].flatMap((nodeCount) => [4, 8, 64].map((shardCount) => [nodeCount, shardCount] as const));
  it.each(sizes)("are spread fairly over %i storage nodes with %i shards", (nodeCount, shardCount) => {
    const nodes = ["a", "b", "c", "d"].slice(0, nodeCount);
    const map = assignUnassigned(mapWith(nodes, shardCount), nodes);
    for (const texts of [isbns, eans]) {
      const used = new Set(texts.map((text) => shardOfKey(parseKey(text), shardCount)));
      expect(used.size).toBe(shardCount / 2);
      const shares = nodes.map((node) => shardsOfNode(map, node).filter(({ shard }) => used.has(shard)).length);
      // Of four shards only two are used, so that no more than two nodes can have any.
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      const keys = nodes.map(
        (node) => texts.filter((text) => map.shards[shardOfKey(parseKey(text), shardCount)]?.primary === node).length,
      );
      const busy = Math.min(nodeCount, used.size);
      expect(keys.filter((count) => count >= texts.length / busy / 2)).toHaveLength(busy);
    }
  });
});

function report(node: string, epoch: number | null, keyCount: number): HeldShard {
  return { shard: 3, node, epoch, releasedEpoch: 0, keyCount };
}

/** The thirteenth digit of ISBN-13 and EAN-13: with it, the digits weighted 1 and 3 in turn add up to a multiple of ten. */
function withCheckDigit(digits: string): string {
  const sum = [...digits].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}
