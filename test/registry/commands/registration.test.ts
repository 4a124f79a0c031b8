import { describe, expect, it } from "vitest";
import { epochMax, mapVersionToldMax, storageNodesMax } from "../../../src/core/limits.js";
import type { ClusterMap } from "../../../src/registry/cluster-map.js";
import { applyCommand } from "../../../src/registry/commands.js";
import { clusterMapFromText, clusterMapToText } from "../../../src/registry/text/cluster-map-text.js";
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
const restart = { start: "a-start-2", starts: ["a-start-2", "a-start-1"] };

function fences(map: ClusterMap): readonly (readonly [number, number])[] {
  return map.shards.map(({ epoch, lineage }) => [epoch, lineage]);
}

describe("registerNode by hand", () => {
  it("adds a storage node without a store", () => {
    const map = after(mapWith([]), byHand("a", "http://a:1"), 5000);
    expect(map.version).toBe(2);
    const noStore = { storeId: null, lastStart: null, isLossAccepted: false, isStoreShared: false, isDraining: false };
    expect(map.nodes.get("a")).toEqual({ name: "a", url: "http://a:1", registeredAtMs: 5000, ...noStore });
  });

  it("changes nothing when name and URL are known", () => {
    expect(after(serving, byHand("a"))).toBe(serving);
  });

  it("takes a new URL and keeps store, shards, epochs and the time of registration", () => {
    const map = after(serving, byHand("a", "http://a:9"), 9000);
    expect(map.version).toBe(serving.version + 1);
    expect(map.nodes.get("a")).toEqual({ ...serving.nodes.get("a"), url: "http://a:9" });
    expect(map.shards).toEqual(serving.shards);
  });

  it("refuses one storage node more than allowed, and none that is known", () => {
    const [record] = serving.nodes.values();
    if (record === undefined) throw new Error("The sample has no storage node.");
    const names = Array.from({ length: storageNodesMax }, (_, index) => `n${index}`);
    const full = { ...mapWith([]), nodes: new Map(names.map((name) => [name, { ...record, name }])) };
    expect(refusal(() => after(full, byHand("x")))).toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining(String(storageNodesMax)),
    });
    expect(after(full, byHand("n7", "http://x:1")).nodes.size).toBe(storageNodesMax);
  });
});

describe("registerNode of a start", () => {
  it("acknowledges the first start of a new storage node", () => {
    const map = after(mapWith([]), started("a", { clusterId: null }));
    expect(map.nodes.get("a")).toMatchObject({
      storeId: "a-store",
      lastStart: "a-start-1",
      isLossAccepted: false,
      isStoreShared: false,
      isDraining: false,
    });
  });

  it("gives a start that goes on from the last acknowledged one new epochs in the same lineage", () => {
    const { map, changes } = applyCommand(serving, started("a", restart), 5000);
    expect(fences(map)).toEqual([[2, 0], [1, 0], [2, 0], [1, 0]]); // prettier-ignore
    expect(map.version).toBe(serving.version + 1);
    expect(map.nodes.get("a")).toMatchObject({ storeId: "a-store", lastStart: "a-start-2" });
    expect(changes).toEqual([0, 2].map((shard) => ({ shard, epoch: 2, node: "a", atMs: 5000, cause: "registration" })));
  });

  it("changes nothing when the same start registers again, and only the URL when that is new", () => {
    expect(after(serving, started("a"))).toBe(serving);
    const map = after(serving, { ...started("a"), url: "http://a:9" } as ReturnType<typeof started>);
    expect(map.nodes.get("a")).toEqual({ ...serving.nodes.get("a"), url: "http://a:9" });
    expect(fences(map)).toEqual(fences(serving));
  });

  it.each([
    ["an empty folder", { storeId: "empty-store" }, "another or an empty data folder"],
    ["the folder of another node", { storeId: "z-store", starts: ["a-start-2", "z-start-1"] }, "another or an empty"],
    ["an older copy of its folder", { starts: ["a-start-2", "a-start-0"] }, "an older copy of its data folder"],
    ["no store at all", { storeId: null, starts: ["a-start-2", "a-start-1"] }, "its store is unnamed"],
    ["a store in memory", { isEphemeral: true }, "a store in memory instead of its data folder"],
  ])("refuses a known storage node that starts with %s", (_, fields, message) => {
    const refused = refusal(() =>
      after(serving, started("a", { start: "a-start-2", starts: ["a-start-2"], ...fields })),
    );
    expect(refused.code).toBe("STORE_NOT_RECOGNIZED");
    expect(refused.message).toContain("Storage node a started with");
    expect(refused.message).toContain(message);
    expect(refused.message).toContain("its 2 shards stay unavailable");
    expect(refused.details).toMatchObject({ node: "a", knownStoreId: "a-store", shards: [0, 2] });
  });

  it("refuses a store of another kind also while the node owns nothing: an older map may have forgotten what it owned", () => {
    const idle = after(mapWith([]), started("a", { clusterId: null }));
    const other = { storeId: "empty-store", start: "s-2", starts: ["s-2"] };
    expect(refusal(() => after(idle, started("a", other))).code).toBe("STORE_NOT_RECOGNIZED");
  });

  it("takes up the store of a node that is known without one, as after an upgrade, in the same lineage", () => {
    const upgraded = after(after(mapWith(["a"]), assigned(0, "a")), assigned(1, "a"));
    const map = after(upgraded, started("a", { claims: [claim(0, 1), claim(1, 1)] }));
    expect(fences(map)).toEqual([[2, 0], [2, 0], [0, 0], [0, 0]]); // prettier-ignore
    expect(map.nodes.get("a")?.storeId).toBe("a-store");
    expect(refusal(() => after(upgraded, started("a", { clusterId: null }))).code).toBe("STORE_NOT_RECOGNIZED");
    expect(after(mapWith(["a"]), started("a", { clusterId: null })).nodes.get("a")?.storeId).toBe("a-store");
  });

  it("begins a new lineage at each start of a store in memory, and none when the same start registers again", () => {
    const memory = { isEphemeral: true, storeId: "drawn-anew", clusterId: null };
    const first = after(after(mapWith([]), started("a", memory)), assigned(0, "a"));
    expect(after(first, started("a", memory))).toBe(first);
    const map = after(first, started("a", { ...memory, start: "a-start-2", starts: ["a-start-2"] }));
    expect(fences(map)[0]).toEqual([2, 1]);
    expect(map.nodes.get("a")?.storeId).toBeNull();
    const durable = after(map, started("a", { clusterId: null, start: "a-start-3", starts: ["a-start-3"] }));
    expect(fences(durable)[0]).toEqual([3, 2]);
  });

  it("does not take an empty folder for that of a node of 0.1.0, which names neither store nor starts", () => {
    const old = { storeId: null, starts: [] };
    const map = after(after(mapWith([]), started("a", { ...old, clusterId: null })), assigned(0, "a"));
    expect(map.nodes.get("a")).toMatchObject({ storeId: null, lastStart: null });
    expect(fences(after(map, started("a", { ...old, start: "a-2", claims: [claim(0, 1)] })))[0]).toEqual([2, 0]);
    const upgraded = { storeId: "new-store", start: "a-3", starts: ["a-3"] };
    expect(refusal(() => after(map, started("a", upgraded))).code).toBe("STORE_NOT_RECOGNIZED");
    const inMemory = { ...upgraded, isEphemeral: true, storeId: null, clusterId: null };
    expect(refusal(() => after(map, started("a", inMemory))).code).toBe("STORE_NOT_RECOGNIZED");
    const own = after(map, started("a", { ...upgraded, claims: [claim(0, 1)] }));
    expect([own.nodes.get("a")?.storeId, fences(own)[0]]).toEqual(["new-store", [2, 0]]);
  });

  it("refuses a store that another storage node keeps", () => {
    const copy = { storeId: "a-store", start: "c-1", starts: ["c-1", "a-start-1"] };
    expect(refusal(() => after(serving, started("c", copy)))).toMatchObject({
      code: "NODE_CONFLICT",
      message: expect.stringContaining("Storage node a already uses store a-store"),
    });
    expect(after(serving, started("c", { ...copy, isEphemeral: true })).nodes.has("c")).toBe(true);
  });

  it("lets several storage nodes use one store when each says that it is shared", () => {
    const map = sharingMap(["a", "b"]);
    for (const name of ["a", "b"]) {
      expect(map.nodes.get(name)).toMatchObject({ storeId: "s-1", isStoreShared: true, isDraining: false });
    }
    expect(after(map, sharing("a"))).toBe(map);
    const conflict = { code: "NODE_CONFLICT", message: expect.stringContaining("already uses store s-1") };
    expect(refusal(() => after(map, sharing("c", { isStoreShared: false })))).toMatchObject(conflict);
    const restart = { start: "a-start-2", starts: ["a-start-2", "a-start-1"] };
    expect(refusal(() => after(map, sharing("a", { ...restart, isStoreShared: false })))).toMatchObject(conflict);
    expect(refusal(() => after(serving, sharing("c", { storeId: "a-store" }))).code).toBe("NODE_CONFLICT");
  });

  it("takes no store in memory for a shared one", () => {
    const memory = after(mapWith([]), sharing("a", { isEphemeral: true, clusterId: null }));
    expect(memory.nodes.get("a")).toMatchObject({ storeId: null, isStoreShared: false });
  });

  it("marks a store as shared again after a gateway of a release without shared stores has changed the map", () => {
    const map = sharingMap(["a", "b"], 2);
    const forgotten = clusterMapFromText(clusterMapToText(map).replace(/"sharedStores":\[[^\]]*\],/, ""));
    expect(forgotten.nodes.get("a")?.isStoreShared).toBe(false);
    const again = after(after(forgotten, sharing("a")), sharing("b"));
    expect(again).toEqual({ ...map, version: map.version + 2 });
  });

  it("gives no other storage node of a shared store new epochs when one starts, whatever it reports of their shards", () => {
    const map = sharingMap(["a", "b"]);
    const claims = [claim(0, 1), claim(1, 1, { releasedEpoch: 1 }), claim(2, 1), claim(3, 1, { releasedEpoch: 1 })];
    const restart = { start: "a-start-2", starts: ["a-start-2", "a-start-1"], claims, mapVersion: map.version };
    expect(fences(after(map, sharing("a", restart)))).toEqual([[2, 0], [1, 0], [2, 0], [1, 0]]); // prettier-ignore
    expect(fences(after(map, sharing("c", { claims })))).toEqual(fences(map));
  });

  it("says of a database, not of a folder, that it is an older copy", () => {
    const older = { start: "a-start-3", starts: ["a-start-3"] };
    expect(refusal(() => after(sharingMap(["a", "b"]), sharing("a", older)))).toMatchObject({
      code: "STORE_NOT_RECOGNIZED",
      message: expect.stringContaining("an older copy of its database, which lacks start a-start-1 of store s-1"),
    });
  });

  it("refuses a start that it has acknowledged once the store lacks it, and takes an accepted loss at the next start", () => {
    const map = sharingMap(["a", "b"]);
    const restored = sharing("a", { starts: ["a-start-0"] });
    expect(refusal(() => after(map, restored))).toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    const accepted = after(map, { kind: "acceptLoss", name: "a", refusal: { lastStart: "a-start-1" } });
    expect(refusal(() => after(accepted, restored))).toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    const restarted = sharing("a", { start: "a-start-2", starts: ["a-start-2", "a-start-0"] });
    expect(fences(after(accepted, restarted))).toEqual([[2, 1], [2, 1], [2, 1], [2, 1]]); // prettier-ignore
  });

  it("begins a new lineage of all shards of a shared store, and of no others, once its loss is accepted for one storage node", () => {
    const map = after(sharingMap(["a", "b"]), started("c", { clusterId: null }));
    const mixed = after(map, { kind: "assign", shard: 3, node: "c", ifEpoch: null, isForced: true, cause: "operator" });
    const older = { start: "a-start-3", starts: ["a-start-3"] };
    expect(refusal(() => after(mixed, sharing("a", older))).code).toBe("STORE_NOT_RECOGNIZED");
    const accepted = after(mixed, { kind: "acceptLoss", name: "a", refusal: { lastStart: "a-start-1" } });
    const registered = after(accepted, sharing("a", older));
    const lineages = (of: ClusterMap) => of.shards.map(({ lineage }) => lineage);
    expect(registered.shards.map(({ primary }) => primary)).toEqual(["a", "b", "a", "c"]);
    expect(lineages(registered)).toEqual(
      lineages(mixed).map((lineage, shard) => (shard === 3 ? lineage : lineage + 1)),
    );
    const other = after(accepted, sharing("a", { ...older, storeId: "s-2" }));
    expect(lineages(other)).toEqual(lineages(mixed).map((lineage, shard) => (shard % 2 === 0 ? lineage + 1 : lineage)));
  });

  it("refuses what no store can know", () => {
    expect(refusal(() => after(serving, started("a", { mapVersion: mapVersionToldMax + 1 }))).code).toBe("BAD_REQUEST");
    expect(refusal(() => after(serving, started("a", { claims: [claim(0, epochMax)] })))).toMatchObject({
      code: "BAD_REQUEST",
      details: { node: "a", shard: 0 },
    });
    expect(
      refusal(() => after(serving, started("a", { claims: [claim(0, 1, { releasedEpoch: epochMax })] }))).code,
    ).toBe("BAD_REQUEST");
    expect(refusal(() => after(serving, started("a", { claims: [claim(4, 1)] }))).code).toBe("SHARD_NOT_FOUND");
  });
});

describe("registerNode of a store of another cluster", () => {
  const foreign = { clusterId: "c-before", mapVersion: 40, claims: [claim(0, 3)] };

  it("is refused once a shard was assigned", () => {
    expect(refusal(() => after(serving, started("c", foreign)))).toMatchObject({
      code: "CLUSTER_MISMATCH",
      message: "Storage node c has data of cluster c-before; this is cluster c-1.",
      details: { node: "c" },
    });
  });

  it("makes a registry that assigned nothing yet the one of that cluster, marked as restored", () => {
    const map = after(mapWith(["b"]), started("a", foreign, "m-4"));
    expect(map).toMatchObject({
      clusterId: "c-before",
      version: 41,
      isRecovered: true,
      putBack: { mark: "m-4", waiting: ["b", "a"] },
    });
    expect(map.nodes.get("a")).toMatchObject({ storeId: null, lastStart: null });
  });

  it("is that of a new node when the store claimed no shard, which binds it to no cluster", () => {
    const map = after(serving, started("c", { ...foreign, claims: [] }));
    expect(map).toMatchObject({ clusterId: "c-1", putBack: null });
    expect(map.nodes.get("c")?.lastStart).toBe("c-start-1");
  });

  it("takes epochs above what a store claimed for itself before it belonged to a cluster", () => {
    const alone = started("c", {
      clusterId: null,
      claims: [claim(0, 1), claim(1, 7), claim(2, 4, { releasedEpoch: 4 })],
    });
    const map = after(serving, alone);
    expect(map.shards.map(({ epoch }) => epoch)).toEqual([2, 8, 5, 1]);
    expect(map.shards.map(({ primary }) => primary)).toEqual(serving.shards.map(({ primary }) => primary));
    const told = { clusterId: "c-1", start: "c-start-2", starts: ["c-start-2", "c-start-1"] };
    const claims = [claim(1, 7, { releasedEpoch: 7 }), claim(2, 4, { releasedEpoch: 4 })];
    expect(after(map, started("c", { ...told, claims, mapVersion: map.version })).putBack).toBeNull();
  });

  it("is refused when the registry has just become the one of a third cluster", () => {
    const map = after(mapWith([]), started("a", foreign));
    expect(refusal(() => after(map, started("b", { ...foreign, clusterId: "c-third" }))).code).toBe("CLUSTER_MISMATCH");
  });
});
