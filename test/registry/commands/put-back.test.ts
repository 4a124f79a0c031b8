import { describe, expect, it } from "vitest";
import type { ClusterMap } from "../../../src/registry/cluster-map.js";
import { applyCommand, type NodeIdentity, type ReportedClaim } from "../../../src/registry/commands.js";
import {
  after,
  assigned,
  byHand,
  claim,
  mapWith,
  refusal,
  servingMap,
  sharing,
  sharingMap,
  started,
} from "../map-samples.js";

const serving = servingMap(["a", "b"], 4);
const marked = after(serving, { kind: "markPutBack", newMark: "m-1" });

/** Registers anew, naming the mark. */
function anew(name: string, claims: readonly ReportedClaim[], fields: Partial<NodeIdentity> = {}) {
  return started(name, { mark: "m-1", claims, ...fields });
}

function owners(map: ClusterMap): readonly (string | null)[] {
  return map.shards.map(({ primary }) => primary);
}

describe("markPutBack", () => {
  it("waits for every storage node of the map, and changes no owner and no epoch", () => {
    expect(marked).toEqual({
      ...serving,
      version: serving.version + 1,
      isRecovered: true,
      putBack: { mark: "m-1", waiting: ["a", "b"], claims: new Map() },
    });
  });

  it("is settled at once when there are no storage nodes", () => {
    expect(after(mapWith([]), { kind: "markPutBack", newMark: "m-1" })).toEqual({
      ...mapWith([]),
      version: 2,
      isRecovered: true,
    });
  });

  it("begins anew with another mark, and forgets what was gathered under the one before", () => {
    const half = after(marked, anew("a", [claim(0, 9)]));
    const again = after(half, { kind: "markPutBack", newMark: "m-2" });
    expect(again.putBack).toEqual({ mark: "m-2", waiting: ["a", "b"], claims: new Map() });
    expect(refusal(() => after(again, anew("a", []))).details).toEqual({ mark: "m-2" });
  });
});

describe("a registration that knows more than the map", () => {
  it.each<[string, Partial<NodeIdentity>]>([
    ["a later version of the map", { mapVersion: 40 }],
    ["a claim above the shard's epoch", { claims: [claim(1, 2)] }],
    ["a release above the shard's epoch", { claims: [claim(1, 1, { releasedEpoch: 2 })] }],
    ["a claim of the present epoch of a shard that another node owns", { claims: [claim(1, 1)] }],
  ])("marks the map: %s", (_, fields) => {
    const map = after(serving, started("a", fields, "m-5"));
    expect(map.version).toBe(Math.max(serving.version, fields.mapVersion ?? 0) + 1);
    expect(map.putBack).toEqual({ mark: "m-5", waiting: ["a", "b"], claims: new Map() });
    expect(map.nodes.get("a")).toEqual(serving.nodes.get("a"));
    expect(map.shards).toEqual(serving.shards);
  });

  it("waits for the node also when the map does not know it", () => {
    const map = after(serving, started("c", { claims: [claim(1, 7)] }, "m-5"));
    expect(map.putBack?.waiting).toEqual(["a", "b", "c"]);
    expect(map.nodes.get("c")).toMatchObject({ storeId: null, lastStart: null });
  });

  it.each<[string, Partial<NodeIdentity>]>([
    ["what the map says", { mapVersion: serving.version, claims: [claim(0, 1), claim(1, 0)] }],
    ["a claim of the present epoch that was given up", { claims: [claim(1, 1, { releasedEpoch: 1 })] }],
    ["an older claim of a shard that another node owns", { claims: [claim(1, 0, { keyCount: 7 })] }],
    ["claims of a store that is of no cluster yet", { clusterId: null, claims: [claim(1, 5)] }],
  ])("does not mark the map for %s", (_, fields) => {
    expect(after(serving, started("a", fields)).putBack).toBeNull();
  });
});

describe("a map that was restored", () => {
  it("refuses registrations that do not name its mark, and names it", () => {
    for (const mark of [null, "m-0"]) {
      expect(refusal(() => after(marked, started("a", { mark })))).toMatchObject({
        code: "REGISTRY_PUT_BACK",
        message: expect.stringContaining("storage node a"),
        details: { mark: "m-1" },
      });
    }
  });

  it("refuses a store that is not recognized even when it names the mark", () => {
    const other = { storeId: "empty-store", start: "s-9", starts: ["s-9"] };
    expect(refusal(() => after(marked, anew("a", [], other))).code).toBe("STORE_NOT_RECOGNIZED");
  });

  it("gives each shard, once all have registered, to its highest claim, above every claim and release", () => {
    const half = after(marked, anew("a", [claim(0, 3, { releasedEpoch: 8 }), claim(1, 6), claim(2, 1)]));
    expect(half.putBack).toMatchObject({ waiting: ["b"], claims: new Map([[1, { node: "a", epoch: 6, hasKeys: true }], [2, { node: "a", epoch: 1, hasKeys: true }]]) }); // prettier-ignore
    const { map, changes } = applyCommand(half, anew("b", [claim(0, 7), claim(1, 5)]), 5000);
    expect(map.putBack).toBeNull();
    expect(owners(map)).toEqual(["b", "a", "a", "b"]);
    expect(map.shards.map(({ epoch }) => epoch)).toEqual([9, 7, 2, 2]);
    expect(changes).toHaveLength(4);
    expect(changes[0]).toEqual({ shard: 0, epoch: 9, node: "b", atMs: 5000, cause: "registration" });
    expect(map.nodes.get("a")).toMatchObject({ storeId: "a-store", lastStart: "a-start-1" });
  });

  it("changes nothing when a node says the same again, and keeps its claim when it says less", () => {
    const half = after(marked, anew("a", [claim(1, 6)]));
    expect(after(half, anew("a", [claim(1, 6)]))).toBe(half);
    expect(after(half, anew("a", [claim(1, 4)])).putBack?.claims.get(half.shards[1]!.shard)?.epoch).toBe(6); // oxlint-disable-line
  });

  it.each([
    ["the one with keys", 0, 1],
    ["the owner that the map names", 1, 1],
  ])("prefers among equal claims, which come of a lost registry, %s, whichever registers first", (_, aKeys, bKeys) => {
    const commands = [anew("a", [claim(1, 1, { keyCount: aKeys })]), anew("b", [claim(1, 1, { keyCount: bKeys })])];
    for (const order of [commands, commands.toReversed()]) {
      expect(owners(order.reduce((map, command) => after(map, command), marked))[1]).toBe("b");
    }
  });

  it("prefers a node with keys to an empty owner that the map names", () => {
    const commands = [anew("a", [claim(1, 1)]), anew("b", [claim(1, 1, { keyCount: 0 })])];
    expect(owners(commands.reduce((map, command) => after(map, command), marked))[1]).toBe("a");
  });

  it("gives no shard to a store that is of no cluster yet, and passes its epochs", () => {
    const half = after(marked, anew("a", [claim(1, 7, { keyCount: 5 })], { clusterId: null }));
    const map = after(half, anew("b", [claim(1, 1)]));
    expect(map.shards[1]).toMatchObject({ primary: "b", epoch: 8 });
  });

  it("keeps a lost registry's shards without an owner until the node that has them registers", () => {
    const claimsOf = (...shards: readonly number[]) => shards.map((shard) => claim(shard, 1));
    const before = { clusterId: "c-before", mapVersion: 9 };
    let map = after(mapWith([]), started("a", { ...before, claims: claimsOf(0, 1) }));
    map = after(map, anew("a", claimsOf(0, 1), before));
    map = after(map, { kind: "assignUnassigned", liveNodes: ["a"], held: [] });
    expect(map.shards.map(({ primary, epoch }) => [primary, epoch])).toEqual([["a", 2], ["a", 2], [null, 0], [null, 0]]); // prettier-ignore
    const byHand = { kind: "assign", shard: 2, node: "a", ifEpoch: null, cause: "operator" } as const;
    expect(refusal(() => after(map, { ...byHand, isForced: false })).code).toBe("ASSIGNMENT_WOULD_HIDE_DATA");
    expect(after(map, { ...byHand, isForced: true }).shards[2]).toMatchObject({ primary: "a", epoch: 1, lineage: 1 });
    map = after(map, started("b", { ...before, claims: claimsOf(2, 3) }));
    map = after(map, anew("a", [claim(0, 2), claim(1, 2)], before));
    map = after(map, anew("b", claimsOf(2, 3), before));
    expect(owners(map)).toEqual(["a", "a", "b", "b"]);
    expect(map.isRecovered).toBe(false);
  });

  it("leaves a shard without an owner that its owner in the copy gave up, until the node that has it registers", () => {
    const given = claim(0, 1, { releasedEpoch: 1, keyCount: 0 });
    const half = after(marked, anew("a", [given, claim(2, 1)]));
    const map = after(half, anew("b", [claim(1, 1), claim(3, 1)]));
    expect(owners(map)).toEqual([null, "b", "a", "b"]);
    expect(map.isRecovered).toBe(true);
    expect(after(map, { kind: "assignUnassigned", liveNodes: ["a", "b"], held: [] })).toBe(map);
    const late = started("c", { claims: [claim(0, 2)], mapVersion: 3 }, "m-2");
    expect(after(map, late).putBack).toMatchObject({ mark: "m-2", waiting: ["a", "b", "c"] });
  });

  it("is found by an owner that gave its shard up, however often the copy was changed since", () => {
    const later = { ...serving, version: 90 };
    const map = after(later, started("a", { claims: [claim(0, 1, { releasedEpoch: 1 })], mapVersion: 9 }, "m-3"));
    expect(map.putBack).toMatchObject({ mark: "m-3", waiting: ["a", "b"] });
  });

  it("keeps a storage node that may own more than the copy says from being removed without force", () => {
    const idle = after(serving, started("c", { clusterId: null }));
    const again = after(idle, { kind: "markPutBack", newMark: "m-1" });
    const remove = { kind: "removeNode", name: "c", evidence: [], isLive: false } as const;
    expect(refusal(() => after(again, { ...remove, isForced: false })).code).toBe("ASSIGNMENT_WOULD_HIDE_DATA");
    expect(after(again, { ...remove, isForced: true }).nodes.has("c")).toBe(false);
  });

  it("gives a shard to the newest lineage that is claimed, also at a lower epoch", () => {
    const half = after(marked, anew("a", [claim(0, 9, { lineage: 0 })]));
    const map = after(half, anew("b", [claim(0, 4, { lineage: 1 })]));
    expect(map.shards[0]).toMatchObject({ primary: "b", epoch: 10, lineage: 1 });
  });

  it("lets a refused node in with its claims when its loss is accepted, and gives it up the second time", () => {
    const other = { storeId: "new-store", start: "s-9", starts: ["s-9"] };
    expect(refusal(() => after(marked, anew("a", [claim(2, 3)], other))).code).toBe("STORE_NOT_RECOGNIZED");
    const accepted = after(marked, { kind: "acceptLoss", name: "a", refusal: { lastStart: "a-start-1" } });
    expect(accepted.putBack?.waiting).toEqual(["a", "b"]);
    const map = after(after(accepted, anew("a", [claim(2, 3)], other)), anew("b", []));
    expect(map.shards[2]).toMatchObject({ primary: "a", epoch: 4, lineage: 1 });
    const givenUp = after(accepted, { kind: "acceptLoss", name: "a", refusal: { lastStart: null } });
    expect(givenUp.putBack?.waiting).toEqual(["b"]);
  });

  it("takes over the lineages that stores report, and begins a new one where a loss was accepted", () => {
    const half = after(marked, anew("a", [claim(0, 1, { lineage: 4 })]));
    expect(half.shards[0]?.lineage).toBe(4);
    const accepted = after(serving, { kind: "acceptLoss", name: "a", refusal: { lastStart: "a-start-1" } });
    const again = after(accepted, { kind: "markPutBack", newMark: "m-1" });
    const lossy = { storeId: "new-store", start: "s-9", starts: ["s-9"] };
    const registered = after(again, anew("a", [claim(1, 9, { lineage: 2 }), claim(3, 1, { releasedEpoch: 1 })], lossy));
    expect(registered.shards.map(({ lineage }) => lineage)).toEqual([1, 3, 1, 0]);
  });

  it("counts a node that registers late and is new to the map, and passes the version it knows", () => {
    const half = after(marked, anew("c", [claim(3, 5)], { mapVersion: 70 }));
    expect(half).toMatchObject({ version: 71, putBack: { waiting: ["a", "b"] } });
    const map = [anew("a", []), anew("b", [])].reduce((current, command) => after(current, command), half);
    expect(owners(map)).toEqual(["a", "b", "a", "c"]);
  });

  it("leaves shards that never had an epoch alone", () => {
    const fresh = after(after(mapWith([]), started("a", { clusterId: null })), { kind: "markPutBack", newMark: "m-1" });
    const map = after(fresh, anew("a", [claim(0, 1)]));
    expect(map.shards.map(({ epoch, primary }) => [epoch, primary])).toEqual([[2, "a"], [0, null], [0, null], [0, null]]); // prettier-ignore
  });

  it("assigns nothing by itself", () => {
    expect(after(marked, { kind: "assignUnassigned", liveNodes: ["a", "b"], held: [] })).toBe(marked);
  });

  it("goes on without a node that an operator gives up; its shards have no owner, in a new lineage", () => {
    const half = after(marked, { kind: "acceptLoss", name: "a", refusal: null });
    expect(half.putBack?.waiting).toEqual(["b"]);
    const map = after(half, anew("b", []));
    expect(owners(map)).toEqual([null, "b", null, "b"]);
    expect(map.shards.map(({ lineage }) => lineage)).toEqual([1, 0, 1, 0]);
    const registered = after(marked, anew("b", []));
    expect(after(registered, { kind: "acceptLoss", name: "a", refusal: null }).putBack).toBeNull();
  });

  it("goes on without a node that is removed, and without what it claimed", () => {
    const half = after(marked, anew("a", [claim(1, 9)]));
    const removal = { kind: "removeNode", isForced: true, evidence: [], isLive: false } as const;
    const alone = after(half, { ...removal, name: "a" });
    expect(alone.putBack).toEqual({ mark: "m-1", waiting: ["b"], claims: new Map() });
    expect(owners(after(alone, anew("b", [])))).toEqual([null, "b", null, "b"]);
    const settled = after(half, { ...removal, name: "b" });
    expect(settled.putBack).toBeNull();
    expect(owners(settled)).toEqual(["a", "a", "a", null]);
  });

  it("takes a person's word for a node without a store, which can name no mark, and not for one with a store", () => {
    const plain = after(after(serving, byHand("p")), { kind: "markPutBack", newMark: "m-1" });
    expect(after(plain, byHand("p")).putBack?.waiting).toEqual(["a", "b"]);
    expect(after(plain, byHand("a"))).toBe(plain);
    const last = [anew("a", []), anew("b", [])].reduce((map, command) => after(map, command), plain);
    expect(last.putBack?.waiting).toEqual(["p"]);
    expect(after(last, byHand("p")).putBack).toBeNull();
  });
});

describe("a registry that was lost", () => {
  const ofA = [claim(0, 1), claim(1, 1, { releasedEpoch: 1, keyCount: 3 })];
  const ofB = [claim(1, 2, { keyCount: 5 }), claim(2, 1), claim(3, 1)];

  /** As a node that registers by itself: once without the mark, once with it. */
  function registered(map: ClusterMap, name: string, claims: readonly ReportedClaim[]): ClusterMap {
    const fields = { clusterId: "c-old", claims };
    return after(after(map, started(name, fields)), anew(name, claims, fields));
  }

  it("gives no shard to a storage node that gave it up, also not with older entries, before its owner is back", () => {
    const alone = registered(mapWith([]), "a", ofA);
    expect(owners(alone)).toEqual(["a", null, null, null]);
    const held = ofA.map((reported) => ({ ...reported, node: "a" }));
    expect(after(alone, { kind: "assignUnassigned", liveNodes: ["a"], held })).toBe(alone);
    expect(refusal(() => after(alone, assigned(1, "a"))).code).toBe("ASSIGNMENT_WOULD_HIDE_DATA");
    const both = after(registered(alone, "b", ofB), anew("a", ofA, { clusterId: "c-old" }));
    expect(owners(both)).toEqual(["a", "b", "b", "b"]);
    expect(both.isRecovered).toBe(false);
  });
});

describe("a map that was restored, of storage nodes that share a store", () => {
  const shared = sharingMap(["a", "b"], 4);
  const restored = after(shared, { kind: "markPutBack", newMark: "m-1" });

  /** The rows of the store as one of its nodes reports them: what another node owns looks given up. */
  function rows(name: string, owned: readonly (readonly [owner: string, epoch: number])[]): readonly ReportedClaim[] {
    return owned.map(([owner, epoch], shard) => claim(shard, epoch, { releasedEpoch: owner === name ? 0 : epoch }));
  }

  function register(map: ClusterMap, name: string, owned: Parameters<typeof rows>[1]): ClusterMap {
    return after(map, sharing(name, { mark: "m-1", claims: rows(name, owned) }));
  }

  it.each([
    ["a", "b"],
    ["b", "a"],
  ])(
    "gives each shard to the storage node that owns its row, above the row's epoch, when %s comes first",
    (...order) => {
      const owned = [["b", 7], ["b", 1], ["a", 1], ["a", 9]] as const; // prettier-ignore
      const map = order.reduce((before, name) => register(before, name, owned), restored);
      expect(map.putBack).toBeNull();
      expect(owners(map)).toEqual(["b", "b", "a", "a"]);
      expect(map.shards.map(({ epoch }) => epoch)).toEqual([8, 2, 2, 10]);
      expect(map.shards.map(({ lineage }) => lineage)).toEqual([0, 0, 0, 0]);
    },
  );

  it("finds by any storage node of the store that the map is an older copy", () => {
    const claims = rows("a", [["a", 1], ["c", 2], ["a", 1], ["b", 1]]); // prettier-ignore
    expect(after(shared, sharing("a", { claims }, "m-5")).putBack?.mark).toBe("m-5");
    const known = rows("a", [["a", 1], ["b", 1], ["a", 1], ["b", 1]]); // prettier-ignore
    expect(after(shared, sharing("a", { claims: known }, "m-5")).putBack).toBeNull();
  });

  it("leaves a shard unassigned whose owner by the store is in no map, until that storage node registers", () => {
    const owned = [["a", 1], ["c", 5], ["a", 1], ["c", 6]] as const; // prettier-ignore
    const map = register(register(restored, "a", owned), "b", owned);
    expect(owners(map)).toEqual(["a", null, "a", null]);
    const held = rows("a", owned).map((row) => ({ ...row, node: "a" }));
    const assignUnassigned = { kind: "assignUnassigned", liveNodes: ["a", "b"], held } as const;
    expect(after(map, assignUnassigned)).toBe(map);
    // Its own claim shows that no other store has had the shard since.
    const joined = after(map, sharing("c", { claims: rows("c", owned) }));
    const byOwner = rows("c", owned).map((row) => ({ ...row, node: "c" }));
    const all = after(joined, { ...assignUnassigned, liveNodes: ["a", "b", "c"], held: [...held, ...byOwner] });
    expect(owners(all)).toEqual(["a", "b", "a", "c"]);
    expect(all.shards[3]?.epoch).toBeGreaterThan(6);
  });
});
