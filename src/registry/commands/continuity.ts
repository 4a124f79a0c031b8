/**
 * Whether a storage node that starts again has every write that it ever acknowledged. Its store keeps the ids of its
 * starts: when the last one that the registry acknowledged is among them, nothing was lost. Otherwise the folder is
 * empty, another node's or an older copy, and only an operator can accept that.
 */
import { ShardgateError } from "../../core/error.js";
import type { ClusterMap, NodeRecord, ShardRecord } from "../cluster-map.js";
import { shardsOfNode } from "./map-records.js";
import { durableStoreId, isLive, type NodeIdentity } from "./node-identity.js";

/**
 * Whether entries may have been lost with this start, as the operator accepted or as is in the nature of a store
 * in memory. Throws STORE_NOT_RECOGNIZED when they may be and no operator accepted it.
 */
export function isLossyStart(map: ClusterMap, known: NodeRecord, identity: NodeIdentity): boolean {
  if (isRecognized(known, identity)) return false;
  // A process whose own start is missing has to be restarted first: nothing could be acknowledged in its store.
  if (known.isLossAccepted && identity.starts.includes(identity.start)) return true;
  if (known.storeId === null) {
    // Its last store was one in memory, which is gone with its process.
    if (known.lastStart !== null) return true;
    // A registry of 0.1.0 knows no stores yet, and one of plain nodes none at all.
    if (claimsAll(shardsOfNode(map, known.name), identity)) return false;
  }
  throw notRecognized(map, known, identity);
}

/** Whether the store owns each of the shards as it knows them: then it is the one to which they were assigned. */
function claimsAll(shards: readonly ShardRecord[], { claims }: NodeIdentity): boolean {
  const owned = new Map(claims.map((claim) => [claim.shard, claim]));
  return shards.every(({ shard, epoch }) => {
    const claim = owned.get(shard);
    return claim !== undefined && claim.epoch >= epoch && isLive(claim);
  });
}

function isRecognized({ storeId, lastStart }: NodeRecord, identity: NodeIdentity): boolean {
  if (lastStart === null || storeId !== durableStoreId(identity)) return false;
  // Also the start that registers may be missing: a database can be restored while its storage nodes run.
  return identity.starts.includes(lastStart);
}

function notRecognized(map: ClusterMap, known: NodeRecord, identity: NodeIdentity): ShardgateError {
  const { name, storeId: knownStoreId } = known;
  const { storeId } = identity;
  const shards = shardsOfNode(map, name).map(({ shard }) => shard);
  return new ShardgateError(
    "STORE_NOT_RECOGNIZED",
    `Storage node ${name} started with ${whatInstead(known, identity)}. Acknowledged entries may be missing, so its ` +
      `${shards.length} shards stay unavailable until it starts with its own data, or an operator accepts the loss.`,
    { node: name, storeId, knownStoreId, knownStart: known.lastStart, shards },
  );
}

function whatInstead({ storeId: known, lastStart }: NodeRecord, identity: NodeIdentity): string {
  const { storeId, isEphemeral, isStoreShared } = identity;
  const what = isStoreShared ? "database" : "data folder";
  if (isEphemeral) return "a store in memory instead of its data folder";
  if (known !== null && known === storeId) {
    return `an older copy of its ${what}, which lacks start ${lastStart} of store ${known}`;
  }
  return `another or an empty ${what}: its store is ${storeId ?? "unnamed"}; the cluster knows ${known ?? "none"}`;
}
