import { describe, expect, it } from "vitest";
import { emptyHeader, type ShardHeader } from "../../src/storage/shard-header.js";
import { headerSeenBy, withClaimOf } from "../../src/storage/shared-shard.js";
import { claim, shard } from "../conformance/storage-operations.js";

const header: ShardHeader = { ...emptyHeader, epoch: 3, releasedEpoch: 1, sequence: 2 * 2 ** 32 + 7, horizon: 5 };
const ofA = { header, owner: "a" };
const release = { kind: "release", shard: shard(0), epoch: 3 } as const;

describe("a shard of a shared store", () => {
  it("is seen as it is by its owner, and as released by others", () => {
    expect(headerSeenBy("a", ofA)).toBe(header);
    expect(headerSeenBy("b", ofA)).toEqual({ ...header, releasedEpoch: 3 });
    const released = { ...header, releasedEpoch: 3 };
    expect(headerSeenBy("b", { header: released, owner: "a" })).toBe(released);
    expect(headerSeenBy("b", { header: emptyHeader, owner: null })).toBe(emptyHeader);
  });

  it("is taken by a claim with a higher epoch only, and keeps its feed whole when no other epoch was in between", () => {
    expect(withClaimOf("b", ofA, claim(2))).toBe(ofA);
    expect(withClaimOf("b", ofA, claim(3, { lineage: 4, sealedFor: "move-1" }))).toBe(ofA);
    const taken = withClaimOf("b", ofA, claim(4));
    expect(taken).toMatchObject({ owner: "b", header: { epoch: 4, releasedEpoch: 1, horizon: 5 } });
    const given = withClaimOf("a", ofA, release);
    expect(withClaimOf("b", given, claim(4))).toMatchObject({ owner: "b", header: { releasedEpoch: 3, horizon: 5 } });
    expect(withClaimOf("b", given, claim(5)).header.horizon).toBe(4 * 2 ** 32);
  });

  it("is released, sealed and claimed again by its owner only", () => {
    expect(withClaimOf("b", ofA, release)).toBe(ofA);
    expect(withClaimOf("a", ofA, release)).toEqual({ owner: "a", header: { ...header, releasedEpoch: 3 } });
    expect(withClaimOf("a", ofA, claim(3))).toBe(ofA);
    expect(withClaimOf("a", ofA, claim(3, { sealedFor: "move-1" })).header.sealedFor).toBe("move-1");
  });

  it.each(["a", "b"])("is not claimed at an epoch below 1 by storage node %s", (node) => {
    expect(() => withClaimOf(node, ofA, claim(0))).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
  });
});
