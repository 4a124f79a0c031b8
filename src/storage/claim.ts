/**
 * Decides who may touch a shard: the fence check of each operation, and the shard header after a claim or a release.
 */
import { ShardgateError, unreachable } from "../core/error.js";
import type { RefusedOutcome } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import { sequenceFloor } from "../core/version.js";
import type { ClaimChange, ShardClaim } from "./engine.js";
import type { ShardFence, ShardHeader } from "./shard-header.js";

/** Whether the store owns the shard. An undefined claim means that the store never claimed it. */
export function isOwned(claim: Pick<ShardClaim, "epoch" | "releasedEpoch"> | undefined): boolean {
  return claim !== undefined && claim.epoch > claim.releasedEpoch;
}

/** The refusal of an operation that was sent under `epoch`; null when it may run. See StorageEngine.read. */
export function fenceRefusal(fence: ShardFence, shard: ShardNumber, epoch: number | null): RefusedOutcome | null {
  if (epoch !== null && (epoch < fence.epoch || epoch <= fence.releasedEpoch)) {
    const what = isOwned(fence) ? "has claimed" : "has given up";
    const message = `Epoch ${epoch} of shard ${shard} is not current: this storage node ${what} epoch ${fence.epoch}.`;
    return { kind: "refused", code: "STALE_EPOCH", message, epoch: fence.epoch };
  }
  if (!isOwned(fence) || (epoch !== null && epoch > fence.epoch)) {
    const what = epoch === null ? `shard ${shard}` : `epoch ${epoch} of shard ${shard} yet`;
    return { kind: "refused", code: "SHARD_NOT_HOSTED", message: `This storage node has not claimed ${what}.` };
  }
  if (fence.sealedFor === null) return null;
  const message = `Shard ${shard} is being moved to another storage node. Nothing was read or written; try again.`;
  return { kind: "refused", code: "SHARD_UNAVAILABLE", message };
}

/** The header after `change`; the same object when `change` has no effect. Throws BAD_REQUEST for an epoch below 1. */
export function withClaimChange(header: ShardHeader, change: ClaimChange): ShardHeader {
  switch (change.kind) {
    case "claim":
      return withClaim(header, change);
    case "release":
      return header.epoch === change.epoch && isOwned(header) ? { ...header, releasedEpoch: header.epoch } : header;
    default:
      return unreachable(change);
  }
}

function withClaim(header: ShardHeader, change: ClaimChange & { readonly kind: "claim" }): ShardHeader {
  const { shard, epoch, sealedFor } = change;
  if (!Number.isSafeInteger(epoch) || epoch < 1) {
    throw new ShardgateError("BAD_REQUEST", `Shard ${shard} cannot be claimed at epoch ${epoch}; epochs begin at 1.`);
  }
  if (epoch < header.epoch) return header;
  // A lineage never decreases: versions from before a loss of data must not be compared with versions from after it.
  const lineage = Math.max(header.lineage, change.lineage);
  if (epoch === header.epoch) {
    const isSame = lineage === header.lineage && sealedFor === header.sealedFor;
    return isSame ? header : { ...header, lineage, sealedFor };
  }
  const floor = sequenceFloor(epoch);
  return {
    ...header,
    epoch,
    lineage,
    sealedFor,
    sequence: Math.max(header.sequence, floor),
    // Another store may have owned the shard in an epoch in between. Its changes are missing from this feed, so the feed
    // begins anew here.
    horizon:
      isOwned(header) || epoch === header.epoch + 1 ? header.horizon : Math.max(header.horizon, header.sequence, floor),
  };
}
