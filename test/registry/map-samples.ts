/** Cluster maps for tests, and what must be true of every one. */
import fc from "fast-check";
import { expect } from "vitest";
import { assignmentHistoryMax } from "../../src/core/limits.js";
import { parseShard } from "../../src/core/shard.js";
import type { AssignmentCause, ClusterMap } from "../../src/registry/cluster-map.js";
import { applyCommand, createClusterMap, type RegistryCommand } from "../../src/registry/commands.js";

/** A new cluster with these storage nodes registered and nothing assigned. */
export function mapWith(nodes: readonly string[], shardCount: number = 4): ClusterMap {
  const empty = createClusterMap({ clusterId: "c-1", clusterName: "test", shardCount });
  return nodes.reduce(
    (map, name) => applyCommand(map, { kind: "registerNode", name, url: `http://${name}:4001` }, 1000),
    empty,
  );
}

/** As large as a map of so many shards gets. */
export function fullHistoryMap(shardCount: number): ClusterMap {
  const map = mapWith(["node1", "node2"], shardCount);
  const shards = map.shards.map(({ shard }) => {
    const history = Array.from({ length: assignmentHistoryMax }, (_, age) => {
      const epoch = 1000 - age;
      return { epoch, node: `node${1 + (epoch % 2)}`, atMs: 1_700_000_000_000 - age, cause: "automatic" as const };
    });
    return { shard, epoch: 1000, primary: "node1", history };
  });
  return { ...map, shards };
}

/** What holds for every map, however it came about. */
export function expectSound(map: ClusterMap): void {
  expect(map.shards).toHaveLength(map.shardCount);
  for (const [index, { shard, epoch, primary, history }] of map.shards.entries()) {
    expect(shard).toBe(index);
    if (primary !== null) expect(map.nodes.has(primary)).toBe(true);
    expect(history.length).toBeLessThanOrEqual(assignmentHistoryMax);
    expect({ epoch: history[0]?.epoch ?? 0, node: history[0]?.node ?? null }).toEqual({ epoch, node: primary });
    const epochs = history.map((change) => change.epoch);
    expect(epochs).toEqual([...new Set(epochs)].toSorted((a, b) => b - a));
  }
  for (const [name, record] of map.nodes) expect(record.name).toBe(name);
}

const names = ["a", "b", "c", "d"];
const nameArbitrary = fc.constantFrom(...names);
const causeArbitrary = fc.constantFrom<AssignmentCause>("operator", "automatic", "registration");
const epochArbitrary = fc.option(fc.integer({ min: 0, max: 60 }));
/** One more than there are shards, so that some commands name a shard that does not exist. */
const shardArbitrary = fc.integer({ min: 0, max: 6 }).map((number) => parseShard(number));
const reassignment = {
  shard: shardArbitrary,
  ifEpoch: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 1 }),
  isForced: fc.boolean(),
  ownerHoldsData: fc.boolean(),
  cause: causeArbitrary,
};

/** Any command for a cluster of 6 shards, refused ones and empty ones included. */
export const commandArbitrary: fc.Arbitrary<RegistryCommand> = fc.oneof(
  fc.record({
    kind: fc.constant("registerNode" as const),
    name: nameArbitrary,
    url: fc.constantFrom("http://one:1", "http://two:2"),
  }),
  fc.record({ kind: fc.constant("renew" as const), node: nameArbitrary }),
  fc.record({
    kind: fc.constant("removeNode" as const),
    name: nameArbitrary,
    isForced: fc.boolean(),
    holdsData: fc.boolean(),
    isLive: fc.boolean(),
  }),
  fc.record(
    { kind: fc.constant("assign" as const), ...reassignment, node: nameArbitrary, epochMin: fc.nat(60) },
    { requiredKeys: ["kind", "shard", "ifEpoch", "isForced", "ownerHoldsData", "cause", "node"] },
  ),
  fc.record({ kind: fc.constant("unassign" as const), ...reassignment }),
  fc.record({
    kind: fc.constant("assignUnassigned" as const),
    liveNodes: fc.subarray(names),
    held: fc.array(
      fc.record({ shard: shardArbitrary, node: nameArbitrary, epoch: epochArbitrary, keyCount: fc.nat(3) }),
      { maxLength: 6 },
    ),
  }),
);
