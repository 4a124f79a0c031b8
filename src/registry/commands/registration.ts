/**
 * Registration of a storage node: adds it or gives it another URL, recognizes its store, and acknowledges its start.
 * Every new start gets new epochs for its shards, so that no version is given twice, even by an identical copy of the
 * store.
 */
import { ShardgateError } from "../../core/error.js";
import { storageNodesMax } from "../../core/limits.js";
import type { ShardNumber } from "../../core/shard.js";
import type { ClusterMap, NodeRecord } from "../cluster-map.js";
import { isLossyStart } from "./continuity.js";
import { areOfOneStore } from "./map-records.js";
import { withoutMovesTo } from "./moves.js";
import {
  durableStoreId,
  isSharing,
  refuseImpossible,
  withoutForeignCluster,
  type NodeIdentity,
} from "./node-identity.js";
import { heard, isAhead, markPutBack, registerWhilePutBack, settled } from "./put-back.js";
import { changeShards, requireRecord, unchanged, type Changed, type ShardChange } from "./shard-change.js";

/** Adds a storage node, gives it another URL, or acknowledges its start. Name and URL are already parsed. */
export interface RegisterNode {
  readonly kind: "registerNode";
  readonly name: string;
  readonly url: string;
  /** Null: an operator registers the node, which either has no store or registers itself later. */
  readonly identity: NodeIdentity | null;
  /** Generated at random; used only when the registration shows that the registry was restored. */
  readonly newMark: string;
}

/**
 * The map that results may be marked as restored: then the start is not acknowledged, whether the node named the mark
 * or not, and the node registers again, naming it. Throws CLUSTER_MISMATCH, NODE_CONFLICT, STORE_NOT_RECOGNIZED,
 * REGISTRY_PUT_BACK, SHARD_NOT_FOUND and BAD_REQUEST.
 */
export function registerNode(map: ClusterMap, command: RegisterNode, nowMs: number): Changed {
  const { name, newMark } = command;
  refuseTooMany(map, name);
  if (command.identity === null) return registerByHand(map, command, nowMs);
  const identity = withoutForeignCluster(command.identity, map);
  refuseImpossible(map, name, identity);
  const joined = joinedCluster(map, name, identity);
  refuseStoreOfAnother(joined, name, identity);
  const isFound = joined !== map || isAhead(identity, joined, name);
  if (isFound && map.putBack === null) {
    return markPutBack(withNode(joined, recordOf(joined, command, nowMs)), newMark, identity.mapVersion, nowMs);
  }
  return registerStart(map, command, identity, nowMs);
}

/** The refusal of a storage node whose store belongs to another cluster than the map's. */
export function otherCluster(name: string, clusterId: string, map: ClusterMap): ShardgateError {
  const message = `Storage node ${name} has data of cluster ${clusterId}; this is cluster ${map.clusterId}.`;
  return new ShardgateError("CLUSTER_MISMATCH", message, { node: name });
}

function registerStart(map: ClusterMap, command: RegisterNode, identity: NodeIdentity, nowMs: number): Changed {
  const { name, url } = command;
  const known = map.nodes.get(name);
  const isLossy = known !== undefined && isLossyStart(map, known, identity);
  const before = recordOf(map, command, nowMs);
  const isStoreShared = isSharing(identity);
  const record: NodeRecord = {
    ...before,
    storeId: durableStoreId(identity),
    isStoreShared,
    // Only nodes of a shared store drain.
    isDraining: before.isDraining && isStoreShared,
    // A storage node of 0.1.0 names no store: its starts alone do not distinguish its folder from an empty one.
    lastStart: identity.storeId === null && !identity.isEphemeral ? null : identity.start,
    isLossAccepted: false,
  };
  if (map.putBack !== null) return registerWhilePutBack(map, map.putBack, { record, identity, isLossy }, nowMs);
  const isNewStart = known?.lastStart !== identity.start;
  const isKnown = !isNewStart && known.url === url && known.isStoreShared === isStoreShared;
  if (isKnown && !known.isLossAccepted) return unchanged(map);
  const renewed = isNewStart ? renewedShards(map, identity, { name, isLossy }, nowMs) : unchanged(map);
  return { map: { ...withNode(renewed.map, record), version: map.version + 1 }, changes: renewed.changes };
}

/** New epochs for the node's shards, and above what its store claimed for itself while it belonged to no cluster. */
function renewedShards(
  map: ClusterMap,
  identity: NodeIdentity,
  { name, isLossy }: { readonly name: string; readonly isLossy: boolean },
  nowMs: number,
): Changed {
  const changes = new Map<ShardNumber, ShardChange>();
  const lossy = new Set(isLossy ? nodesOfLossyStore(map, name, identity) : []);
  for (const { shard, primary } of map.shards) {
    if (primary === null || (primary !== name && !lossy.has(primary))) continue;
    changes.set(shard, { node: primary, cause: "registration", isNewLineage: isLossy });
  }
  for (const claim of identity.clusterId === null ? identity.claims : []) {
    const { shard, epoch, primary } = requireRecord(map, claim.shard as ShardNumber);
    const claimed = Math.max(claim.epoch, claim.releasedEpoch);
    if (claimed < epoch) continue;
    const isNewLineage = primary !== null && lossy.has(primary);
    changes.set(shard, { node: primary, cause: "registration", epochMin: claimed + 1, isNewLineage });
  }
  return changeShards(withoutMovesTo(map, name), changes, nowMs);
}

/** An older copy of a shared store lacks entries of every storage node that serves it, whichever of them has noticed. */
function nodesOfLossyStore(map: ClusterMap, name: string, identity: NodeIdentity): readonly string[] {
  const isSameStore = isSharing(identity) && map.nodes.get(name)?.storeId === identity.storeId;
  const others = isSameStore ? [...map.nodes.keys()].filter((other) => areOfOneStore(map, name, other)) : [];
  return [name, ...others];
}

/** While the map is marked, an operator's registration suffices for a node without a store, which can name no mark. */
function registerByHand(map: ClusterMap, command: RegisterNode, nowMs: number): Changed {
  const { name, url } = command;
  const known = map.nodes.get(name);
  const { putBack } = map;
  const isPlain = known?.storeId === null && known.lastStart === null;
  const isWaitedFor = isPlain && putBack?.waiting.includes(name) === true;
  if (known?.url === url && !isWaitedFor) return unchanged(map);
  const next = { ...withNode(map, recordOf(map, command, nowMs)), version: map.version + 1 };
  return isWaitedFor ? settled({ ...next, putBack: heard(putBack, name) }, nowMs) : unchanged(next);
}

/** The storage node as it is known, at its present URL. */
function recordOf(map: ClusterMap, { name, url }: RegisterNode, nowMs: number): NodeRecord {
  const known = map.nodes.get(name);
  if (known !== undefined) return { ...known, url };
  return {
    name,
    url,
    registeredAtMs: nowMs,
    storeId: null,
    lastStart: null,
    isLossAccepted: false,
    isStoreShared: false,
    isDraining: false,
  };
}

function withNode(map: ClusterMap, record: NodeRecord): ClusterMap {
  return { ...map, nodes: new Map([...map.nodes, [record.name, record]]) };
}

function refuseTooMany(map: ClusterMap, name: string): void {
  if (map.nodes.has(name) || map.nodes.size < storageNodesMax) return;
  const message = `Storage node ${name} cannot be added: the cluster already has ${storageNodesMax} storage nodes, the maximum. Remove one first.`;
  throw new ShardgateError("BAD_REQUEST", message, { node: name });
}

/** A registry that was lost begins as a new cluster and becomes the one of the first store that has shards of any. */
function joinedCluster(map: ClusterMap, name: string, { clusterId }: NodeIdentity): ClusterMap {
  if (clusterId === null || clusterId === map.clusterId) return map;
  const isNew = map.putBack === null && map.shards.every(({ epoch }) => epoch === 0);
  if (isNew) return { ...map, clusterId, isRecovered: true };
  throw otherCluster(name, clusterId, map);
}

function refuseStoreOfAnother(map: ClusterMap, name: string, identity: NodeIdentity): void {
  const storeId = durableStoreId(identity);
  if (storeId === null) return;
  // A gateway of a release that does not know shared stores drops that they are shared when it changes the map.
  const isKnownUser = map.nodes.get(name)?.storeId === storeId;
  for (const other of map.nodes.values()) {
    if (other.storeId !== storeId || other.name === name) continue;
    if (identity.isStoreShared && (other.isStoreShared || isKnownUser)) continue;
    const message =
      `Storage node ${other.name} already uses store ${storeId}; ${name} cannot use it, too. ` +
      `Start it under its own name, or remove storage node ${other.name} first.`;
    throw new ShardgateError("NODE_CONFLICT", message, { node: name, storeId });
  }
}
