/**
 * The shards of a store that several storage nodes share: each row names the storage node whose claim it has. A node
 * sees a claim of another one as released, and releases only its own. The same decisions for every engine over such a
 * store.
 */
import { isOwned, withClaimChange } from "./claim.js";
import type { ClaimChange } from "./engine.js";
import type { ShardHeader } from "./shard-header.js";

export interface SharedShard {
  readonly header: ShardHeader;
  /** Name of the storage node that made the last claim; null if the shard was never claimed. */
  readonly owner: string | null;
}

/** The shard's header as the storage node `node` sees it: the same object for the node's own shards. */
export function headerSeenBy(node: string, { header, owner }: SharedShard): ShardHeader {
  return owner === node || !isOwned(header) ? header : { ...header, releasedEpoch: header.epoch };
}

/**
 * The shard after `change` of the storage node `node`; the same object when the change has no effect. A claim takes the
 * shard from another node only if its epoch is higher. Throws as `withClaimChange` does.
 */
export function withClaimOf(node: string, shard: SharedShard, change: ClaimChange): SharedShard {
  const header = withClaimChange(shard.header, change);
  const isAllowed = shard.owner === node || (change.kind === "claim" && change.epoch > shard.header.epoch);
  return header === shard.header || !isAllowed ? shard : { header, owner: node };
}
