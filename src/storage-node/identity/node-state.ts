/**
 * The storage node's own state beside its entries, as pure functions: the document with its identity (store id, starts)
 * and its cluster, and how a start, an acknowledgement or assignments change document and claims. The engine enforces
 * the claims for each operation.
 */
import { ShardgateError } from "../../core/error.js";
import { storeStartsMax } from "../../core/limits.js";
import { parseShard, type ShardNumber } from "../../core/shard.js";
import { isOwned } from "../../storage/claim.js";
import type { ClaimChange, ShardClaim, StoreChange, StoreState } from "../../storage/engine.js";
import type { AssignedShard, NodeAssignments } from "../../wire/membership.js";

/**
 * Starts within `startPaceMs` that are registered at once; further ones wait `startPauseMs` first, because each takes a
 * new epoch for every shard: even a storage node that restarts in a loop takes two years to use up `epochMax`.
 */
export const startsAtOnceMax = 20;
export const startPaceMs = 600_000;
export const startPauseMs = 30_000;

export interface NodeDocument {
  /** Drawn when the store is created. Null before its first start, and in a folder of version 0.1.0. */
  readonly storeId: string | null;
  /**
   * The cluster whose data the store keeps, its shard count, and the newest version of its map seen here; null until
   * known.
   */
  readonly clusterId: string | null;
  readonly shardCount: number | null;
  readonly mapVersion: number | null;
  /** Newest first; at most `storeStartsMax`, always including the last acknowledged one. */
  readonly starts: readonly StoreStart[];
  /** Id of the start that a gateway acknowledged last; null if none. */
  readonly acknowledgedStart: string | null;
}

/** One start of the storage node over this store. */
export interface StoreStart {
  readonly id: string;
  readonly atMs: number;
}

/**
 * The document in `state`. A storage node that is new in a shared store has the store's id and cluster from the beginning.
 * Throws STORAGE_FAILED when its text is not valid.
 */
export function documentOf({ document, shared }: Pick<StoreState, "document" | "shared">): NodeDocument {
  const advice =
    shared === null
      ? "Restore the data folder from a backup, or start with an empty one."
      : "Restore the database from a backup, or start a storage node with another name.";
  const own = ownDocument(document, advice);
  if (shared === null) return own;
  const { clusterId, shardCount } = own.clusterId === null && shared.cluster !== null ? shared.cluster : own;
  return { ...own, storeId: shared.id, clusterId, shardCount };
}

function ownDocument(document: string | null, advice: string): NodeDocument {
  if (document === null) return emptyDocument;
  try {
    return parseDocument(JSON.parse(document));
  } catch (error) {
    throw new ShardgateError(
      "STORAGE_FAILED",
      `The storage node's record of its cluster is damaged. ${advice}`,
      {},
      error,
    );
  }
}

/**
 * The document with `start` added; the same object when it has the start already, as in a restarted worker.
 * `newStoreId` is used for new stores only.
 */
export function withStart(document: NodeDocument, start: StoreStart, newStoreId: string): NodeDocument {
  const { starts, acknowledgedStart } = document;
  if (document.storeId !== null && starts.some(({ id }) => id === start.id)) return document;
  const newest = [start, ...starts.filter(({ id }) => id !== start.id)];
  const kept = newest.slice(0, storeStartsMax);
  const acknowledged = newest.slice(storeStartsMax).find(({ id }) => id === acknowledgedStart);
  return {
    ...document,
    storeId: document.storeId ?? newStoreId,
    starts: acknowledged === undefined ? kept : [...kept.slice(0, -1), acknowledged],
  };
}

/**
 * The document with `start` acknowledged; the same object when it is acknowledged already, or not a start of this
 * store.
 */
export function withAcknowledgement(document: NodeDocument, start: string): NodeDocument {
  const isKnown = document.starts.some(({ id }) => id === start);
  return isKnown && document.acknowledgedStart !== start ? { ...document, acknowledgedStart: start } : document;
}

/**
 * How long to wait, in milliseconds, before this start (the newest of `starts`) is registered: a storage node that
 * restarts in a loop would use up epochs.
 */
export function restartPauseMs(starts: readonly StoreStart[], nowMs: number): number {
  const recent = starts.filter(({ atMs }) => Math.abs(nowMs - atMs) < startPaceMs);
  return recent.length > startsAtOnceMax ? startPauseMs : 0;
}

/** The change to store at a start of the storage node; null if none. */
export function withBeginning(
  state: StoreState,
  { start, newStoreId, isAlone }: { readonly start: StoreStart | null; readonly newStoreId: string; isAlone: boolean },
): StoreChange | null {
  const before = documentOf(state);
  const after = start === null ? before : withStart(before, start, newStoreId);
  // Data that version 0.1.0 wrote without a gateway have no claims yet.
  return changeOf(before, after, isAlone ? ownClaims(state, [...state.claims.keys()]) : []);
}

/**
 * The change with which a storage node without a gateway claims those of `shards` that it has never claimed, and at new
 * epochs what it owns of the `outdated` claims; null if none.
 */
export function withOwnClaims(
  state: StoreState,
  shards: readonly ShardNumber[],
  outdated: readonly ShardClaim[] = [],
): StoreChange | null {
  const document = documentOf(state);
  return changeOf(document, document, [...ownClaims(state, shards), ...renewedClaims(state, outdated)]);
}

/**
 * The change that `assignments` require; null when they are not newer than the known ones. `acknowledged`: the id of
 * the start whose registration they answer, null for other assignments. Throws CLUSTER_MISMATCH and
 * SHARD_COUNT_MISMATCH. The first assignments bind a shared store to their cluster; any other store is bound once it has
 * claims or data.
 */
export function withAssignments(
  state: StoreState,
  assignments: NodeAssignments,
  acknowledged: string | null = null,
): StoreChange | null {
  const before = documentOf(state);
  const { clusterId, shardCount, mapVersion, shards } = assignments;
  const bound = boundTo(state, before);
  if (bound !== null) refuseForeign(bound, assignments);
  const knownVersion = before.clusterId === clusterId ? (before.mapVersion ?? 0) : 0;
  const isNewer = mapVersion > knownVersion && shards !== undefined;
  if (!isNewer && mapVersion !== knownVersion) return null;
  const known = isNewer ? { ...before, clusterId, shardCount, mapVersion } : before;
  const after = acknowledged === null ? known : withAcknowledgement(known, acknowledged);
  const change = changeOf(before, after, isNewer ? claimChanges(state, shards, shardCount) : []);
  const isBinding = state.shared !== null && bound === null;
  return change !== null && isBinding ? { ...change, cluster: { clusterId, shardCount } } : change;
}

type Cluster = Pick<NodeDocument, "clusterId" | "shardCount">;

/** The only cluster whose assignments the store takes; null: it takes any. */
function boundTo({ shared, claims, damagedShards }: StoreState, document: NodeDocument): Cluster | null {
  if (shared !== null) return shared.cluster;
  return document.clusterId !== null && claims.size + damagedShards.length > 0 ? document : null;
}

function changeOf(before: NodeDocument, after: NodeDocument, claims: readonly ClaimChange[]): StoreChange | null {
  if (after !== before) return { document: JSON.stringify(after), claims };
  return claims.length === 0 ? null : { claims };
}

/**
 * Claims shards that are assigned but not claimed as assigned; releases shards that are owned but no longer assigned.
 */
function claimChanges(
  { claims }: StoreState,
  shards: readonly AssignedShard[],
  shardCount: number,
): readonly ClaimChange[] {
  const assigned = new Map(shards.map((shard) => [parseShard(shard.shardId, shardCount), shard] as const));
  const claimed = [...assigned].flatMap(([shard, { epoch, lineage = 0, sealedFor = null }]) => {
    const claim = claims.get(shard);
    const isSame = claim?.epoch === epoch && claim.lineage === lineage && claim.sealedFor === sealedFor;
    return isSame && claim !== undefined && isOwned(claim)
      ? []
      : [{ kind: "claim", shard, epoch, lineage, sealedFor } as const];
  });
  const lost = [...claims.values()].filter((claim) => isOwned(claim) && !assigned.has(claim.shard));
  return [...claimed, ...lost.map(({ shard, epoch }) => ({ kind: "release", shard, epoch }) as const)];
}

/** A member of a cluster claims only what its gateway assigns. */
function ownClaims(state: StoreState, shards: readonly ShardNumber[]): readonly ClaimChange[] {
  if (documentOf(state).clusterId !== null) return [];
  const unclaimed = shards.filter((shard) => (state.claims.get(shard)?.epoch ?? 0) === 0);
  return unclaimed.map((shard) => ({ kind: "claim", shard, epoch: 1, lineage: 0, sealedFor: null }));
}

/** Epochs above those that an engine may have lost. Another storage node of the store may own the shard by now. */
function renewedClaims(state: StoreState, outdated: readonly ShardClaim[]): readonly ClaimChange[] {
  if (documentOf(state).clusterId !== null) return [];
  return outdated.flatMap(({ shard, epoch, lineage }) => {
    const claim = state.claims.get(shard);
    if (claim !== undefined && !isOwned(claim)) return [];
    return [{ kind: "claim", shard, epoch: Math.max(epoch, claim?.epoch ?? 0) + 1, lineage, sealedFor: null } as const];
  });
}

function refuseForeign(bound: Cluster, { clusterId, shardCount }: NodeAssignments): void {
  if (clusterId !== bound.clusterId) {
    throw new ShardgateError(
      "CLUSTER_MISMATCH",
      `The data here belong to cluster ${JSON.stringify(bound.clusterId)}, not to ${JSON.stringify(clusterId)}.`,
    );
  }
  if (shardCount !== bound.shardCount) {
    throw new ShardgateError(
      "SHARD_COUNT_MISMATCH",
      `The data here are of a cluster with ${bound.shardCount} shards, not ${shardCount}.`,
    );
  }
}

const emptyDocument: NodeDocument = {
  storeId: null,
  clusterId: null,
  shardCount: null,
  mapVersion: null,
  starts: [],
  acknowledgedStart: null,
};

/**
 * Version 0.1.0 wrote only cluster, shard count and map version; since then a store has an id from its first start on.
 */
function parseDocument(value: Partial<NodeDocument> | null): NodeDocument {
  const document = { ...emptyDocument, ...value };
  const { storeId, clusterId, shardCount, mapVersion, starts, acknowledgedStart } = document;
  const isRight =
    (storeId !== null || clusterId !== null) &&
    [storeId, clusterId, acknowledgedStart].every((text) => text === null || typeof text === "string") &&
    [shardCount, mapVersion].every((number) => number === null || Number.isSafeInteger(number)) &&
    starts.every(({ id, atMs }) => typeof id === "string" && Number.isFinite(atMs));
  if (!isRight) throw new TypeError("A field of the document is missing or has another type.");
  return { storeId, clusterId, shardCount, mapVersion, starts, acknowledgedStart };
}
