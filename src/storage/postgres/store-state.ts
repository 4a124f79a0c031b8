/**
 * The store's state beside its entries, and its changes: a storage node's own document, what all nodes have in common,
 * and the claims. All changes of claims are made one after the other, under a lock of the store's row.
 */
import type { ShardNumber } from "../../core/shard.js";
import type { Query, Row } from "../../postgres/statement.js";
import { claimOf } from "../shard-header.js";
import type { ClaimChange, SharedStore, StoreChange, StoreState } from "../engine.js";
import { headerSeenBy, withClaimOf, type SharedShard } from "../shared-shard.js";
import { lockShards, putClaims, shardColumns, shardsIn, unclaimedShard, type SharedShards } from "./rows/shard-rows.js";

/** The storage node's own document, and how often it was changed. */
export interface StoredNode {
  readonly document: string | null;
  readonly revision: number;
}

/** One state of the store, as the storage node `node` sees it. */
export interface SeenState {
  readonly state: StoreState;
  readonly own: StoredNode;
  readonly shards: SharedShards;
}

export const noNode: StoredNode = { document: null, revision: 0 };

const storeColumns = "id, cluster_id, shard_count";

export async function readNode(query: Query, node: string): Promise<StoredNode> {
  const [row] = await query("SELECT document, revision FROM nodes WHERE name = $1", [node]);
  return row === undefined ? noNode : { document: String(row["document"]), revision: Number(row["revision"]) };
}

export async function readShards(query: Query): Promise<SharedShards> {
  return shardsIn(await query(`SELECT ${shardColumns} FROM shards ORDER BY shard`));
}

/** `query` must read from one snapshot. */
export async function readState(query: Query, node: string): Promise<SeenState> {
  const [store, own, shards] = await Promise.all([
    query(`SELECT ${storeColumns} FROM store`),
    readNode(query, node),
    readShards(query),
  ]);
  return seenState(node, sharedIn(store[0]), own, shards);
}

/**
 * Applies what `decide` returns, in an open transaction, and resolves to the new state.
 */
export async function changeStoredState(
  query: Query,
  node: string,
  decide: (state: StoreState) => StoreChange | null,
): Promise<SeenState> {
  // No other claim is made from here to the end of the transaction, so that what is read now stays as it is.
  const [[store], own, shards] = await Promise.all([
    query(`SELECT ${storeColumns} FROM store FOR UPDATE`),
    readNode(query, node),
    readShards(query),
  ]);
  const seen = seenState(node, sharedIn(store), own, shards);
  const change = decide(seen.state);
  if (change === null) return seen;
  const changed = await changedShards(query, node, change.claims);
  putClaims(query, changed);
  const shared = change.cluster === undefined ? sharedIn(store) : bound(query, sharedIn(store), change.cluster);
  const next = change.document === undefined ? own : putDocument(query, node, own, change.document);
  return seenState(node, shared, next, new Map([...shards, ...changed]));
}

function seenState(node: string, shared: SharedStore, own: StoredNode, shards: SharedShards): SeenState {
  const claims = new Map([...shards].map(([number, shard]) => [number, claimOf(number, headerSeenBy(node, shard))]));
  return { state: { document: own.document, shared, claims, damagedShards: [] }, own, shards };
}

/** The shards that the claims change, with their rows locked. Throws as `withClaimOf` does. */
async function changedShards(
  query: Query,
  node: string,
  claims: readonly ClaimChange[],
): Promise<ReadonlyMap<ShardNumber, SharedShard>> {
  const changed = new Map<ShardNumber, SharedShard>();
  if (claims.length === 0) return changed;
  const locked = await lockShards(query, new Set(claims.map(({ shard }) => shard)));
  for (const claim of claims) {
    const before = changed.get(claim.shard) ?? locked.get(claim.shard) ?? unclaimedShard;
    const after = withClaimOf(node, before, claim);
    if (after !== before) changed.set(claim.shard, after);
  }
  return changed;
}

function bound(query: Query, shared: SharedStore, cluster: NonNullable<StoreChange["cluster"]>): SharedStore {
  if (shared.cluster !== null) return shared;
  void query("UPDATE store SET cluster_id = $1, shard_count = $2", [cluster.clusterId, cluster.shardCount]);
  return { ...shared, cluster };
}

function putDocument(query: Query, node: string, { revision }: StoredNode, document: string): StoredNode {
  void query(
    `INSERT INTO nodes (name, revision, document) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, document = excluded.document`,
    [node, revision + 1, document],
  );
  return { document, revision: revision + 1 };
}

function sharedIn(row: Row | undefined): SharedStore {
  const clusterId = row?.["cluster_id"] ?? null;
  const cluster =
    clusterId === null ? null : { clusterId: String(clusterId), shardCount: Number(row?.["shard_count"]) };
  return { id: String(row?.["id"]), cluster };
}
