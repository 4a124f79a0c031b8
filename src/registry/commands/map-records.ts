/** Finds what a command names in the cluster map, or refuses the command. */
import { ShardgateError } from "../../core/error.js";
import { parseShard, type ShardNumber } from "../../core/shard.js";
import type { ClusterMap, NodeRecord, ShardOwner, ShardRecord } from "../cluster-map.js";
import { requireRecord, type ShardChange } from "./shard-change.js";

/**
 * What a command knew of a shard was gathered about another owner or epoch than the map has by now. Gather it anew and
 * repeat the command; clients never see this.
 */
export class EvidenceOutdated extends Error {
  constructor(message: string) {
    super(message);
    this.name = "EvidenceOutdated";
  }
}

/** The shards of which the storage node is the primary, in order. */
export function shardsOfNode(map: ClusterMap, name: string): readonly ShardRecord[] {
  return map.shards.filter(({ primary }) => primary === name);
}

/** The same change for each of the records. */
export function changeOfEach(
  records: readonly ShardRecord[],
  change: ShardChange,
): ReadonlyMap<ShardNumber, ShardChange> {
  return new Map(records.map(({ shard }) => [shard, change]));
}

/** Throws NODE_NOT_FOUND. */
export function requireNode(map: ClusterMap, name: string): NodeRecord {
  const record = map.nodes.get(name);
  if (record !== undefined) return record;
  const message = `Storage node ${JSON.stringify(name)} is not registered.`;
  throw new ShardgateError("NODE_NOT_FOUND", message, { node: name });
}

/** The id of the storage node's store if other nodes may share it; null: its store is its own, or it has none. */
export function sharedStoreOf({ nodes }: ClusterMap, name: string): string | null {
  const record = nodes.get(name);
  return record?.isStoreShared === true ? record.storeId : null;
}

/** Whether both storage nodes serve the same shared store, so that one may own the other's shards without copying. */
export function areOfOneStore(map: ClusterMap, one: string, other: string): boolean {
  const store = sharedStoreOf(map, one);
  return store !== null && store === sharedStoreOf(map, other);
}

/** The storage node, which is to get a shard. Throws NODE_NOT_FOUND, and BAD_REQUEST for one that drains. */
export function requireTarget(map: ClusterMap, name: string): NodeRecord {
  const record = requireNode(map, name);
  if (!record.isDraining) return record;
  const message = `Storage node ${name} is draining, so it gets no shards. End its draining first, or name another storage node.`;
  throw new ShardgateError("BAD_REQUEST", message, { node: name });
}

/** Throws SHARD_NOT_FOUND, and EPOCH_CONFLICT when the shard is at another epoch than `ifEpoch` (null allows each). */
export function requireShard(map: ClusterMap, number: number, ifEpoch: number | null): ShardRecord {
  const shard = parseShard(number, map.shardCount);
  const record = requireRecord(map, shard);
  if (ifEpoch === null || ifEpoch === record.epoch) return record;
  const message = `Shard ${shard} is at epoch ${record.epoch}, not ${ifEpoch}.`;
  throw new ShardgateError("EPOCH_CONFLICT", message, { shard, epoch: record.epoch });
}

/** Throws EvidenceOutdated unless the evidence was gathered about the shard's present owner and epoch. */
export function requireCurrent({ shard, primary, epoch }: ShardRecord, evidence: ShardOwner): void {
  if (evidence.shard === shard && evidence.primary === primary && evidence.epoch === epoch) return;
  throw new EvidenceOutdated(
    `The check of shard ${evidence.shard} was made for ${evidence.primary ?? "no owner"} at epoch ${evidence.epoch}; ` +
      `the cluster map has ${primary ?? "no owner"} at epoch ${epoch}.`,
  );
}

/** Throws REGISTRY_PUT_BACK while the map is known to be older than what its storage nodes know. */
export function refuseWhilePutBack({ putBack }: ClusterMap): void {
  if (putBack === null) return;
  throw new ShardgateError(
    "REGISTRY_PUT_BACK",
    `The registry was restored from an older copy; no shard is assigned until these storage nodes have registered ` +
      `again or their loss is accepted: ${putBack.waiting.join(", ")}.`,
    { mark: putBack.mark },
  );
}
