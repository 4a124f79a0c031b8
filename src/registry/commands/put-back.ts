/**
 * A registry that was restored from an older copy. Its map assigns shards to storage nodes that may no longer own them,
 * so the map is marked: every storage node registers anew, naming the mark, with all that its store has claimed and
 * given up; or an operator gives the node up. Then each shard belongs to the highest claim of its newest lineage, at an
 * epoch above every claim and release. A registration that was sent before the mark was drawn does not count: it may be
 * older than the copy.
 */
import { ShardgateError } from "../../core/error.js";
import type { ShardNumber } from "../../core/shard.js";
import type { ClusterMap, NodeRecord, PutBack, PutBackClaim, ShardRecord } from "../cluster-map.js";
import { withoutMoves } from "./moves.js";
import { isLive, type NodeIdentity, type ReportedClaim } from "./node-identity.js";
import { changeShards, requireRecord, unchanged, type Changed, type ShardChange } from "./shard-change.js";

/** Marks the map as restored, because an operator restored it, or another gateway knows a newer map. */
export interface MarkPutBack {
  readonly kind: "markPutBack";
  /** Drawn at random. */
  readonly newMark: string;
  /** The version of that newer map: nothing changes once the map has it. The marked map gets a higher one. */
  readonly knownVersion?: number;
}

/**
 * Versions that other gateways may have seen above those that the one which repairs a registry knows. A gateway reads the
 * map within about a second, and thousands of nodes that register raise it by one each; so this many can never be.
 */
export const versionsLostMax = 1_000_000;

/** Whether the storage node knows something newer than this map, which proves that the map is an older copy. */
export function isAhead({ clusterId, mapVersion, claims }: NodeIdentity, map: ClusterMap, name: string): boolean {
  // A store that belongs to no cluster yet made its claims by itself.
  if (clusterId === null) return false;
  return mapVersion > map.version || claims.some((claim) => isUnknown(claim, requireRecordOf(map, claim), name));
}

/**
 * `map`, marked: all its storage nodes are waited for. Settled at once when it has none. A node that is newer than the copy
 * cannot be waited for, so that a shard which is left without an owner is not dealt out.
 */
export function markPutBack(map: ClusterMap, newMark: string, mapVersion: number, nowMs: number): Changed {
  const putBack: PutBack = { mark: newMark, waiting: [...map.nodes.keys()], claims: new Map() };
  const version = Math.max(map.version, mapVersion) + 1;
  // From here on versions follow each other again.
  const leader = map.leader && { ...map.leader, sinceVersion: version };
  return settled({ ...withoutMoves(map), version, leader, isRecovered: true, putBack }, nowMs);
}

/** The registration of a storage node while the map is marked. */
export interface AnewRegistration {
  /** The node's record for the map. */
  readonly record: NodeRecord;
  readonly identity: NodeIdentity;
  /** Whether entries of its shards may have been lost with this start. */
  readonly isLossy: boolean;
}

/** Takes the storage node's claims into account. Throws REGISTRY_PUT_BACK, with the mark, when it did not name that. */
export function registerWhilePutBack(
  map: ClusterMap,
  putBack: PutBack,
  { record, identity, isLossy }: AnewRegistration,
  nowMs: number,
): Changed {
  const { name } = record;
  if (identity.mark !== putBack.mark) throw otherMark(name, putBack);
  const known = map.nodes.get(name);
  const isKnown = known?.lastStart === record.lastStart && known.storeId === record.storeId && known.url === record.url;
  const shards = raised(withoutReleased(map, name, identity.claims), identity.claims, isLossy ? name : null);
  const claims = highestClaims(map, putBack, name, identity);
  const isHeard = !putBack.waiting.includes(name);
  if (isKnown && isHeard && shards === map.shards && claims === putBack.claims) return unchanged(map);
  const version = Math.max(map.version, identity.mapVersion) + 1;
  const nodes = new Map([...map.nodes, [name, record]]);
  return settled({ ...map, version, nodes, shards, putBack: { ...heard(putBack, name), claims } }, nowMs);
}

/** The mark without the storage node, which is not waited for any more. */
export function heard(putBack: PutBack, name: string): PutBack {
  return { ...putBack, waiting: putBack.waiting.filter((other) => other !== name) };
}

/** The mark without the storage node and what it claimed. */
export function forgotten(putBack: PutBack, name: string): PutBack {
  const claims = new Map([...putBack.claims].filter(([, { node }]) => node !== name));
  return { ...heard(putBack, name), claims };
}

/**
 * `map` as it is while storage nodes are waited for; else without the mark, with an owner and a new epoch for every
 * shard. Without a claim the owner of the copy keeps its shard, unless an operator gave it up. A shard that never had
 * an epoch keeps having none.
 */
export function settled(map: ClusterMap, nowMs: number): Changed {
  const { putBack } = map;
  if (putBack === null || putBack.waiting.length > 0) return unchanged(map);
  const changes = new Map<ShardNumber, ShardChange>();
  for (const { shard, epoch, primary } of map.shards) {
    if (epoch === 0) continue;
    const isGivenUp = primary !== null && map.nodes.get(primary)?.isLossAccepted !== false;
    const node = putBack.claims.get(shard)?.node ?? (isGivenUp ? null : primary);
    changes.set(shard, { node, cause: "registration" });
  }
  return changeShards({ ...map, putBack: null }, changes, nowMs);
}

function isUnknown(claim: ReportedClaim, { epoch, primary }: ShardRecord, name: string): boolean {
  if (claim.epoch > epoch || claim.releasedEpoch > epoch) return true;
  if (isLive(claim)) return claim.epoch === epoch && primary !== name;
  return primary === name && claim.releasedEpoch === epoch;
}

/** `map` without the node as owner of what it says that it gave up: another node has owned it since. */
function withoutReleased(map: ClusterMap, name: string, claims: readonly ReportedClaim[]): ClusterMap {
  const given = claims.filter((claim) => {
    const { primary, epoch } = requireRecordOf(map, claim);
    return primary === name && !isLive(claim) && claim.releasedEpoch >= epoch;
  });
  if (given.length === 0) return map;
  const shards = [...map.shards];
  for (const claim of given) shards[claim.shard] = { ...requireRecordOf(map, claim), primary: null };
  return { ...map, shards };
}

/** Epochs and lineages at least as high as those claimed; a lineage more for the shards of `lossyNode`. */
function raised(map: ClusterMap, claims: readonly ReportedClaim[], lossyNode: string | null): readonly ShardRecord[] {
  const shards = [...map.shards];
  const lossy = new Set(lossyNode === null ? [] : claims.filter(isLive).map(({ shard }) => shard));
  for (const claim of claims) {
    const record = requireRecordOf(map, claim);
    const epoch = Math.max(record.epoch, claim.epoch, claim.releasedEpoch);
    const lineage = Math.max(record.lineage, claim.lineage);
    if (epoch !== record.epoch || lineage !== record.lineage) shards[claim.shard] = { ...record, epoch, lineage };
  }
  if (lossyNode === null) return shards.some((record, shard) => record !== map.shards[shard]) ? shards : map.shards;
  return shards.map((record) => {
    const isLossy = record.primary === lossyNode || lossy.has(record.shard);
    return isLossy ? { ...record, lineage: record.lineage + 1 } : record;
  });
}

/**
 * Claims that a store made before it belonged to a cluster do not count. The higher lineage wins, then the higher
 * epoch. Equal epochs occur after a registry was lost: then a node with keys gets the shard, and if that does not
 * decide, the owner in the map.
 */
function highestClaims(map: ClusterMap, putBack: PutBack, node: string, identity: NodeIdentity): PutBack["claims"] {
  if (identity.clusterId === null) return putBack.claims;
  const claims = new Map(putBack.claims);
  let isChanged = false;
  for (const reported of identity.claims.filter(isLive)) {
    const { shard, primary } = requireRecordOf(map, reported);
    const { epoch, lineage } = reported;
    const claim = { node, lineage, epoch, hasKeys: reported.keyCount > 0 };
    const best = claims.get(shard);
    if (best !== undefined && !isBetter(claim, best, primary)) continue;
    claims.set(shard, claim);
    isChanged = true;
  }
  return isChanged ? claims : putBack.claims;
}

function isBetter(claim: PutBackClaim, best: PutBackClaim, owner: string | null): boolean {
  if (claim.lineage !== best.lineage) return claim.lineage > best.lineage;
  if (claim.epoch !== best.epoch) return claim.epoch > best.epoch;
  if (claim.node === best.node) return false;
  return claim.hasKeys === best.hasKeys ? claim.node === owner : claim.hasKeys;
}

function requireRecordOf(map: ClusterMap, { shard }: ReportedClaim): ShardRecord {
  return requireRecord(map, shard as ShardNumber);
}

function otherMark(name: string, { mark }: PutBack): ShardgateError {
  return new ShardgateError(
    "REGISTRY_PUT_BACK",
    `The registry was restored from an older copy: storage node ${name} must register again with the mark ${mark}.`,
    { mark },
  );
}
