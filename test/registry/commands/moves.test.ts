import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterMap } from "../../../src/registry/cluster-map.js";
import { applyCommand, EvidenceOutdated, type RegistryCommand } from "../../../src/registry/commands.js";
import { after, refusal, servingMap, started } from "../map-samples.js";
import { parseShard } from "../../../src/core/shard.js";

type CompleteMove = Extract<RegistryCommand, { kind: "completeMove" }>;

const begin = { kind: "beginMove", shard: 0, node: "b", ifEpoch: 1, moveId: "m-7" } as const;
const serving = servingMap(["a", "b", "c"], 3);
const moving = after(serving, begin);

function complete(source: Partial<CompleteMove["source"]> = {}, targetKeyCount = 0): CompleteMove {
  const evidence = { shard: parseShard(0), primary: "a", epoch: 1, keyCount: 0, sealedFor: "m-7", ...source };
  return { kind: "completeMove", moveId: "m-7", source: evidence, target: { keyCount: targetKeyCount } };
}

describe("beginMove", () => {
  it("names the move in the map; owner, epoch and lineage stay", () => {
    const move = { id: "m-7", target: "b", phase: "sealed" };
    expect(moving.shards[0]).toEqual({ shard: 0, epoch: 1, primary: "a", lineage: 0, move });
    expect(moving.version).toBe(serving.version + 1);
    expect(applyCommand(serving, begin, 1).changes).toEqual([]);
  });

  it("changes nothing when the target owns the shard already", () => {
    expect(after(serving, { ...begin, node: "a" })).toBe(serving);
  });

  it("refuses an unknown target, another epoch, and a second move", () => {
    expect(refusal(() => after(serving, { ...begin, node: "ghost" })).code).toBe("NODE_NOT_FOUND");
    expect(refusal(() => after(serving, { ...begin, ifEpoch: 9 })).code).toBe("EPOCH_CONFLICT");
    expect(refusal(() => after(moving, { ...begin, node: "c", moveId: "m-8" }))).toMatchObject({
      code: "EPOCH_CONFLICT",
      message: "Shard 0 is already being moved to storage node b.",
    });
  });

  it("leaves a shard without an owner to an assignment", () => {
    const removed = after(serving, { kind: "removeNode", name: "a", isForced: true, evidence: [], isLive: false });
    expect(() => after(removed, { ...begin, ifEpoch: null })).toThrow(EvidenceOutdated);
  });

  it("refuses while the registry is being restored, which ended all moves", () => {
    const marked = after(moving, { kind: "markPutBack", newMark: "m-1" });
    expect(marked.shards[0]?.move).toBeNull();
    expect(refusal(() => after(marked, begin)).code).toBe("REGISTRY_PUT_BACK");
  });
});

describe("completeMove", () => {
  it("gives the shard to the target under the next epoch, in the same lineage", () => {
    const { map, changes } = applyCommand(moving, complete(), 5000);
    expect(map.shards[0]).toEqual({ shard: 0, epoch: 2, primary: "b", lineage: 0, move: null });
    expect(changes).toEqual([{ shard: 0, epoch: 2, node: "b", atMs: 5000, cause: "operator" }]);
  });

  it("refuses when the move was cancelled, or is another one by now", () => {
    const cancelled = after(moving, { kind: "cancelMove", moveId: "m-7" });
    expect(refusal(() => after(cancelled, complete())).code).toBe("EPOCH_CONFLICT");
    const other = after(cancelled, { ...begin, moveId: "m-8" });
    expect(refusal(() => after(other, complete())).code).toBe("EPOCH_CONFLICT");
  });

  it("refuses to hide entries of the source, and to bring old ones of the target back", () => {
    expect(refusal(() => after(moving, complete({ keyCount: 5 })))).toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      message: "Shard 0 has 5 entries on storage node a, which would be hidden from clients.",
      details: { shard: 0, node: "a" },
    });
    expect(refusal(() => after(moving, complete({}, 3)))).toMatchObject({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      message: "Storage node b has 3 older entries of shard 0, which would become visible to clients again.",
      details: { shard: 0, node: "b" },
    });
  });

  it("changes nothing by evidence of another owner, epoch or seal", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(null, "a", "b", "c"),
        fc.nat(3),
        fc.constantFrom(null, "m-7", "m-8"),
        (primary, epoch, sealedFor) => {
          fc.pre(!(primary === "a" && epoch === 1 && sealedFor === "m-7"));
          expect(() => after(moving, complete({ primary, epoch, sealedFor }))).toThrow(EvidenceOutdated);
        },
      ),
    );
  });
});

describe("a move", () => {
  it("ends when it is cancelled, and only that one", () => {
    const two = after(moving, { kind: "beginMove", shard: 1, node: "c", ifEpoch: null, moveId: "m-8" });
    const map = after(two, { kind: "cancelMove", moveId: "m-7" });
    expect(movesOf(map)).toEqual([null, "m-8", null]);
    expect(after(map, { kind: "cancelMove", moveId: "m-7" })).toBe(map);
  });

  it.each(["a", "b"])("ends when %s, its source or target, starts again or is removed", (name) => {
    const restarted = started(name, { start: "later", starts: ["later", `${name}-start-1`] });
    expect(movesOf(after(moving, restarted))).toEqual([null, null, null]);
    const removal = { kind: "removeNode", name, isForced: true, evidence: [], isLive: false } as const;
    expect(movesOf(after(moving, removal))).toEqual([null, null, null]);
  });

  it("goes on when another storage node starts again, and when its source registers the same start again", () => {
    expect(movesOf(after(moving, started("c", { start: "later", starts: ["later", "c-start-1"] })))[0]).toBe("m-7");
    expect(movesOf(after(moving, started("a")))[0]).toBe("m-7");
  });
});

function movesOf(map: ClusterMap): readonly (string | null)[] {
  return map.shards.map(({ move }) => move?.id ?? null);
}
