/** Cluster maps and commands for tests, and what must be true of every map. */
import fc from "fast-check";
import { expect } from "vitest";
import { shardCountMax, storageNodesMax, urlCharactersMax } from "../../src/core/limits.js";
import { parseShard } from "../../src/core/shard.js";
import type { AssignmentCause, ClusterMap, NodeRecord } from "../../src/registry/cluster-map.js";
import {
  applyCommand,
  createClusterMap,
  EvidenceOutdated,
  type NodeIdentity,
  type RegistryCommand,
  type ReportedClaim,
} from "../../src/registry/commands.js";
import { ShardgateError } from "../../src/core/error.js";

/** A new cluster with these storage nodes registered by hand and nothing assigned. */
export function mapWith(nodes: readonly string[], shardCount: number = 4): ClusterMap {
  const empty = createClusterMap({ clusterId: "c-1", clusterName: "test", shardCount });
  return nodes.reduce((map, name) => after(map, byHand(name)), empty);
}

/** A cluster whose storage nodes have stores and were each given shards, in turn; shard i belongs to node i modulo their number. */
export function servingMap(nodes: readonly string[], shardCount: number = 4): ClusterMap {
  const empty = createClusterMap({ clusterId: "c-1", clusterName: "test", shardCount });
  const registered = nodes.reduce((map, name) => after(map, started(name, { clusterId: null })), empty);
  return registered.shards.reduce((map, { shard }) => {
    return after(map, assigned(shard, nodes[shard % nodes.length] ?? ""));
  }, registered);
}

/** The same with one store that all of them share. */
export function sharingMap(nodes: readonly string[], shardCount: number = 4, store = "s-1"): ClusterMap {
  const empty = createClusterMap({ clusterId: "c-1", clusterName: "test", shardCount });
  const registered = sharingIn(empty, nodes, store);
  return registered.shards.reduce((map, { shard }) => {
    return after(map, assigned(shard, nodes[shard % nodes.length] ?? ""));
  }, registered);
}

/** `map` with these storage nodes, which share the store. */
export function sharingIn(map: ClusterMap, nodes: readonly string[], store = "s-1"): ClusterMap {
  return nodes.reduce((all, name) => after(all, sharing(name, { storeId: store })), map);
}

/** Registered by the node itself, with a shared store. */
export function sharing(name: string, fields: Partial<NodeIdentity> = {}, newMark = "m-1"): RegistryCommand {
  return started(name, { storeId: "s-1", isStoreShared: true, ...fields }, newMark);
}

/** Registered by a person. */
export function byHand(name: string, url: string = `http://${name}:4001`): RegistryCommand {
  return { kind: "registerNode", name, url, identity: null, newMark: "m-1" };
}

/** Registered by the node itself, in its first start, with the store of its name, unless `fields` say otherwise. */
export function started(name: string, fields: Partial<NodeIdentity> = {}, newMark = "m-1"): RegistryCommand {
  return { kind: "registerNode", name, url: `http://${name}:4001`, identity: identity(name, fields), newMark };
}

export function identity(name: string, fields: Partial<NodeIdentity> = {}): NodeIdentity {
  const start = fields.start ?? `${name}-start-1`;
  return {
    start,
    storeId: `${name}-store`,
    starts: [start],
    isEphemeral: false,
    isStoreShared: false,
    clusterId: "c-1",
    mapVersion: 0,
    claims: [],
    mark: null,
    ...fields,
  };
}

export function assigned(shard: number, node: string, isForced = false): RegistryCommand {
  return { kind: "assign", shard, node, ifEpoch: null, isForced, epochMin: 0, cause: "operator" };
}

/** By a gateway that says where it is. */
export function takeLead(id: string): RegistryCommand & { readonly kind: "takeLead" } {
  return { kind: "takeLead", leader: { id, name: "gw-1", url: "http://gw-1:4000" } };
}

/** The map after the command, at a made-up moment. */
export function after(map: ClusterMap, command: RegistryCommand, nowMs: number = 1000): ClusterMap {
  return applyCommand(map, command, nowMs).map;
}

/** The map after the command; a refusal leaves it as it was. */
export function afterIfAllowed(map: ClusterMap, command: RegistryCommand, nowMs: number = 1000): ClusterMap {
  try {
    return after(map, command, nowMs);
  } catch (error) {
    if (error instanceof ShardgateError || error instanceof EvidenceOutdated) return map;
    throw error;
  }
}

/** What the call was refused with. */
export function refusal(run: () => unknown): ShardgateError {
  try {
    run();
  } catch (error) {
    if (error instanceof ShardgateError) return error;
    throw error;
  }
  throw new Error("Nothing was refused.");
}

/** The most shards and storage nodes, all owned, with names, URLs and epochs as long as they get in practice. */
export function largestMap(): ClusterMap {
  const empty = createClusterMap({ clusterId: uuid(0), clusterName: "test", shardCount: shardCountMax });
  const nodes = Array.from({ length: storageNodesMax }, (_, number): NodeRecord => {
    const name = `storage-node-of-rack-${String(number).padStart(4, "0")}`.slice(-24);
    const url = `https://${name}.example.org:4001`.slice(0, 40).padEnd(40, "0");
    const ids = { storeId: uuid(number), lastStart: uuid(number + 1) };
    return {
      name,
      url,
      registeredAtMs: 1_795_974_453_824,
      ...ids,
      isLossAccepted: false,
      isStoreShared: false,
      isDraining: false,
    };
  });
  const shards = empty.shards.map((record, shard) => {
    return { ...record, epoch: 10_000 + shard, primary: nodes[shard % nodes.length]?.name ?? "", lineage: shard % 10 };
  });
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const leader = {
    id: uuid(7),
    name: "g".repeat(64),
    url: "https://g".padEnd(urlCharactersMax, "x"),
    sinceVersion: 999,
  };
  return { ...empty, version: 1_000_000, leader, nodes: byName, shards };
}

/** What holds for every map, however it came about. */
export function expectSound(map: ClusterMap): void {
  expect(map.shards).toHaveLength(map.shardCount);
  for (const [index, { shard, epoch, primary, move }] of map.shards.entries()) {
    expect(shard).toBe(index);
    if (primary !== null) {
      expect(map.nodes.has(primary)).toBe(true);
      expect(epoch).toBeGreaterThan(0);
    }
    if (move === null) continue;
    expect(map.nodes.has(move.target)).toBe(true);
    expect(primary).not.toBe(null);
    expect(primary).not.toBe(move.target);
  }
  const byStore = new Map<string, boolean>();
  for (const [name, record] of map.nodes) {
    const { storeId, isStoreShared, isDraining } = record;
    expect(record.name).toBe(name);
    expect(isStoreShared ? storeId : "").not.toBe(null);
    expect(isDraining && !isStoreShared).toBe(false);
    if (storeId === null) continue;
    expect(byStore.get(storeId) ?? true).toBe(true);
    expect(byStore.has(storeId) && !isStoreShared).toBe(false);
    byStore.set(storeId, isStoreShared);
  }
  if (map.putBack === null) return;
  expect(map.putBack.waiting.length).toBeGreaterThan(0);
  for (const name of map.putBack.waiting) expect(map.nodes.has(name)).toBe(true);
  for (const { node } of map.putBack.claims.values()) expect(map.nodes.has(node)).toBe(true);
}

const names = ["a", "b", "c", "d"];
const nameArbitrary = fc.constantFrom(...names);
const causeArbitrary = fc.constantFrom<AssignmentCause>("operator", "automatic", "registration");
const epochArbitrary = fc.integer({ min: 0, max: 12 });
/** One more than there are shards, so that some commands name a shard that does not exist. */
const shardArbitrary = fc.integer({ min: 0, max: 6 }).map((number) => parseShard(number));
const ifEpochArbitrary = fc.option(fc.integer({ min: 0, max: 3 }), { freq: 1 });
const moveIdArbitrary = fc.constantFrom("move-1", "move-2");
const markArbitrary = fc.constantFrom("m-1", "m-2");
const startArbitrary = fc.constantFrom("s-1", "s-2", "s-3");
const keyCountArbitrary = fc.nat(1);
const owner = { shard: shardArbitrary, primary: fc.option(nameArbitrary, { freq: 8 }), epoch: epochArbitrary };

const claimArbitrary = fc.record({
  shard: fc.nat(5),
  epoch: epochArbitrary,
  releasedEpoch: epochArbitrary,
  keyCount: keyCountArbitrary,
  lineage: fc.nat(3),
});

const identityArbitrary = fc.record<NodeIdentity>({
  start: startArbitrary,
  storeId: fc.option(fc.constantFrom("store-1", "store-2", "store-3")),
  starts: fc.uniqueArray(startArbitrary),
  isEphemeral: fc.boolean(),
  isStoreShared: fc.boolean(),
  clusterId: fc.constantFrom(null, "c-1", "c-1", "c-2"),
  mapVersion: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(60)),
  claims: fc.uniqueArray(claimArbitrary, { selector: ({ shard }) => shard, maxLength: 3 }),
  mark: fc.option(markArbitrary),
});

/** Any command for a cluster of 6 shards, refused ones, outdated ones and empty ones included. */
export const commandArbitrary: fc.Arbitrary<RegistryCommand> = fc.oneof(
  fc.constantFrom("l-1", "l-2").map(takeLead),
  fc.record({ kind: fc.constant("resignLead" as const), leaderId: fc.constantFrom("l-1", "l-2") }),
  fc.record({
    kind: fc.constant("registerNode" as const),
    name: nameArbitrary,
    url: fc.constantFrom("http://one:1", "http://two:2"),
    identity: fc.option(identityArbitrary),
    newMark: markArbitrary,
  }),
  fc.record({ kind: fc.constant("markPutBack" as const), newMark: markArbitrary }),
  fc.record({
    kind: fc.constant("acceptLoss" as const),
    name: nameArbitrary,
    refusal: fc.option(fc.record({ lastStart: fc.option(startArbitrary) })),
  }),
  fc.record({
    kind: fc.constant("removeNode" as const),
    name: nameArbitrary,
    isForced: fc.boolean(),
    evidence: fc.array(fc.record({ ...owner, keyCount: fc.option(keyCountArbitrary) }), { maxLength: 4 }),
    isLive: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("assign" as const),
    shard: shardArbitrary,
    node: nameArbitrary,
    ifEpoch: ifEpochArbitrary,
    isForced: fc.boolean(),
    epochMin: fc.nat(20),
    cause: causeArbitrary,
  }),
  fc.record({
    kind: fc.constant("beginMove" as const),
    shard: shardArbitrary,
    node: nameArbitrary,
    ifEpoch: ifEpochArbitrary,
    moveId: moveIdArbitrary,
  }),
  fc.record({
    kind: fc.constant("completeMove" as const),
    moveId: moveIdArbitrary,
    source: fc.record({ ...owner, keyCount: keyCountArbitrary, sealedFor: fc.option(moveIdArbitrary) }),
    target: fc.record({ keyCount: keyCountArbitrary }),
  }),
  fc.record({ kind: fc.constant("cancelMove" as const), moveId: moveIdArbitrary }),
  fc.record({
    kind: fc.constant("assignUnassigned" as const),
    liveNodes: fc.subarray(names),
    held: fc.array(
      fc.record({
        shard: shardArbitrary,
        node: nameArbitrary,
        epoch: fc.option(epochArbitrary),
        releasedEpoch: epochArbitrary,
        keyCount: keyCountArbitrary,
      }),
      { maxLength: 6 },
    ),
  }),
  fc.record({
    kind: fc.constant("renewEpochs" as const),
    node: nameArbitrary,
    shards: fc.array(fc.record({ shard: fc.nat(6), epoch: epochArbitrary }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("takeOver" as const),
    from: nameArbitrary,
    shards: fc.array(fc.record(owner), { maxLength: 4 }),
    to: fc.subarray(names),
    cause: causeArbitrary,
  }),
  fc.record({
    kind: fc.constant("drainNode" as const),
    name: nameArbitrary,
    isUndone: fc.boolean(),
    liveNodes: fc.subarray(names),
  }),
);

function uuid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

/** As a storage node reports it: with keys, of the first lineage. */
export function claim(shard: number, epoch: number, fields: Partial<ReportedClaim> = {}): ReportedClaim {
  return { shard, epoch, releasedEpoch: 0, keyCount: 1, lineage: 0, ...fields };
}
