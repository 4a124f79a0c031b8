/**
 * Every change of the cluster map, as a pure function from a map and a command to the next map. What only the outside
 * knows (who lives, who has data) comes inside the command; storing the result is registry.ts.
 */
import { ShardgateError, unreachable } from "../core/error.js";
import { mapVersionToldMax, shardCountMax, storageNodesMax } from "../core/limits.js";
import { hashName, parseShard, type ShardNumber } from "../core/shard.js";
import type { AssignmentCause, ClusterMap, ShardRecord } from "./cluster-map.js";
import { parseClusterName } from "./node-name.js";
import { changeShards, type ShardChange } from "./shard-change.js";
import { planUnassigned, type HeldShard } from "./unassigned-shards.js";

/** Adds a storage node, or gives a known one another URL. Name and URL are already parsed. */
export interface RegisterNode {
  readonly kind: "registerNode";
  readonly name: string;
  readonly url: string;
}

/**
 * Takes up what a storage node was told before the registry was lost or put back from an older copy: a map that assigned
 * nothing yet becomes that of the node's cluster, and its version passes the one the node knows, which the node would
 * otherwise hold to.
 */
export interface Recall {
  readonly kind: "recall";
  readonly node: string;
  readonly clusterId: string;
  /** The version of the map the node was last told; 0 for none. */
  readonly mapVersion: number;
}

/** Gives the shards of a storage node that lost its data new epochs, so that no version of before is given again. */
export interface Renew {
  readonly kind: "renew";
  readonly node: string;
}

/** Forgets a storage node; its shards are unassigned. */
export interface RemoveNode {
  readonly kind: "removeNode";
  readonly name: string;
  readonly isForced: boolean;
  /** Whether one of the node's own shards has keys. */
  readonly holdsData: boolean;
  readonly isLive: boolean;
}

/** Gives a shard to a storage node. */
export interface Assign {
  readonly kind: "assign";
  readonly shard: number;
  readonly node: string;
  /** The epoch the caller saw; null when it does not care. */
  readonly ifEpoch: number | null;
  readonly isForced: boolean;
  /** Whether the present primary has keys of the shard. */
  readonly ownerHoldsData: boolean;
  readonly cause: AssignmentCause;
  /** The new epoch is at least this. */
  readonly epochMin?: number;
}

/** Takes a shard from its storage node. */
export interface Unassign extends Omit<Assign, "kind" | "node" | "epochMin"> {
  readonly kind: "unassign";
}

/** Gives every shard without a primary to a live storage node, as `planUnassigned` says. */
export interface AssignUnassigned {
  readonly kind: "assignUnassigned";
  readonly liveNodes: readonly string[];
  readonly held: readonly HeldShard[];
}

export type RegistryCommand = RegisterNode | Recall | Renew | RemoveNode | Assign | Unassign | AssignUnassigned;

/**
 * The next version of `map`, or `map` itself when the command changes nothing. Throws NODE_NOT_FOUND, SHARD_NOT_FOUND,
 * EPOCH_CONFLICT, ASSIGNMENT_WOULD_HIDE_DATA, CLUSTER_MISMATCH or BAD_REQUEST.
 */
export function applyCommand(map: ClusterMap, command: RegistryCommand, nowMs: number): ClusterMap {
  switch (command.kind) {
    case "registerNode":
      return registerNode(map, command, nowMs);
    case "recall":
      return recall(map, command);
    case "renew":
      return renew(map, command, nowMs);
    case "removeNode":
      return removeNode(map, command, nowMs);
    case "assign":
      return assign(map, command, nowMs);
    case "unassign":
      return unassign(map, command, nowMs);
    case "assignUnassigned":
      return changeShards(map, planUnassigned(map, command.liveNodes, command.held), nowMs);
    default:
      return unreachable(command);
  }
}

/** Version 1 of a new cluster: no storage nodes, no shard assigned. Throws BAD_REQUEST for a wrong name or count. */
export function createClusterMap(facts: {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly shardCount: number;
}): ClusterMap {
  const { clusterId, shardCount } = facts;
  if (!Number.isInteger(shardCount) || shardCount < 1 || shardCount > shardCountMax) {
    throw new ShardgateError("BAD_REQUEST", `The number of shards ${shardCount} is not from 1 to ${shardCountMax}.`);
  }
  const shards = Array.from({ length: shardCount }, (_, shard) => {
    return { shard: parseShard(shard), epoch: 0, primary: null, history: [] };
  });
  const clusterName = parseClusterName(facts.clusterName);
  return { version: 1, clusterId, clusterName, shardCount, hash: hashName, nodes: new Map(), shards };
}

/** The shards of which the storage node is the primary, in order. */
export function shardsOfNode(map: ClusterMap, name: string): readonly ShardRecord[] {
  return map.shards.filter(({ primary }) => primary === name);
}

function registerNode(map: ClusterMap, { name, url }: RegisterNode, nowMs: number): ClusterMap {
  const known = map.nodes.get(name);
  if (known?.url === url) return map;
  if (known === undefined && map.nodes.size >= storageNodesMax) {
    throw new ShardgateError(
      "BAD_REQUEST",
      `Storage node ${name} is one too many: the cluster has ${storageNodesMax} already. Remove one first.`,
    );
  }
  const record = { name, url, registeredAtMs: known?.registeredAtMs ?? nowMs };
  return { ...map, version: map.version + 1, nodes: new Map([...map.nodes, [name, record]]) };
}

function recall(map: ClusterMap, { node, clusterId, mapVersion }: Recall): ClusterMap {
  if (mapVersion > mapVersionToldMax) {
    throw new ShardgateError(
      "BAD_REQUEST",
      `Storage node ${node} tells map version ${mapVersion}, which none can have.`,
    );
  }
  const isOwn = clusterId === map.clusterId;
  if (!isOwn && map.shards.some(({ epoch }) => epoch > 0)) {
    throw new ShardgateError(
      "CLUSTER_MISMATCH",
      `Storage node ${node} keeps data of cluster ${clusterId}; this is cluster ${map.clusterId}.`,
      { node },
    );
  }
  if (isOwn && mapVersion <= map.version) return map;
  return { ...map, clusterId, version: Math.max(map.version, mapVersion) + 1 };
}

function renew(map: ClusterMap, { node }: Renew, nowMs: number): ClusterMap {
  const renewed: ShardChange = { node, cause: "registration", epochMin: 0 };
  return changeShards(map, new Map(shardsOfNode(map, node).map(({ shard }) => [shard, renewed])), nowMs);
}

function removeNode(map: ClusterMap, command: RemoveNode, nowMs: number): ClusterMap {
  const { name } = command;
  requireNode(map, name);
  if (!command.isForced && (command.holdsData || command.isLive)) {
    const why = command.holdsData ? "has data in its shards" : "is live";
    throw new ShardgateError("ASSIGNMENT_WOULD_HIDE_DATA", `Storage node ${name} ${why}; it is not removed.`, {
      node: name,
    });
  }
  const nodes = new Map([...map.nodes].filter(([other]) => other !== name));
  const released: ShardChange = { node: null, cause: "operator", epochMin: 0 };
  const changes = new Map(shardsOfNode(map, name).map(({ shard }) => [shard, released]));
  return { ...changeShards(map, changes, nowMs), version: map.version + 1, nodes };
}

function assign(map: ClusterMap, command: Assign, nowMs: number): ClusterMap {
  const { node, cause, epochMin = 0 } = command;
  const record = requireShard(map, command.shard, command.ifEpoch);
  requireNode(map, node);
  const isOwner = record.primary === node;
  if (isOwner && record.epoch >= epochMin) return map;
  if (!isOwner) refuseToHide(record, command);
  return changeShards(map, new Map([[record.shard, { node, cause, epochMin }]]), nowMs);
}

function unassign(map: ClusterMap, command: Unassign, nowMs: number): ClusterMap {
  const record = requireShard(map, command.shard, command.ifEpoch);
  if (record.primary === null) return map;
  refuseToHide(record, command);
  const change: ShardChange = { node: null, cause: command.cause, epochMin: 0 };
  return changeShards(map, new Map<ShardNumber, ShardChange>([[record.shard, change]]), nowMs);
}

function requireNode(map: ClusterMap, name: string): void {
  if (!map.nodes.has(name)) {
    throw new ShardgateError("NODE_NOT_FOUND", `Storage node ${JSON.stringify(name)} is not registered.`, {
      node: name,
    });
  }
}

function requireShard(map: ClusterMap, number: number, ifEpoch: number | null): ShardRecord {
  const shard = parseShard(number, map.shardCount);
  const record = map.shards[shard];
  if (record === undefined) throw new Error(`The cluster map has no record of shard ${shard}.`);
  if (ifEpoch !== null && ifEpoch !== record.epoch) {
    throw new ShardgateError("EPOCH_CONFLICT", `Shard ${shard} is at epoch ${record.epoch}, not ${ifEpoch}.`, {
      shard,
      epoch: record.epoch,
    });
  }
  return record;
}

function refuseToHide({ shard, primary }: ShardRecord, command: Assign | Unassign): void {
  if (primary === null || !command.ownerHoldsData || command.isForced) return;
  throw new ShardgateError(
    "ASSIGNMENT_WOULD_HIDE_DATA",
    `Shard ${shard} has data on storage node ${primary}, which clients would no longer see.`,
    { shard, node: primary },
  );
}
