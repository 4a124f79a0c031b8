import fc from "fast-check";
import { isOwned } from "../../../src/storage/claim.js";
import { describe, expect, it } from "vitest";
import { storeStartsMax } from "../../../src/core/limits.js";
import type { ShardClaim, StoreChange, StoreState } from "../../../src/storage/engine.js";
import {
  documentOf,
  restartPauseMs,
  withAcknowledgement,
  withAssignments,
  withBeginning,
  withOwnClaims,
  withStart,
  type NodeDocument,
  startsAtOnceMax,
  startPaceMs,
  startPauseMs,
} from "../../../src/storage-node/identity/node-state.js";
import { assignments, shardOf } from "../operations.js";

const fresh: StoreState = { document: null, claims: new Map(), shared: null, damagedShards: [] };
const start = (id: string, atMs = 0) => ({ id, atMs });
const ids = ({ starts }: NodeDocument) => starts.map(({ id }) => id);

function stateOf(
  document: Partial<NodeDocument>,
  claims: readonly (Partial<Omit<ShardClaim, "shard">> & { readonly shard: number })[] = [],
) {
  const text = JSON.stringify({ ...documentOf(fresh), storeId: "store1", ...document });
  const full = claims.map((claim) => {
    const shard = shardOf(claim.shard);
    return [shard, { epoch: 1, releasedEpoch: 0, lineage: 0, sealedFor: null, ...claim, shard }] as const;
  });
  return { document: text, claims: new Map(full), shared: null, damagedShards: [] };
}

/** The state of a node of cluster c1 at version 7 that owns shards 1 and 2, and once owned shard 3. */
const member = stateOf({ clusterId: "c1", shardCount: 4, mapVersion: 7, starts: [start("s1")] }, [
  { shard: 1, epoch: 3 },
  { shard: 2, epoch: 5, lineage: 1 },
  { shard: 3, epoch: 4, releasedEpoch: 4 },
]);

function documentIn(change: StoreChange | null): NodeDocument | null {
  return change?.document === undefined ? null : documentOf({ document: change.document, shared: null });
}

describe("a start of a store", () => {
  it("draws the id of a new store, and keeps that of an old one", () => {
    const first = withStart(documentOf(fresh), start("s1", 5), "store1");
    expect(first).toMatchObject({ storeId: "store1", starts: [{ id: "s1", atMs: 5 }], acknowledgedStart: null });
    expect(withStart(first, start("s2"), "store2")).toMatchObject({
      storeId: "store1",
      starts: [{ id: "s2" }, { id: "s1" }],
    });
  });

  it("gives an identity to the folder of a cluster that version 0.1.0 wrote", () => {
    const old = { document: '{"clusterId":"c1","shardCount":4,"mapVersion":3}', shared: null };
    expect(withStart(documentOf(old), start("s1"), "store1")).toEqual({
      storeId: "store1",
      clusterId: "c1",
      shardCount: 4,
      mapVersion: 3,
      starts: [start("s1")],
      acknowledgedStart: null,
    });
  });

  it("is recorded once, even when a worker restarts within it", () => {
    const first = withStart(documentOf(fresh), start("s1", 5), "store1");
    expect(withStart(first, start("s1", 9), "store2")).toBe(first);
  });

  it("keeps the newest starts and always the last acknowledged one", () => {
    const count = storeStartsMax + 50;
    let document = withAcknowledgement(withStart(documentOf(fresh), start("s0"), "store1"), "s0");
    for (let number = 1; number < count; number++) document = withStart(document, start(`s${number}`), "store1");
    expect(document.starts).toHaveLength(storeStartsMax);
    expect([ids(document)[0], ids(document).at(-2), ids(document).at(-1)]).toEqual([
      `s${count - 1}`,
      `s${count - storeStartsMax + 1}`,
      "s0",
    ]);
    const later = withStart(withAcknowledgement(document, `s${count - 1}`), start("newest"), "store1");
    expect(later.starts).toHaveLength(storeStartsMax);
    expect(ids(later)).not.toContain("s0");
  });

  it("never loses the acknowledged start, whatever happens in whatever order", () => {
    const steps = fc.array(fc.boolean(), { maxLength: 30 });
    const property = fc.property(fc.integer({ min: 0, max: 1 }), steps, (padding, isAcknowledged) => {
      let document = withStart(documentOf(fresh), start("first"), "store1");
      const padded = Array.from({ length: padding * storeStartsMax }, (_, index) => start(`p${index}`));
      for (const one of padded) document = withStart(document, one, "store1");
      for (const [index, acknowledges] of isAcknowledged.entries()) {
        document = withStart(document, start(`s${index}`), "store1");
        if (acknowledges) document = withAcknowledgement(document, `s${index}`);
      }
      const { acknowledgedStart } = document;
      expect(document.starts.length).toBeLessThanOrEqual(storeStartsMax);
      expect(new Set(ids(document)).size).toBe(document.starts.length);
      if (acknowledgedStart !== null) expect(ids(document)).toContain(acknowledgedStart);
    });
    fc.assert(property, { numRuns: 20 });
  });

  it("is not acknowledged when the store does not have it", () => {
    const document = withStart(documentOf(fresh), start("s1"), "store1");
    expect(withAcknowledgement(document, "s2")).toBe(document);
    const acknowledged = withAcknowledgement(document, "s1");
    expect(acknowledged.acknowledgedStart).toBe("s1");
    expect(withAcknowledgement(acknowledged, "s1")).toBe(acknowledged);
  });
});

describe("restartPauseMs", () => {
  const starts = (count: number, atMs: number) => Array.from({ length: count }, (_, index) => start(`${index}`, atMs));

  it("returns zero for few starts, and for old ones", () => {
    expect(restartPauseMs(starts(startsAtOnceMax, 1_000), 2_000)).toBe(0);
    expect(restartPauseMs(starts(1_000, 0), startPaceMs)).toBe(0);
  });

  it("delays a storage node that restarts in a loop, even when its clock jumped back", () => {
    expect(restartPauseMs(starts(startsAtOnceMax + 1, 1_000), 2_000)).toBe(startPauseMs);
    expect(restartPauseMs(starts(startsAtOnceMax + 1, 2_000), 1_000)).toBe(startPauseMs);
  });
});

describe("withBeginning", () => {
  const beginning = { start: start("s1"), newStoreId: "store1", isAlone: false };

  it("changes nothing in a process that does not record the start", () => {
    expect(withBeginning(fresh, { ...beginning, start: null })).toBeNull();
  });

  it("claims nothing when a gateway assigns shards", () => {
    const change = withBeginning(stateOf({}, [{ shard: 1, epoch: 0 }]), beginning);
    expect([documentIn(change)?.starts, change?.claims]).toEqual([[start("s1")], []]);
  });

  it("claims the shards that a storage node without a gateway has data of", () => {
    const state = stateOf({}, [{ shard: 1, epoch: 0 }, { shard: 2 }]);
    const claim = { kind: "claim", shard: 1, epoch: 1, lineage: 0, sealedFor: null };
    expect(withBeginning(state, { ...beginning, isAlone: true })?.claims).toEqual([claim]);
    const inCluster = stateOf({ clusterId: "c1" }, [{ shard: 1, epoch: 0 }]);
    expect(withBeginning(inCluster, { ...beginning, isAlone: true })?.claims).toEqual([]);
  });
});

describe("withOwnClaims", () => {
  it("claims only shards that were never claimed, and none in a cluster", () => {
    expect(withOwnClaims(stateOf({}, [{ shard: 1 }]), [shardOf(1)])).toBeNull();
    expect(withOwnClaims(fresh, [shardOf(1)])?.claims).toMatchObject([{ kind: "claim", shard: 1, epoch: 1 }]);
    expect(withOwnClaims(member, [shardOf(0)])).toBeNull();
  });
});

describe("isOwned", () => {
  it("is true while the claim is above the release", () => {
    expect(isOwned({ epoch: 2, releasedEpoch: 1 })).toBe(true);
    expect(isOwned({ epoch: 2, releasedEpoch: 2 })).toBe(false);
    expect(isOwned(undefined)).toBe(false);
  });
});

describe("withAssignments", () => {
  it("claims assigned shards, and releases those no longer assigned", () => {
    const change = withAssignments(member, assignments(9, { 0: 2, 2: 6 }));
    expect(documentIn(change)).toMatchObject({ clusterId: "c1", mapVersion: 9, starts: [start("s1")] });
    expect(change?.claims).toEqual([
      { kind: "claim", shard: 0, epoch: 2, lineage: 0, sealedFor: null },
      { kind: "claim", shard: 2, epoch: 6, lineage: 0, sealedFor: null },
      { kind: "release", shard: 1, epoch: expect.any(Number) },
    ]);
  });

  it("repeats no claim, but applies a new lineage or seal, and reclaims a released shard", () => {
    const shards = [
      { shardId: 1, epoch: 3, sealedFor: "move1" },
      { shardId: 2, epoch: 5, lineage: 1 },
      { shardId: 3, epoch: 4 },
    ];
    expect(withAssignments(member, { ...assignments(9, {}), shards })?.claims).toEqual([
      { kind: "claim", shard: 1, epoch: 3, lineage: 0, sealedFor: "move1" },
      { kind: "claim", shard: 3, epoch: 4, lineage: 0, sealedFor: null },
    ]);
  });

  it("changes nothing for older assignments, and acknowledges nothing by them", () => {
    expect(withAssignments(member, assignments(6, { 2: 9 }), "s1")).toBeNull();
  });

  it("changes nothing for assignments of the known version, except that an answer to the registration acknowledges the start", () => {
    const { shards: _shards, ...same } = assignments(7, {});
    expect(withAssignments(member, assignments(7, { 2: 9 }))).toBeNull();
    expect(withAssignments(member, same)).toBeNull();
    const change = withAssignments(member, same, "s1");
    expect([documentIn(change)?.acknowledgedStart, change?.claims]).toEqual(["s1", []]);
  });

  it("rejects a newer version without its shards", () => {
    const { shards: _shards, ...newer } = assignments(8, {});
    expect(withAssignments(member, newer, "s1")).toBeNull();
  });

  it("acknowledges the start in the same change as the claims", () => {
    const state = stateOf({ starts: [start("s1")] });
    const change = withAssignments(state, assignments(1, { 2: 1 }), "s1");
    expect(documentIn(change)).toMatchObject({ clusterId: "c1", mapVersion: 1, acknowledgedStart: "s1" });
    expect(change?.claims).toHaveLength(1);
  });

  it("switches to another cluster while it has never claimed a shard", () => {
    const bound = stateOf({ clusterId: "c1", shardCount: 8, mapVersion: 7 });
    const change = withAssignments(bound, { ...assignments(2, { 1: 1 }), clusterId: "c2" });
    expect(documentIn(change)).toMatchObject({ clusterId: "c2", shardCount: 4, mapVersion: 2 });
  });

  it("lets a storage node that had no gateway join a cluster", () => {
    const change = withAssignments(stateOf({}, [{ shard: 2 }, { shard: 9 }]), assignments(1, { 2: 1 }));
    expect(documentIn(change)).toMatchObject({ clusterId: "c1" });
    expect(change?.claims).toEqual([{ kind: "release", shard: 9, epoch: 1 }]);
  });

  it("refuses another cluster and another shard count", () => {
    expect(() => withAssignments(member, { ...assignments(9, {}), clusterId: "c2" })).toThrow(
      expect.objectContaining({ code: "CLUSTER_MISMATCH" }),
    );
    expect(() => withAssignments(member, { ...assignments(9, {}), shardCount: 8 })).toThrow(
      expect.objectContaining({ code: "SHARD_COUNT_MISMATCH" }),
    );
  });

  it("refuses a shard that the cluster does not have", () => {
    expect(() => withAssignments(fresh, assignments(1, { 4: 1 }))).toThrow(
      expect.objectContaining({ code: "SHARD_NOT_FOUND" }),
    );
  });
});

describe("the text of a store's document", () => {
  it.each([
    "",
    "{}",
    "[]",
    "null",
    '"text"',
    '{"storeId":7}',
    '{"storeId":"s","starts":1}',
    '{"storeId":"s","starts":[{"id":1,"atMs":2}]}',
    '{"storeId":"s","mapVersion":"7"}',
  ])("is refused as damaged when it is %j", (document) => {
    expect(() => documentOf({ document, shared: null })).toThrow(expect.objectContaining({ code: "STORAGE_FAILED" }));
  });
});
