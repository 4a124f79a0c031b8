/** Storage nodes that go, or lose their data: a node is removed from the cluster, or an operator accepts what is lost. */
import { ShardgateError } from "../../core/error.js";
import type { ClusterMap, ShardOwner, ShardRecord } from "../cluster-map.js";
import { changeOfEach, EvidenceOutdated, requireCurrent, requireNode, shardsOfNode } from "./map-records.js";
import { withoutMovesTo } from "./moves.js";
import { forgotten, heard, settled } from "./put-back.js";
import { changeShards, unchanged, type Changed, type ShardChange } from "./shard-change.js";

/** Forgets a storage node; its shards are unassigned. */
export interface RemoveNode {
  readonly kind: "removeNode";
  readonly name: string;
  readonly isForced: boolean;
  /** Evidence for every shard that the node owns; ignored when forced. */
  readonly evidence: readonly OwnedShardEvidence[];
  readonly isLive: boolean;
}

/** The number of the shard's entries at its owner; null: unknown, which counts as some. */
export interface OwnedShardEvidence extends ShardOwner {
  readonly keyCount: number | null;
}

/**
 * The storage node's next start is acknowledged whatever its store is, under a new lineage of its shards. If that is the
 * store that the registry knows, nothing was lost, and nothing is accepted any more.
 */
export interface AcceptLoss {
  readonly kind: "acceptLoss";
  readonly name: string;
  /** The registration that was refused because the node's store is not recognized; null: none was. */
  readonly refusal: StoreRefusal | null;
}

/** Counts only while the registry has no newer start of the node: its own store may have come back since. */
export interface StoreRefusal {
  /** The start that the refused store did not have; null: the registry knew none. */
  readonly lastStart: string | null;
}

/** Throws NODE_NOT_FOUND, ASSIGNMENT_WOULD_HIDE_DATA, and EvidenceOutdated when the node owns other shards by now. */
export function removeNode(map: ClusterMap, command: RemoveNode, nowMs: number): Changed {
  const { name, isForced } = command;
  requireNode(map, name);
  const owned = shardsOfNode(map, name);
  if (!isForced) refuseToHide(map, owned, command);
  const released: ShardChange = { node: null, cause: "operator", isNewLineage: isForced };
  const left = changeShards(withoutMovesTo(map, name), changeOfEach(owned, released), nowMs);
  const nodes = new Map([...map.nodes].filter(([other]) => other !== name));
  const putBack = map.putBack === null ? null : forgotten(map.putBack, name);
  const end = settled({ ...left.map, version: map.version + 1, nodes, putBack }, nowMs);
  return { map: end.map, changes: [...left.changes, ...end.changes] };
}

/**
 * While the map is marked as restored, a storage node that is refused is let in at its next registration, with all that
 * it claims; a node that does not register, or for which an operator does this a second time, is given up. Throws
 * NODE_NOT_FOUND, and BAD_REQUEST for a storage node that has lost nothing or has no store.
 */
export function acceptLoss(map: ClusterMap, { name, refusal }: AcceptLoss, nowMs: number): Changed {
  const record = requireNode(map, name);
  const isWaitedFor = map.putBack?.waiting.includes(name) === true;
  if (record.isLossAccepted && !isWaitedFor) return unchanged(map);
  const isRefused = refusal !== null && refusal.lastStart === record.lastStart;
  if (!isRefused && record.storeId === null && record.lastStart === null && !record.isLossAccepted) {
    const message = `Storage node ${name} has no store, so there is no loss to accept. Remove it by force instead.`;
    throw new ShardgateError("BAD_REQUEST", message, { node: name });
  }
  if (!isRefused && !isWaitedFor) {
    const message =
      `Storage node ${name} was not refused since this gateway started, so there is no loss to accept. ` +
      "If it is gone for good, remove it by force.";
    throw new ShardgateError("BAD_REQUEST", message, { node: name });
  }
  const given = { ...record, isLossAccepted: true };
  const next = { ...map, version: map.version + 1, nodes: new Map([...map.nodes, [name, given]]) };
  const isLetIn = isRefused && !record.isLossAccepted;
  if (map.putBack === null || !isWaitedFor || isLetIn) return unchanged(next);
  const shards = next.shards.map((shard) => (shard.primary === name ? withNextLineage(shard) : shard));
  return settled({ ...next, shards, putBack: heard(map.putBack, name) }, nowMs);
}

function withNextLineage(record: ShardRecord): ShardRecord {
  return { ...record, lineage: record.lineage + 1 };
}

function refuseToHide(map: ClusterMap, owned: readonly ShardRecord[], { name, evidence, isLive }: RemoveNode): void {
  if (map.putBack?.waiting.includes(name) === true) {
    const message = `Storage node ${name} may own shards that the registry, an older copy, does not list; it is not removed.`;
    throw new ShardgateError("ASSIGNMENT_WOULD_HIDE_DATA", message, { node: name });
  }
  const known = new Map(evidence.map((item) => [item.shard, item]));
  for (const record of owned) {
    const item = known.get(record.shard);
    if (item === undefined)
      throw new EvidenceOutdated(`Storage node ${name} was not asked for its entries of shard ${record.shard}.`);
    requireCurrent(record, item);
    if (item.keyCount === 0) continue;
    const what = item.keyCount === null ? "could not be asked for its entries" : `has ${item.keyCount} entries`;
    const message = `Storage node ${name} ${what} of shard ${record.shard}; it is not removed.`;
    throw new ShardgateError("ASSIGNMENT_WOULD_HIDE_DATA", message, { node: name, shard: record.shard });
  }
  if (!isLive) return;
  throw new ShardgateError("ASSIGNMENT_WOULD_HIDE_DATA", `Storage node ${name} is live; it is not removed.`, {
    node: name,
  });
}
