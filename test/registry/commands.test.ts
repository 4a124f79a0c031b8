import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import { assignmentHistoryMax, epochMax, storageNodesMax } from "../../src/core/limits.js";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { clusterMapFromText, clusterMapToText } from "../../src/registry/cluster-map-text.js";
import {
  applyCommand,
  createClusterMap,
  shardsOfNode,
  type Assign,
  type RemoveNode,
  type Unassign,
} from "../../src/registry/commands.js";
import { commandArbitrary, expectSound, mapWith } from "./map-samples.js";

const nowMs = 5000;

function assign(fields: Partial<Assign> = {}): Assign {
  const defaults = { shard: 2, node: "a", ifEpoch: null, isForced: false, ownerHoldsData: false } as const;
  return { kind: "assign", ...defaults, cause: "operator", ...fields };
}

function unassign(fields: Partial<Unassign> = {}): Unassign {
  const defaults = { shard: 2, ifEpoch: null, isForced: false, ownerHoldsData: false } as const;
  return { kind: "unassign", ...defaults, cause: "operator", ...fields };
}

function remove(fields: Partial<RemoveNode> = {}): RemoveNode {
  return { kind: "removeNode", name: "a", isForced: false, holdsData: false, isLive: false, ...fields };
}

function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof ShardgateError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("Nothing was refused.");
}

describe("createClusterMap", () => {
  it("begins at version 1 with no storage node and every shard unassigned at epoch 0", () => {
    const map = createClusterMap({ clusterId: "id", clusterName: "orders", shardCount: 3 });
    expect(map).toMatchObject({ version: 1, clusterId: "id", clusterName: "orders", shardCount: 3, hash: "fnv1a-32" });
    expect(map.nodes.size).toBe(0);
    expect(map.shards).toEqual([0, 1, 2].map((shard) => ({ shard, epoch: 0, primary: null, history: [] })));
  });

  it.each([0, -1, 1.5, Number.NaN, 4097])("refuses %s shards", (shardCount) => {
    const create = () => createClusterMap({ clusterId: "id", clusterName: "orders", shardCount });
    expect(refusal(create).code).toBe("BAD_REQUEST");
  });

  it("refuses a name that would need escaping", () => {
    const facts = { clusterId: "id", clusterName: "my cluster", shardCount: 1 };
    expect(refusal(() => createClusterMap(facts))).toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining('"my cluster"'),
    });
  });
});

describe("registerNode", () => {
  it("adds a storage node", () => {
    const map = applyCommand(mapWith([]), { kind: "registerNode", name: "a", url: "http://a:1" }, nowMs);
    expect(map.version).toBe(2);
    expect(map.nodes.get("a")).toEqual({ name: "a", url: "http://a:1", registeredAtMs: nowMs });
  });

  it("changes nothing when name and URL are known", () => {
    const map = mapWith(["a"]);
    expect(applyCommand(map, { kind: "registerNode", name: "a", url: "http://a:4001" }, nowMs)).toBe(map);
  });

  it("takes a new URL and keeps the shards and the time of registration", () => {
    const before = applyCommand(mapWith(["a"]), assign(), nowMs);
    const map = applyCommand(before, { kind: "registerNode", name: "a", url: "http://a:9" }, nowMs);
    expect(map.version).toBe(before.version + 1);
    expect(map.nodes.get("a")).toEqual({ name: "a", url: "http://a:9", registeredAtMs: 1000 });
    expect(map.shards).toBe(before.shards);
  });

  it("refuses one storage node more than allowed", () => {
    const empty = mapWith([]);
    const nodes = Array.from({ length: storageNodesMax }, (_, index) => {
      return [`n${index}`, { name: `n${index}`, url: "http://n:1", registeredAtMs: 0 }] as const;
    });
    const full = { ...empty, nodes: new Map(nodes) };
    expect(
      refusal(() => applyCommand(full, { kind: "registerNode", name: "x", url: "http://x:1" }, nowMs)),
    ).toMatchObject({ code: "BAD_REQUEST", message: expect.stringContaining("1024") });
    expect(applyCommand(full, { kind: "registerNode", name: "n7", url: "http://x:1" }, nowMs).nodes.size).toBe(1024);
  });
});

describe("recall", () => {
  const recall = (clusterId: string, mapVersion: number) => ({
    kind: "recall" as const,
    node: "a",
    clusterId,
    mapVersion,
  });

  it("changes nothing when the node knows no more than the map", () => {
    const map = mapWith(["a"]);
    expect(applyCommand(map, recall(map.clusterId, map.version), nowMs)).toBe(map);
  });

  it("passes the version that the node knows", () => {
    const map = mapWith(["a"]);
    expect(applyCommand(map, recall(map.clusterId, 40), nowMs)).toEqual({ ...map, version: 41 });
  });

  it("becomes the node's cluster while no shard was ever assigned", () => {
    const map = mapWith(["a"]);
    expect(applyCommand(map, recall("before", 0), nowMs)).toEqual({
      ...map,
      clusterId: "before",
      version: map.version + 1,
    });
    expect(applyCommand(map, recall("before", 40), nowMs)).toMatchObject({ clusterId: "before", version: 41 });
  });

  it("refuses a version that leaves no room for further changes", () => {
    const map = mapWith(["a"]);
    expect(refusal(() => applyCommand(map, recall(map.clusterId, Number.MAX_SAFE_INTEGER), nowMs)).code).toBe(
      "BAD_REQUEST",
    );
  });

  it("refuses a node of another cluster afterwards", () => {
    const map = applyCommand(mapWith(["a"]), assign(), nowMs);
    expect(refusal(() => applyCommand(map, recall("before", 40), nowMs))).toMatchObject({
      code: "CLUSTER_MISMATCH",
      message: expect.stringContaining("before"),
    });
  });
});

describe("renew", () => {
  const renew = { kind: "renew", node: "a" } as const;

  it("gives all shards of the storage node, and no others, their next epoch", () => {
    const owned = [assign({ shard: 1 }), assign({ shard: 2 }), assign({ shard: 3, node: "b" })];
    const map = owned.reduce((current, command) => applyCommand(current, command, nowMs), mapWith(["a", "b"]));
    const next = applyCommand(map, renew, nowMs + 1);
    expect(next.version).toBe(map.version + 1);
    expect(next.shards.map(({ epoch, primary }) => [primary, epoch])).toEqual(
      map.shards.map(({ epoch, primary }) => [primary, primary === "a" ? epoch + 1 : epoch]),
    );
    expect(next.shards[2]?.history[0]).toEqual({ epoch: 2, node: "a", atMs: nowMs + 1, cause: "registration" });
  });

  it("changes nothing for a storage node without shards", () => {
    const map = mapWith(["a"]);
    expect(applyCommand(map, renew, nowMs)).toBe(map);
  });
});

describe("removeNode", () => {
  it("unassigns its shards, once per shard, and counts as one change of the map", () => {
    let before = mapWith(["a", "b"]);
    for (const shard of [0, 2]) before = applyCommand(before, assign({ shard }), nowMs);
    before = applyCommand(before, assign({ shard: 1, node: "b" }), nowMs);
    const map = applyCommand(before, remove(), 7000);
    expect(map.version).toBe(before.version + 1);
    expect([...map.nodes.keys()]).toEqual(["b"]);
    expect(map.shards.map(({ primary }) => primary)).toEqual([null, "b", null, null]);
    expect(map.shards[2]).toMatchObject({
      epoch: 2,
      history: [{ epoch: 2, node: null, atMs: 7000, cause: "operator" }, {}],
    });
    expectSound(map);
  });

  it("is a change also when the node owns nothing", () => {
    const before = mapWith(["a"]);
    const map = applyCommand(before, remove(), nowMs);
    expect(map.version).toBe(before.version + 1);
    expect(map.shards).toBe(before.shards);
  });

  it("refuses an unknown storage node, also when forced", () => {
    const command = remove({ name: "ghost", isForced: true });
    expect(refusal(() => applyCommand(mapWith(["a"]), command, nowMs))).toEqual({
      code: "NODE_NOT_FOUND",
      message: 'Storage node "ghost" is not registered.',
    });
  });

  it("refuses one that is live or whose shards have data, unless forced", () => {
    const map = mapWith(["a"]);
    const data = refusal(() => applyCommand(map, remove({ holdsData: true }), nowMs));
    expect(data).toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA", message: expect.stringContaining("has data") });
    const live = refusal(() => applyCommand(map, remove({ isLive: true }), nowMs));
    expect(live).toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA", message: expect.stringContaining("is live") });
    const forced = remove({ isLive: true, holdsData: true, isForced: true });
    expect(applyCommand(map, forced, nowMs).nodes.size).toBe(0);
  });
});

describe("assign", () => {
  it("gives the shard to the storage node under the next epoch and records when and why", () => {
    const first = applyCommand(mapWith(["a", "b"]), assign({ cause: "automatic" }), 6000);
    const map = applyCommand(first, assign({ node: "b", ifEpoch: 1 }), 7000);
    expect(map.version).toBe(first.version + 1);
    expect(map.shards[2]).toEqual({
      shard: 2,
      epoch: 2,
      primary: "b",
      history: [
        { epoch: 2, node: "b", atMs: 7000, cause: "operator" },
        { epoch: 1, node: "a", atMs: 6000, cause: "automatic" },
      ],
    });
    expect(shardsOfNode(map, "b")).toEqual([map.shards[2]]);
    expect(shardsOfNode(map, "a")).toEqual([]);
  });

  it("changes nothing when the storage node has the shard, even with data", () => {
    const map = applyCommand(mapWith(["a"]), assign(), nowMs);
    expect(applyCommand(map, assign({ ownerHoldsData: true }), nowMs)).toBe(map);
    expect(applyCommand(map, assign({ epochMin: 1 }), nowMs)).toBe(map);
  });

  it("raises the epoch of the same owner when its own is higher", () => {
    const before = applyCommand(mapWith(["a"]), assign(), nowMs);
    const map = applyCommand(before, assign({ epochMin: 9, ownerHoldsData: true, cause: "registration" }), nowMs);
    expect(map.shards[2]).toMatchObject({ epoch: 9, primary: "a" });
  });

  it("refuses an unknown storage node, shard, and another epoch than the present one", () => {
    const map = mapWith(["a"]);
    expect(refusal(() => applyCommand(map, assign({ node: "ghost" }), nowMs)).code).toBe("NODE_NOT_FOUND");
    expect(refusal(() => applyCommand(map, assign({ shard: 4 }), nowMs)).code).toBe("SHARD_NOT_FOUND");
    expect(refusal(() => applyCommand(map, assign({ shard: -1 }), nowMs)).code).toBe("SHARD_NOT_FOUND");
    expect(refusal(() => applyCommand(map, assign({ ifEpoch: 1 }), nowMs))).toEqual({
      code: "EPOCH_CONFLICT",
      message: "Shard 2 is at epoch 0, not 1.",
    });
  });

  it("refuses to hide the owner's data unless forced", () => {
    const map = applyCommand(mapWith(["a", "b"]), assign(), nowMs);
    expect(refusal(() => applyCommand(map, assign({ node: "b", ownerHoldsData: true }), nowMs))).toEqual({
      code: "ASSIGNMENT_WOULD_HIDE_DATA",
      message: "Shard 2 has data on storage node a, which clients would no longer see.",
    });
    const forced = assign({ node: "b", ownerHoldsData: true, isForced: true });
    expect(applyCommand(map, forced, nowMs).shards[2]?.primary).toBe("b");
  });

  it("refuses an epoch that has no successor", () => {
    const command = assign({ epochMin: epochMax + 1 });
    expect(refusal(() => applyCommand(mapWith(["a"]), command, nowMs))).toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining("Shard 2"),
    });
  });

  it("keeps only the newest changes", () => {
    let map = mapWith(["a", "b"]);
    const rounds = assignmentHistoryMax + 5;
    for (let round = 1; round <= rounds; round++) {
      map = applyCommand(map, assign({ node: round % 2 === 0 ? "a" : "b" }), round);
    }
    expect(map.shards[2]?.history).toHaveLength(assignmentHistoryMax);
    expect(map.shards[2]?.history[0]?.epoch).toBe(rounds);
    expectSound(map);
  });
});

describe("unassign", () => {
  it("leaves the shard to nobody under the next epoch", () => {
    const before = applyCommand(mapWith(["a"]), assign(), nowMs);
    const map = applyCommand(before, unassign({ ifEpoch: 1 }), nowMs);
    expect(map.shards[2]).toMatchObject({ epoch: 2, primary: null });
    expect(applyCommand(map, unassign(), nowMs)).toBe(map);
  });

  it("refuses to hide data unless forced, an unknown shard and another epoch", () => {
    const map = applyCommand(mapWith(["a"]), assign(), nowMs);
    const holding = unassign({ ownerHoldsData: true });
    expect(refusal(() => applyCommand(map, holding, nowMs)).code).toBe("ASSIGNMENT_WOULD_HIDE_DATA");
    expect(applyCommand(map, { ...holding, isForced: true }, nowMs).shards[2]?.primary).toBeNull();
    expect(refusal(() => applyCommand(map, unassign({ shard: 99 }), nowMs)).code).toBe("SHARD_NOT_FOUND");
    expect(refusal(() => applyCommand(map, unassign({ ifEpoch: 7 }), nowMs)).code).toBe("EPOCH_CONFLICT");
  });
});

describe("applyCommand", () => {
  it("crashes on a map that lacks a shard's record, and on a kind that does not exist", () => {
    expect(() => applyCommand({ ...mapWith(["a"]), shards: [] }, assign(), nowMs)).toThrow("no record of shard 2");
    expect(() => applyCommand(mapWith([]), { kind: "split" } as never, nowMs)).toThrow("Unreachable");
  });

  it("keeps every map sound, whatever the commands", () => {
    fc.assert(
      fc.property(fc.array(commandArbitrary, { maxLength: 60 }), (commands) => {
        let map = mapWith(["a", "b"], 6);
        for (const [at, command] of commands.entries()) {
          const next = applied(map, command, at);
          if (next === map) continue;
          expectSound(next);
          expectFollows(next, map);
          map = next;
        }
        expect(clusterMapFromText(clusterMapToText(map))).toEqual(map);
      }),
      { numRuns: 300 },
    );
  });

  it("never changes the map it was given", () => {
    fc.assert(
      fc.property(fc.array(commandArbitrary, { maxLength: 10 }), commandArbitrary, (commands, last) => {
        const map = commands.reduce((current, command, at) => applied(current, command, at), mapWith(["a"], 6));
        const text = clusterMapToText(map);
        applied(map, last, nowMs);
        expect(clusterMapToText(map)).toBe(text);
      }),
    );
  });
});

/** The map after the command; a refusal leaves it as it was. */
function applied(map: ClusterMap, command: Parameters<typeof applyCommand>[1], atMs: number): ClusterMap {
  try {
    return applyCommand(map, command, atMs);
  } catch (error) {
    if (error instanceof ShardgateError) return map;
    throw error;
  }
}

/** One version more; an epoch grew exactly where the shard's record changed, and the old history is still there. */
function expectFollows(next: ClusterMap, previous: ClusterMap): void {
  expect(next.version).toBe(previous.version + 1);
  for (const [index, record] of next.shards.entries()) {
    const before = previous.shards[index];
    if (before === undefined || record === before) continue;
    expect(record.epoch).toBeGreaterThan(before.epoch);
    expect(record.history.slice(1)).toEqual(before.history.slice(0, assignmentHistoryMax - 1));
  }
}
