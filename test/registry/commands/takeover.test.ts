import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterMap, ShardOwner } from "../../../src/registry/cluster-map.js";
import { applyCommand, shardsOfNode, type RegistryCommand } from "../../../src/registry/commands.js";
import {
  after,
  assigned,
  expectSound,
  mapWith,
  refusal,
  servingMap,
  sharing,
  sharingIn,
  sharingMap,
  started,
} from "../map-samples.js";

type TakeOver = Extract<RegistryCommand, { kind: "takeOver" }>;

/** All shards of the storage node, as the map has them. */
function takeOver(map: ClusterMap, from: string, to: readonly string[], fields: Partial<TakeOver> = {}): TakeOver {
  return { kind: "takeOver", from, shards: shardsOfNode(map, from), to, cause: "automatic", ...fields };
}

function drain(name: string, liveNodes: readonly string[], isUndone = false): RegistryCommand {
  return { kind: "drainNode", name, isUndone, liveNodes };
}

function owners(map: ClusterMap): readonly (string | null)[] {
  return map.shards.map(({ primary }) => primary);
}

function load(map: ClusterMap, name: string): number {
  return shardsOfNode(map, name).length;
}

describe("takeOver", () => {
  const map = sharingMap(["a", "b", "c"], 6);

  it("gives the shards of a storage node to the others of its store, evenly, under the next epoch and in the same lineage", () => {
    const taken = applyCommand(map, takeOver(map, "a", ["b", "c"]), 9000);
    expect(owners(taken.map)).toEqual(["b", "b", "c", "c", "b", "c"]);
    expect(taken.map.shards[0]).toEqual({ shard: 0, epoch: 2, primary: "b", lineage: 0, move: null });
    expect(taken.map.version).toBe(map.version + 1);
    expect(taken.changes).toEqual([
      { shard: 0, epoch: 2, node: "b", atMs: 9000, cause: "automatic" },
      { shard: 3, epoch: 2, node: "c", atMs: 9000, cause: "automatic" },
    ]);
  });

  it("leaves out the shards that have changed since they were judged", () => {
    const shards = shardsOfNode(map, "a");
    const renewed = after(map, { kind: "renewEpochs", node: "a", shards: [{ shard: 0, epoch: 1 }] });
    expect(owners(after(renewed, takeOver(map, "a", ["b"], { shards })))).toEqual(["a", "b", "c", "b", "b", "c"]);
    const foreign: readonly ShardOwner[] = [{ shard: shards[0]?.shard ?? (0 as never), primary: "b", epoch: 1 }];
    expect(after(map, takeOver(map, "a", ["b"], { shards: foreign }))).toBe(map);
    expect(after(map, takeOver(map, "b", ["c"], { shards }))).toBe(map);
  });

  it("takes a shard once, however often it is named, and ends its move", () => {
    const moving = after(map, { kind: "beginMove", shard: 0, node: "b", ifEpoch: null, moveId: "m-1" });
    const [first] = shardsOfNode(moving, "a");
    if (first === undefined) throw new Error("The sample has no shard of a.");
    const taken = after(moving, takeOver(moving, "a", ["b", "c"], { shards: [first, first] }));
    expect(taken.shards[0]).toEqual({ shard: 0, epoch: 2, primary: "b", lineage: 0, move: null });
  });

  it.each<[string, ClusterMap, readonly string[]]>([
    ["the storage node has a store of its own", servingMap(["a", "b"]), ["b"]],
    ["the others have another store", sharingIn(sharingMap(["a"]), ["b"], "s-2"), ["b"]],
    ["the others have stores of their own", after(sharingMap(["a"]), started("b", { clusterId: null })), ["b"]],
    ["no other storage node lives", map, ["a"]],
    ["the other one is not registered", map, ["ghost"]],
    ["the other one drains", after(map, drain("b", ["a"])), ["b"]],
    ["the map is being restored", after(map, { kind: "markPutBack", newMark: "m-1" }), ["b"]],
  ])("changes nothing when %s", (_, before, to) => {
    expect(after(before, takeOver(before, "a", to))).toBe(before);
  });

  it("changes nothing when the storage node is not registered any more", () => {
    const gone = after(map, { kind: "removeNode", name: "a", isForced: true, evidence: [], isLive: false });
    expect(after(gone, takeOver(map, "a", ["b"]))).toBe(gone);
  });

  const names = ["a", "b", "c", "d", "x", "y", "z"];
  const mapArbitrary = fc
    .record({
      shardCount: fc.integer({ min: 1, max: 40 }),
      owners: fc.array(fc.constantFrom(...names), { minLength: 40, maxLength: 40 }),
      draining: fc.subarray(["a", "b", "c", "d"], { maxLength: 2 }),
    })
    .map(({ shardCount, owners: owned, draining }) => {
      const empty = sharingIn(sharingIn(mapWith([], shardCount), ["a", "b", "c", "d"]), ["x", "y"], "s-2");
      const all = after(empty, started("z", { clusterId: null }));
      const spread = all.shards.reduce((map, { shard }) => after(map, assigned(shard, owned[shard] ?? "a")), all);
      return draining.reduce((map, name) => after(map, drain(name, names)), spread);
    });

  it("is even to within one, keeps to live storage nodes of the store, and touches no other shard", () => {
    fc.assert(
      fc.property(mapArbitrary, fc.constantFrom("a", "x", "z"), fc.subarray(names), (before, from, to) => {
        const command = takeOver(before, from, to);
        const next = after(before, command);
        expectSound(next);
        const store = before.nodes.get(from)?.storeId;
        const takers = to.filter((name) => {
          const record = before.nodes.get(name);
          return name !== from && record?.isStoreShared === true && record.storeId === store && !record.isDraining;
        });
        const isPossible = from !== "z" && takers.length > 0;
        expect(load(next, from)).toBe(isPossible ? 0 : load(before, from));
        const least = Math.min(...takers.map((name) => load(next, name)));
        for (const [index, record] of next.shards.entries()) {
          const old = before.shards[index];
          if (old === undefined) throw new Error("A shard came out of nowhere.");
          if (old.primary !== from || !isPossible) {
            expect(record).toBe(old);
            continue;
          }
          expect(takers).toContain(record.primary);
          expect(record.epoch).toBe(old.epoch + 1);
          expect(record.lineage).toBe(old.lineage);
          // One that got a shard has at most one more than the one with the fewest.
          expect(load(next, record.primary ?? "")).toBeLessThanOrEqual(least + 1);
        }
      }),
    );
  });

  it("gives each of two storage nodes even and odd shards of one that had all: keys with a check digit have only one kind", () => {
    const all = sharingIn(sharingMap(["a"], 64), ["b", "c"]);
    const next = after(all, takeOver(all, "a", ["b", "c"]));
    for (const name of ["b", "c"]) {
      const even = shardsOfNode(next, name).filter(({ shard }) => shard % 2 === 0);
      expect([even.length, load(next, name)]).toEqual([16, 32]);
    }
  });
});

describe("drainNode", () => {
  const map = sharingMap(["a", "b"], 4);

  it("marks the storage node, whose shards stay for now, until that is undone", () => {
    const draining = after(map, drain("a", ["a", "b"]));
    expect(draining.nodes.get("a")?.isDraining).toBe(true);
    expect([draining.version, draining.shards]).toEqual([map.version + 1, map.shards]);
    expect(after(draining, drain("a", []))).toBe(draining);
    const undone = after(draining, drain("a", [], true));
    expect(undone).toEqual({ ...map, version: map.version + 2 });
    expect(after(undone, drain("a", [], true))).toBe(undone);
  });

  it("refuses a storage node with a store of its own, and one that is not registered", () => {
    expect(refusal(() => after(servingMap(["a", "b"]), drain("a", ["b"])))).toMatchObject({
      code: "NOT_SUPPORTED",
      message: expect.stringContaining("Storage node a has a store of its own"),
    });
    expect(refusal(() => after(map, drain("ghost", [])))).toMatchObject({ code: "NODE_NOT_FOUND" });
  });

  it("refuses when no other storage node of the store lives, and names those to start", () => {
    expect(refusal(() => after(map, drain("a", ["a"])))).toMatchObject({
      code: "SHARD_UNAVAILABLE",
      message: "No other live storage node can take the 2 shards of a. Start b, then drain a again.",
      details: { node: "a", others: ["b"] },
    });
    const alone = sharingMap(["a"]);
    expect(refusal(() => after(alone, drain("a", ["a"]))).message).toContain(
      "Start another storage node over the same store",
    );
    const both = after(map, drain("b", ["a"]));
    expect(refusal(() => after(both, drain("a", ["a", "b"]))).code).toBe("SHARD_UNAVAILABLE");
  });

  it("drains a storage node without shards, although no other one is live", () => {
    const idle = sharingIn(sharingMap(["a"]), ["b"]);
    expect(after(idle, drain("b", [])).nodes.get("b")?.isDraining).toBe(true);
  });

  it("gives the storage node no shard, by assignment, by force or by a move", () => {
    const draining = after(after(map, started("c", { clusterId: null })), drain("b", ["a"]));
    for (const isForced of [false, true]) {
      expect(refusal(() => after(draining, assigned(0, "b", isForced)))).toMatchObject({
        code: "BAD_REQUEST",
        message: expect.stringContaining("Storage node b is draining"),
      });
    }
    const move = { kind: "beginMove", shard: 0, node: "b", ifEpoch: null, moveId: "m-1" } as const;
    expect(refusal(() => after(draining, move)).code).toBe("BAD_REQUEST");
    expect(after(draining, assigned(1, "b", true))).toBe(draining);
  });

  it("outlasts restarts of the storage node, but not its change to a store of its own", () => {
    const draining = after(map, drain("a", ["b"]));
    const restarted = after(draining, sharing("a", { start: "a-start-2", starts: ["a-start-2", "a-start-1"] }));
    expect(restarted.nodes.get("a")?.isDraining).toBe(true);
    const refused = { kind: "acceptLoss", name: "a", refusal: { lastStart: "a-start-2" } } as const;
    const accepted = after(restarted, refused);
    expect(accepted.nodes.get("a")?.isDraining).toBe(true);
    const own = after(accepted, started("a", { start: "a-start-3", starts: ["a-start-3"] }));
    expect(own.nodes.get("a")).toMatchObject({ isDraining: false, isStoreShared: false, storeId: "a-store" });
  });
});
