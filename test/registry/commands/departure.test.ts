import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyCommand, EvidenceOutdated, shardsOfNode, type RegistryCommand } from "../../../src/registry/commands.js";
import { after, expectSound, mapWith, refusal, servingMap, started } from "../map-samples.js";

type RemoveNode = Extract<RegistryCommand, { kind: "removeNode" }>;

const serving = servingMap(["a", "b"], 4);
const empty = shardsOfNode(serving, "a").map(({ shard, primary, epoch }) => ({ shard, primary, epoch, keyCount: 0 }));

function remove(fields: Partial<RemoveNode> = {}): RemoveNode {
  return { kind: "removeNode", name: "a", isForced: false, evidence: empty, isLive: false, ...fields };
}

describe("removeNode", () => {
  it("unassigns the shards of a storage node without entries, in one change of the map and the same lineage", () => {
    const { map, changes } = applyCommand(serving, remove(), 7000);
    expect(map.version).toBe(serving.version + 1);
    expect([...map.nodes.keys()]).toEqual(["b"]);
    expect(map.shards.map(({ primary }) => primary)).toEqual([null, "b", null, "b"]);
    expect(map.shards[0]).toMatchObject({ epoch: 2, lineage: 0 });
    expect(changes.map(({ shard, node, cause }) => [shard, node, cause])).toEqual([
      [0, null, "operator"],
      [2, null, "operator"],
    ]);
    expectSound(map);
  });

  it("is a change also when the node owns nothing", () => {
    const map = after(mapWith(["a"]), remove({ evidence: [] }));
    expect(map.nodes.size).toBe(0);
    expect(map.version).toBe(mapWith(["a"]).version + 1);
  });

  it("begins a new lineage of its shards when forced, and asks for no evidence", () => {
    const map = after(serving, remove({ isForced: true, evidence: [], isLive: true }));
    expect(map.shards.map(({ lineage }) => lineage)).toEqual([1, 0, 1, 0]);
  });

  it("refuses an unknown storage node, also when forced", () => {
    expect(refusal(() => after(serving, remove({ name: "ghost", isForced: true })))).toMatchObject({
      code: "NODE_NOT_FOUND",
      message: 'Storage node "ghost" is not registered.',
    });
  });

  it.each([
    [5, "Storage node a has 5 entries of shard 2; it is not removed."],
    [null, "Storage node a could not be asked for its entries of shard 2; it is not removed."],
  ])("refuses when a shard has %s entries", (keyCount, message) => {
    const evidence = empty.map((item) => (item.shard === 2 ? { ...item, keyCount } : item));
    expect(refusal(() => after(serving, remove({ evidence })))).toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      message,
    });
  });

  it("refuses a live storage node", () => {
    expect(refusal(() => after(serving, remove({ isLive: true })))).toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      message: "Storage node a is live; it is not removed.",
    });
  });

  it("changes nothing by evidence of other shards, owners or epochs", () => {
    const owners = fc.constantFrom(null, "a", "b");
    fc.assert(
      fc.property(fc.subarray([0, 1]), owners, fc.nat(2), (kept, primary, epoch) => {
        const evidence = empty.filter((_, index) => kept.includes(index)).map((item) => ({ ...item, primary, epoch }));
        fc.pre(!(kept.length === 2 && primary === "a" && epoch === 1));
        expect(() => after(serving, remove({ evidence }))).toThrow(EvidenceOutdated);
      }),
    );
  });
});

describe("acceptLoss", () => {
  const accept = { kind: "acceptLoss", name: "a", refusal: { lastStart: "a-start-1" } } as const;
  const other = { storeId: "another-store", start: "s-9", starts: ["s-9"] };

  it("has the next start acknowledged whatever its store is, under new epochs and a new lineage, once", () => {
    expect(refusal(() => after(serving, started("a", other))).code).toBe("STORE_NOT_RECOGNIZED");
    const accepted = after(serving, accept);
    expect(accepted.shards).toEqual(serving.shards);
    const map = after(accepted, started("a", other));
    expect(map.nodes.get("a")).toMatchObject({ storeId: "another-store", lastStart: "s-9", isLossAccepted: false });
    expect(map.shards.map(({ epoch, lineage }) => [epoch, lineage])).toEqual([[2, 1], [1, 0], [2, 1], [1, 0]]); // prettier-ignore
    const third = { storeId: "third-store", start: "s-10", starts: ["s-10"] };
    expect(refusal(() => after(map, started("a", third))).code).toBe("STORE_NOT_RECOGNIZED");
  });

  it("is withdrawn when the store that the registry knows registers", () => {
    const accepted = after(serving, accept);
    const goesOn = after(accepted, started("a"));
    expect(goesOn.nodes.get("a")).toMatchObject({ storeId: "a-store", isLossAccepted: false });
    expect(goesOn.shards).toEqual(serving.shards);
    const back = after(accepted, started("a", { start: "a-start-2", starts: ["a-start-2", "a-start-1"] }));
    expect(back.shards.map(({ lineage }) => lineage)).toEqual([0, 0, 0, 0]);
    expect(refusal(() => after(back, started("a", other))).code).toBe("STORE_NOT_RECOGNIZED");
  });

  it("changes nothing when it is said twice", () => {
    const accepted = after(serving, accept);
    expect(after(accepted, accept)).toBe(accepted);
  });

  it("refuses an unknown storage node, and one that has lost nothing", () => {
    expect(refusal(() => after(serving, { ...accept, name: "ghost" })).code).toBe("NODE_NOT_FOUND");
    expect(refusal(() => after(mapWith(["a"]), { ...accept, refusal: null })).message).toBe(
      "Storage node a has no store, so there is no loss to accept. Remove it by force instead.",
    );
    expect(refusal(() => after(serving, { ...accept, refusal: null }))).toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining("Storage node a was not refused since this gateway started"),
    });
  });

  it("refuses to give up a storage node whose own store was acknowledged after the refusal", () => {
    const returned = after(serving, started("a", { start: "a-start-2", starts: ["a-start-2", "a-start-1"] }));
    expect(refusal(() => after(returned, accept)).code).toBe("BAD_REQUEST");
  });
});
