import { describe, expect, it } from "vitest";
import { fence, nodeStateFromText, nodeStateToText, withAssignments } from "../../src/storage-node/node-state.js";
import { assignments, get, shardOf } from "./operations.js";

const first = withAssignments(null, assignments(7, { 1: 3, 2: 5 }));
const second = withAssignments(first, assignments(9, { 1: 3, 3: 8 }));

describe("fence", () => {
  it("lets everything without an epoch run on a node that stands alone", () => {
    expect(fence(null, get("a"))).toBeNull();
  });

  it("answers an epoch with null when the node was never told one", () => {
    expect(fence(null, get("a", 5))).toMatchObject({ code: "STALE_EPOCH", epoch: null });
    expect(fence(first, get("a", 5, 0))).toMatchObject({ code: "STALE_EPOCH", epoch: null });
  });

  it("runs an operation under exactly the node's epoch", () => {
    expect(fence(first, get("a", 5))).toBeNull();
    expect(fence(first, get("a", 4))).toEqual({
      kind: "refused",
      code: "STALE_EPOCH",
      message: "Epoch 4 of shard 2 is not current: this storage node hosts it under epoch 5.",
      epoch: 5,
    });
    expect(fence(first, get("a", 6))).toMatchObject({ code: "STALE_EPOCH", epoch: 5 });
  });

  it("runs an operation without an epoch only on a hosted shard", () => {
    expect(fence(first, get("a"))).toBeNull();
    expect(fence(first, get("a", null, 0))).toMatchObject({ code: "SHARD_NOT_HOSTED" });
  });

  it("remembers the last epoch of a shard that moved away, and refuses it", () => {
    expect(fence(second, get("a", 5))).toEqual({
      kind: "refused",
      code: "STALE_EPOCH",
      message: "Epoch 5 of shard 2 is not current: this storage node hosted it until epoch 5.",
      epoch: 5,
    });
    expect(fence(second, get("a"))).toMatchObject({ code: "SHARD_NOT_HOSTED" });
  });
});

describe("withAssignments", () => {
  it("follows another cluster while it never hosted a shard", () => {
    const bound = withAssignments(null, assignments(7, {}));
    const moved = withAssignments(bound, { ...assignments(2, { 1: 1 }), clusterId: "c2" });
    expect(moved).toMatchObject({ clusterId: "c2", mapVersion: 2 });
  });

  it("ignores older assignments and those of the version it has", () => {
    expect(withAssignments(second, assignments(8, { 2: 9 }))).toBe(second);
    expect(withAssignments(second, assignments(9, { 2: 9 }))).toBe(second);
  });

  it("changes nothing when the answer lists no shards", () => {
    const { shards: _shards, ...same } = assignments(12, {});
    expect(withAssignments(null, same)).toBeNull();
    expect(withAssignments(second, same)).toBe(second);
  });

  it("takes a shard back under its new epoch", () => {
    const third = withAssignments(second, assignments(10, { 2: 9 }));
    expect(third?.shards.get(shardOf(2))).toEqual({ epoch: 9, isHosted: true });
    expect(third?.shards.get(shardOf(1))).toEqual({ epoch: 3, isHosted: false });
  });

  it("refuses another cluster and another number of shards", () => {
    expect(() => withAssignments(first, { ...assignments(9, {}), clusterId: "c2" })).toThrow(
      expect.objectContaining({ code: "CLUSTER_MISMATCH" }),
    );
    expect(() => withAssignments(first, { ...assignments(9, {}), shardCount: 8 })).toThrow(
      expect.objectContaining({ code: "SHARD_COUNT_MISMATCH" }),
    );
  });

  it("refuses a shard that the cluster does not have", () => {
    expect(() => withAssignments(null, assignments(1, { 4: 1 }))).toThrow(
      expect.objectContaining({ code: "SHARD_NOT_FOUND" }),
    );
  });
});

describe("the stored text of a node's state", () => {
  it("gives the same state back", () => {
    if (second === null) throw new Error("A state was expected.");
    expect(nodeStateFromText(nodeStateToText(second))).toEqual(second);
  });

  it.each(["", "{}", "[]", "null", '{"clusterId":"c1"}', '{"clusterId":"c1","shardCount":4,"shards":[{"shardId":9}]}'])(
    "is refused when it is %j",
    (text) => {
      expect(() => nodeStateFromText(text)).toThrow(expect.objectContaining({ code: "STORAGE_FAILED" }));
    },
  );
});
