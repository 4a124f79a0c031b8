import { describe, expect, it } from "vitest";
import { epochMax } from "../../../src/core/limits.js";
import { EvidenceOutdated, type RegistryCommand } from "../../../src/registry/commands.js";
import { after, mapWith, refusal, servingMap, sharingIn, sharingMap } from "../map-samples.js";

type Assign = Extract<RegistryCommand, { kind: "assign" }>;

function assign(fields: Partial<Assign> = {}): Assign {
  const defaults = { shard: 2, node: "a", ifEpoch: null, isForced: false, epochMin: 0 } as const;
  return { kind: "assign", ...defaults, cause: "operator", ...fields };
}

describe("assign", () => {
  it("gives a shard without an owner to the storage node under the next epoch, in the same lineage", () => {
    const before = mapWith(["a", "b"]);
    const map = after(before, assign({ ifEpoch: 0 }));
    expect(map.version).toBe(before.version + 1);
    expect(map.shards[2]).toEqual({ shard: 2, epoch: 1, primary: "a", lineage: 0, move: null });
  });

  it("gives an epoch that is at least the one wanted", () => {
    expect(after(mapWith(["a"]), assign({ epochMin: 9 })).shards[2]?.epoch).toBe(9);
  });

  it("changes nothing when the storage node has the shard", () => {
    const map = after(mapWith(["a"]), assign());
    expect(after(map, assign({ isForced: true }))).toBe(map);
  });

  it("takes a shard from its owner by force only, in a new lineage, and ends its move", () => {
    const owned = after(mapWith(["a", "b", "c"]), assign());
    const moving = after(owned, { kind: "beginMove", shard: 2, node: "c", ifEpoch: null, moveId: "m" });
    expect(() => after(moving, assign({ node: "b" }))).toThrow(EvidenceOutdated);
    const map = after(moving, assign({ node: "b", isForced: true }));
    expect(map.shards[2]).toEqual({ shard: 2, epoch: 2, primary: "b", lineage: 1, move: null });
  });

  it.each([false, true])(
    "gives a shard to another node of its owner's shared store at once, in the same lineage; forced: %s",
    (isForced) => {
      const map = after(sharingMap(["a", "b"]), assign({ shard: 1, node: "a", isForced }));
      expect(map.shards[1]).toEqual({ shard: 1, epoch: 2, primary: "a", lineage: 0, move: null });
      const foreign = sharingIn(sharingMap(["a", "b"]), ["c"], "s-2");
      expect(() => after(foreign, assign({ shard: 1, node: "c" }))).toThrow(EvidenceOutdated);
      expect(after(foreign, assign({ shard: 1, node: "c", isForced: true })).shards[1]).toMatchObject({ lineage: 1 });
    },
  );

  it("refuses an unknown storage node, an unknown shard, and another epoch than the present one", () => {
    const map = mapWith(["a"]);
    expect(refusal(() => after(map, assign({ node: "ghost" })))).toMatchObject({
      code: "NODE_NOT_FOUND",
      message: 'Storage node "ghost" is not registered.',
    });
    expect(refusal(() => after(map, assign({ shard: 4 }))).code).toBe("SHARD_NOT_FOUND");
    expect(refusal(() => after(map, assign({ shard: -1 }))).code).toBe("SHARD_NOT_FOUND");
    expect(refusal(() => after(map, assign({ ifEpoch: 1 })))).toMatchObject({
      code: "EPOCH_CONFLICT",
      message: "Shard 2 is at epoch 0, not 1.",
    });
  });

  it("refuses an epoch that has no successor", () => {
    expect(refusal(() => after(mapWith(["a"]), assign({ epochMin: epochMax + 1 })))).toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining("Shard 2"),
    });
  });

  it("refuses while the registry is being restored, naming the storage nodes that are missing", () => {
    const map = after(mapWith(["a", "b"]), { kind: "markPutBack", newMark: "m-1" });
    expect(refusal(() => after(map, assign()))).toMatchObject({
      code: "REGISTRY_PUT_BACK",
      message: expect.stringContaining("a, b"),
      details: { mark: "m-1" },
    });
  });
});

describe("renewEpochs", () => {
  it("gives new epochs to the shards that the storage node still owns at the epoch it says, in the same lineage", () => {
    const before = servingMap(["a", "b"], 6);
    const shards = [
      { shard: 0, epoch: 1 },
      { shard: 1, epoch: 1 },
      { shard: 2, epoch: 7 },
      { shard: 99, epoch: 1 },
    ];
    const map = after(before, { kind: "renewEpochs", node: "a", shards });
    expect(map.shards.map(({ epoch }) => epoch)).toEqual([2, 1, 1, 1, 1, 1]);
    expect(map.shards[0]).toMatchObject({ primary: "a", lineage: 0 });
    expect(after(map, { kind: "renewEpochs", node: "a", shards })).toBe(map);
  });

  it("changes nothing while the registry is being restored", () => {
    const map = after(servingMap(["a"]), { kind: "markPutBack", newMark: "m-1" });
    expect(after(map, { kind: "renewEpochs", node: "a", shards: [{ shard: 0, epoch: 1 }] })).toBe(map);
  });
});
