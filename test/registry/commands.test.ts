import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shardCountMax } from "../../src/core/limits.js";
import type { ClusterMap, NodeRecord } from "../../src/registry/cluster-map.js";
import { clusterMapFromText, clusterMapToText } from "../../src/registry/text/cluster-map-text.js";
import { applyCommand, createClusterMap, shardsOfNode, type NodeIdentity } from "../../src/registry/commands.js";
import {
  after,
  afterIfAllowed,
  assigned,
  claim,
  commandArbitrary,
  expectSound,
  identity,
  mapWith,
  refusal,
  servingMap,
  takeLead,
} from "./map-samples.js";

describe("createClusterMap", () => {
  it("begins at version 1 with no storage node, no leader, and every shard unassigned at epoch 0", () => {
    const map = createClusterMap({ clusterId: "id", clusterName: "orders", shardCount: 3 });
    expect(map).toMatchObject({ version: 1, clusterId: "id", clusterName: "orders", shardCount: 3, hash: "fnv1a-32" });
    expect(map).toMatchObject({ leader: null, putBack: null });
    expect(map.nodes.size).toBe(0);
    const free = { epoch: 0, primary: null, lineage: 0, move: null };
    expect(map.shards).toEqual([0, 1, 2].map((shard) => ({ shard, ...free })));
  });

  it.each([0, -1, 1.5, Number.NaN, shardCountMax + 1])("refuses %s shards", (shardCount) => {
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

describe("takeLead", () => {
  it("names the leader, and changes nothing when it is named already", () => {
    const map = after(mapWith([]), takeLead("l-1"));
    const leader = { id: "l-1", name: "gw-1", url: "http://gw-1:4000", sinceVersion: 2 };
    expect(map).toEqual({ ...mapWith([]), version: 2, leader });
    expect(after(map, takeLead("l-1"))).toBe(map);
    expect(after(map, takeLead("l-2")).leader).toMatchObject({ id: "l-2", sinceVersion: 3 });
  });
});

describe("resignLead", () => {
  it("leaves the map without a leader, and changes nothing when another one leads or none", () => {
    const map = after(mapWith([]), takeLead("l-1"));
    expect(after(map, { kind: "resignLead", leaderId: "l-2" })).toBe(map);
    const resigned = after(map, { kind: "resignLead", leaderId: "l-1" });
    expect(resigned).toEqual({ ...map, version: 3, leader: null });
    expect(after(resigned, { kind: "resignLead", leaderId: "l-1" })).toBe(resigned);
  });
});

describe("applyCommand", () => {
  it("reports the changes of assignments for the log, with when and why", () => {
    const { map, changes } = applyCommand(mapWith(["a"]), assigned(2, "a"), 7000);
    expect(changes).toEqual([{ shard: 2, epoch: 1, node: "a", atMs: 7000, cause: "operator" }]);
    expect(shardsOfNode(map, "a")).toEqual([map.shards[2]]);
    expect(shardsOfNode(map, "b")).toEqual([]);
  });

  it("crashes on a map that lacks a shard's record, and on a kind that does not exist", () => {
    expect(() => after({ ...mapWith(["a"]), shards: [] }, assigned(2, "a"))).toThrow("no record of shard 2");
    expect(() => after(mapWith([]), { kind: "split" } as never)).toThrow("Unreachable");
  });

  it("keeps every map sound and its text readable, whatever the commands", () => {
    fc.assert(
      fc.property(fc.array(commandArbitrary, { maxLength: 60 }), (commands) => {
        let map = servingMap(["a", "b"], 6);
        for (const [at, command] of commands.entries()) {
          const next = afterIfAllowed(map, command, at);
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

  it("logs exactly the changes of owner or epoch, apart from epochs that registrations raise during a restore", () => {
    fc.assert(
      fc.property(fc.array(commandArbitrary, { maxLength: 20 }), commandArbitrary, (commands, last) => {
        const map = commands.reduce((current, command) => afterIfAllowed(current, command), servingMap(["a"], 6));
        if (map.putBack !== null || afterIfAllowed(map, last) === map) return;
        const { map: next, changes } = applyCommand(map, last, 5000);
        const changed = next.shards.filter(({ epoch, primary }, shard) => {
          return epoch !== map.shards[shard]?.epoch || primary !== map.shards[shard]?.primary;
        });
        expect(changes.map(({ shard, epoch, node }) => ({ shard, epoch, node })).toSorted(byShard)).toEqual(
          changed.map(({ shard, epoch, primary }) => ({ shard, epoch, node: primary })),
        );
      }),
    );
  });

  it("never changes the map it was given", () => {
    fc.assert(
      fc.property(fc.array(commandArbitrary, { maxLength: 10 }), commandArbitrary, (commands, last) => {
        const map = commands.reduce((current, command) => afterIfAllowed(current, command), servingMap(["a"], 6));
        const text = clusterMapToText(map);
        afterIfAllowed(map, last);
        expect(clusterMapToText(map)).toBe(text);
      }),
    );
  });

  it("is settled after a restore as soon as every storage node has registered with the mark", () => {
    fc.assert(
      fc.property(fc.array(commandArbitrary, { maxLength: 30 }), (commands) => {
        const marked = [...commands, { kind: "markPutBack", newMark: "m-9" } as const].reduce(
          (map, command) => afterIfAllowed(map, command),
          servingMap(["a", "b"], 6),
        );
        // Without storage nodes it is settled at once.
        fc.pre(marked.putBack !== null);
        let map = marked;
        for (const name of marked.nodes.keys()) {
          const record = marked.nodes.get(name);
          if (map.putBack === null || record === undefined) break;
          const known = { ...knownStore(marked, record), clusterId: marked.clusterId, mark: "m-9" };
          const { url } = record;
          map = after(map, { kind: "registerNode", name, url, identity: identity(name, known), newMark: "m-8" });
        }
        expect(map.putBack).toBeNull();
        for (const { shard, epoch } of marked.shards) {
          expect(map.shards[shard]?.epoch).toBeGreaterThanOrEqual(epoch === 0 ? 0 : epoch + 1);
        }
      }),
    );
  });
});

/** The store that the map knows; of a node that a person registered, one that has what the node was given. */
function knownStore({ shards }: ClusterMap, { name, storeId, lastStart }: NodeRecord): Partial<NodeIdentity> {
  if (lastStart !== null) return { start: lastStart, storeId, isEphemeral: storeId === null };
  const own = shards.filter(({ primary }) => primary === name);
  return { claims: own.map(({ shard, epoch }) => claim(shard, epoch)) };
}

function byShard(a: { shard: number }, b: { shard: number }): number {
  return a.shard - b.shard;
}

/** Versions grow; neither epochs nor lineages ever fall; an owner changes only with an epoch. */
function expectFollows(next: ClusterMap, previous: ClusterMap): void {
  expect(next.version).toBeGreaterThan(previous.version);
  for (const [index, record] of next.shards.entries()) {
    const before = previous.shards[index];
    if (before === undefined || record === before) continue;
    expect(record.epoch).toBeGreaterThanOrEqual(before.epoch);
    expect(record.lineage).toBeGreaterThanOrEqual(before.lineage);
    if (record.primary !== before.primary) expect(record.epoch).toBeGreaterThan(before.epoch);
  }
}
