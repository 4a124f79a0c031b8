/**
 * Moves of a shard from its storage node to another. While the map has the move, the source neither reads nor writes the
 * shard; the owner changes only by evidence that names the move. So far only shards without entries move.
 */
import { ShardgateError } from "../../core/error.js";
import type { ClusterMap, ShardMove, ShardOwner, ShardRecord } from "../cluster-map.js";
import { EvidenceOutdated, refuseWhilePutBack, requireCurrent, requireShard, requireTarget } from "./map-records.js";
import { changeShards, unchanged, type Changed } from "./shard-change.js";

/** Seals a shard at its owner, to give it to another storage node. */
export interface BeginMove {
  readonly kind: "beginMove";
  readonly shard: number;
  readonly node: string;
  /** The epoch the caller saw; null when it does not care. */
  readonly ifEpoch: number | null;
  /** Drawn anew for each move. */
  readonly moveId: string;
}

/** Gives the shard to the target of its move. */
export interface CompleteMove {
  readonly kind: "completeMove";
  readonly moveId: string;
  /** What the owner reports of the shard, sealed for this move. */
  readonly source: ShardOwner & { readonly keyCount: number; readonly sealedFor: string | null };
  /** What the target has of the shard from earlier. */
  readonly target: { readonly keyCount: number };
}

/** Ends a move; the owner keeps the shard. */
export interface CancelMove {
  readonly kind: "cancelMove";
  readonly moveId: string;
}

/**
 * Throws NODE_NOT_FOUND, SHARD_NOT_FOUND, EPOCH_CONFLICT, REGISTRY_PUT_BACK, BAD_REQUEST when the target drains, and
 * EvidenceOutdated for a shard without an owner.
 */
export function beginMove(map: ClusterMap, command: BeginMove): Changed {
  refuseWhilePutBack(map);
  const { node, moveId } = command;
  const record = requireShard(map, command.shard, command.ifEpoch);
  const { shard, primary, epoch, move } = record;
  if (primary === node) return unchanged(map);
  requireTarget(map, node);
  if (primary === null)
    throw new EvidenceOutdated(`Shard ${shard} has no owner and can only be assigned without a move.`);
  if (move !== null) {
    const message = `Shard ${shard} is already being moved to storage node ${move.target}.`;
    throw new ShardgateError("EPOCH_CONFLICT", message, { shard, epoch });
  }
  return unchanged(withMove(map, record, { id: moveId, target: node, phase: "sealed" }));
}

/**
 * The epoch grows and the lineage stays. Throws EPOCH_CONFLICT when the map has no such move any more, EvidenceOutdated when
 * the evidence is of another owner, epoch or seal, and ASSIGNMENT_WOULD_HIDE_DATA when either side has entries.
 */
export function completeMove(map: ClusterMap, { moveId, source, target }: CompleteMove, nowMs: number): Changed {
  const record = requireShard(map, source.shard, null);
  const { shard, epoch, move } = record;
  if (move?.id !== moveId) {
    const message = `The move of shard ${shard} was cancelled; ${record.primary === null ? "it has no owner" : `its owner is ${record.primary}`}.`;
    throw new ShardgateError("EPOCH_CONFLICT", message, { shard, epoch });
  }
  requireCurrent(record, source);
  if (source.sealedFor !== moveId) throw new EvidenceOutdated(`Shard ${shard} is not sealed for move ${moveId}.`);
  refuseToHide(record, move, source.keyCount, target.keyCount);
  return changeShards(map, new Map([[shard, { node: move.target, cause: "operator" }]]), nowMs);
}

export function cancelMove(map: ClusterMap, { moveId }: CancelMove): Changed {
  const record = map.shards.find(({ move }) => move?.id === moveId);
  return unchanged(record === undefined ? map : withMove(map, record, null));
}

/** The map without the moves to a storage node that restarts or goes, as the same version; `map` itself when it has none. */
export function withoutMovesTo(map: ClusterMap, name: string): ClusterMap {
  if (!map.shards.some(({ move }) => move?.target === name)) return map;
  return { ...map, shards: map.shards.map((record) => (record.move?.target === name ? ended(record) : record)) };
}

/** The map without any move, as the same version. */
export function withoutMoves(map: ClusterMap): ClusterMap {
  return { ...map, shards: map.shards.map((record) => (record.move === null ? record : ended(record))) };
}

function ended(record: ShardRecord): ShardRecord {
  return { ...record, move: null };
}

function withMove(map: ClusterMap, record: ShardRecord, move: ShardMove | null): ClusterMap {
  return { ...map, version: map.version + 1, shards: map.shards.with(record.shard, { ...record, move }) };
}

function refuseToHide(record: ShardRecord, { target }: ShardMove, sourceCount: number, targetCount: number): void {
  if (sourceCount === 0 && targetCount === 0) return;
  const { shard, primary: node } = record;
  const message =
    sourceCount > 0
      ? `Shard ${shard} has ${sourceCount} entries on storage node ${node}, which would be hidden from clients.`
      : `Storage node ${target} has ${targetCount} older entries of shard ${shard}, which would become visible to clients again.`;
  throw new ShardgateError("ASSIGNMENT_WOULD_HIDE_DATA", message, { shard, node: sourceCount > 0 ? node : target });
}
