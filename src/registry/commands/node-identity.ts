/** What a storage node reports about its store when it registers, and the limits within which that is plausible. */
import { ShardgateError } from "../../core/error.js";
import { epochMax, mapVersionToldMax } from "../../core/limits.js";
import { parseShard } from "../../core/shard.js";
import type { ClusterMap } from "../cluster-map.js";

export interface NodeIdentity {
  /** Id of this start of the store. */
  readonly start: string;
  /** Drawn when the store was created; null: it has none. */
  readonly storeId: string | null;
  /** Ids of the store's starts, the newest first: this one, and always the last acknowledged one. */
  readonly starts: readonly string[];
  /** The store forgets everything when its process ends. */
  readonly isEphemeral: boolean;
  /** Several storage nodes serve the store. */
  readonly isStoreShared: boolean;
  /** The cluster whose data the store keeps; null: none yet. */
  readonly clusterId: string | null;
  /** Version of the last cluster map that the storage node knows; 0 for none. */
  readonly mapVersion: number;
  readonly claims: readonly ReportedClaim[];
  /** Mark of a registry that was restored, when a gateway has named one. */
  readonly mark: string | null;
}

/** What a store durably keeps of one shard. */
export interface ReportedClaim {
  readonly shard: number;
  /** The highest epoch it claimed; 0: none. */
  readonly epoch: number;
  /** The highest epoch at which it gave the shard up; 0: none. It owns the shard while `epoch` is greater. */
  readonly releasedEpoch: number;
  readonly keyCount: number;
  readonly lineage: number;
}

/** The store has not given the shard up. */
export function isLive({ epoch, releasedEpoch }: ReportedClaim): boolean {
  return epoch > releasedEpoch;
}

/** The id by which the store is known again; null for one that is gone with its process. */
export function durableStoreId({ isEphemeral, storeId }: NodeIdentity): string | null {
  return isEphemeral ? null : storeId;
}

/** Whether another storage node may own what the store has: it outlives the process, and several nodes serve it. */
export function isSharing(identity: NodeIdentity): boolean {
  return identity.isStoreShared && durableStoreId(identity) !== null;
}

/** A store that claimed no shard is bound to no cluster: what it knows of another one's map means nothing here. */
export function withoutForeignCluster(identity: NodeIdentity, { clusterId }: ClusterMap): NodeIdentity {
  const isBound = identity.clusterId === clusterId || identity.claims.length > 0;
  return isBound ? identity : { ...identity, clusterId: null, mapVersion: 0 };
}

/** Throws BAD_REQUEST or SHARD_NOT_FOUND for what no store of this cluster can know: it would leave no room for later epochs. */
export function refuseImpossible(map: ClusterMap, name: string, { mapVersion, claims }: NodeIdentity): void {
  if (mapVersion > Math.max(mapVersionToldMax, map.version)) {
    const message = `Storage node ${name} reports cluster map version ${mapVersion}, which is out of range.`;
    throw new ShardgateError("BAD_REQUEST", message, { node: name });
  }
  for (const { shard, epoch, releasedEpoch } of claims) {
    parseShard(shard, map.shardCount);
    if (Math.max(epoch, releasedEpoch) < epochMax) continue;
    const message = `Storage node ${name} reports an epoch of shard ${shard} that has no successor: ${epoch}.`;
    throw new ShardgateError("BAD_REQUEST", message, { node: name, shard });
  }
}
