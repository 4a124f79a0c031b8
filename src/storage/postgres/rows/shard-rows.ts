/** The rows of `shards`: one per shard that was ever claimed, with its owner, its fence and its figures. */
import type { ShardNumber } from "../../../core/shard.js";
import type { Query, Row } from "../../../postgres/statement.js";
import { digestText } from "../../checksum.js";
import type { ShardStats } from "../../engine.js";
import { emptyHeader, type ShardHeader } from "../../shard-header.js";
import { headerSeenBy, type SharedShard } from "../../shared-shard.js";
import type { HeaderChange } from "../../storage-plan.js";
import { bytesArray, float8Array, int4Array } from "./binary-arrays.js";

export const shardColumns =
  "shard, owner, epoch, released_epoch, lineage, sealed_for, expiry_mark_ms, sequence, key_count, size_bytes, expiring_count, tombstone_count, horizon, digest";

/** A shard without a row: it was never claimed, and no operation runs. */
export const unclaimedShard: SharedShard = { header: emptyHeader, owner: null };

export type SharedShards = ReadonlyMap<ShardNumber, SharedShard>;

export function shardsIn(rows: readonly Row[]): Map<ShardNumber, SharedShard> {
  return new Map(rows.map((row) => [Number(row["shard"]) as ShardNumber, shardIn(row)]));
}

/**
 * Locks the rows of `shards` until the transaction ends. Every transaction locks in order of the shards' numbers, so that
 * none waits for another in a circle.
 */
export async function lockShards(query: Query, shards: Iterable<ShardNumber>): Promise<Map<ShardNumber, SharedShard>> {
  const text = `SELECT ${shardColumns} FROM shards WHERE shard = ANY ($1::int[]) ORDER BY shard FOR UPDATE`;
  return shardsIn(await query(text, [int4Array([...shards])]));
}

/** As `lockShards`: the headers as the storage node `node` sees them. */
export async function lockHeaders(
  query: Query,
  node: string,
  shards: Iterable<ShardNumber>,
): Promise<ReadonlyMap<ShardNumber, ShardHeader>> {
  const locked = await lockShards(query, shards);
  return new Map([...locked].map(([shard, row]) => [shard, headerSeenBy(node, row)] as const));
}

/** Figures of all shards. Only entries that have expired are read, and of them only the index. */
export async function readStats(query: Query, nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>> {
  const rows = await query(
    `SELECT shard, key_count - expired.count AS key_count, s.size_bytes - expired.bytes AS size_bytes,
      tombstone_count, sequence, digest
    FROM shards AS s CROSS JOIN LATERAL (
      SELECT count(*) AS count, coalesce(sum(e.size_bytes), 0) AS bytes FROM entries AS e
      WHERE s.expiring_count > 0 AND e.shard = s.shard AND e.expires_ms <= greatest($1::bigint, s.expiry_mark_ms))
      AS expired`,
    [nowMs],
  );
  return new Map(rows.map((row) => [Number(row["shard"]) as ShardNumber, statsIn(row)] as const));
}

/**
 * Stores figures, marks and feeds of headers; claims stay. The rows must be locked. Does not wait for the answer, as
 * `putClaims`.
 */
export function putFigures(query: Query, headers: readonly HeaderChange[]): void {
  const changed = headers.filter(({ before, after }) => before !== after);
  if (changed.length === 0) return;
  const column = (name: (typeof figureNames)[number]): Buffer => float8Array(changed.map(({ after }) => after[name]));
  void query(
    `UPDATE shards AS s SET expiry_mark_ms = n.expiry_mark_ms, sequence = n.sequence, key_count = n.key_count,
      size_bytes = n.size_bytes, expiring_count = n.expiring_count, tombstone_count = n.tombstone_count,
      horizon = n.horizon, digest = n.digest
    FROM unnest($1::int[], $2::float8[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
      $8::float8[], $9::text[]) AS n (shard, expiry_mark_ms, sequence, key_count, size_bytes, expiring_count,
      tombstone_count, horizon, digest)
    WHERE s.shard = n.shard`,
    [
      int4Array(changed.map(({ shard }) => shard)),
      ...figureNames.map(column),
      bytesArray(
        "text",
        changed.map(({ after }) => digestText(after.digest)),
      ),
    ],
  );
}

/**
 * Stores claims, with what a claim changes of a feed. Rows that exist must be locked. Does not wait for the answer: the
 * transaction fails where the statement does.
 */
export function putClaims(query: Query, shards: SharedShards): void {
  if (shards.size === 0) return;
  const all = [...shards.values()];
  const column = (name: (typeof claimNames)[number]): Buffer => float8Array(all.map(({ header }) => header[name]));
  const texts = (textOf: (shard: SharedShard) => string | null): Buffer => bytesArray("text", all.map(textOf));
  void query(
    `INSERT INTO shards (${shardColumns})
    SELECT shard, owner, epoch, released_epoch, lineage, sealed_for, 0, sequence, 0, 0, 0, 0, horizon, $8
    FROM unnest($1::int[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $9::float8[])
      AS n (shard, owner, sealed_for, epoch, released_epoch, lineage, sequence, horizon)
    ON CONFLICT (shard) DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch,
      released_epoch = excluded.released_epoch, lineage = excluded.lineage, sealed_for = excluded.sealed_for,
      sequence = excluded.sequence, horizon = excluded.horizon`,
    [
      int4Array([...shards.keys()]),
      texts(({ owner }) => owner),
      texts(({ header }) => header.sealedFor),
      ...claimNames.slice(0, -1).map(column),
      digestText(emptyHeader.digest),
      column("horizon"),
    ],
  );
}

const figureNames = [
  "expiryMarkMs",
  "sequence",
  "keyCount",
  "sizeBytes",
  "expiringCount",
  "tombstoneCount",
  "horizon",
] as const satisfies readonly (keyof ShardHeader)[];

const claimNames = [
  "epoch",
  "releasedEpoch",
  "lineage",
  "sequence",
  "horizon",
] as const satisfies readonly (keyof ShardHeader)[];

function statsIn(row: Row): ShardStats {
  return {
    keyCount: Number(row["key_count"]),
    sizeBytes: Number(row["size_bytes"]),
    tombstoneCount: Number(row["tombstone_count"]),
    sequence: Number(row["sequence"]),
    digest: String(row["digest"]),
  };
}

function shardIn(row: Row): SharedShard {
  const digest = String(row["digest"]);
  const header: ShardHeader = {
    epoch: Number(row["epoch"]),
    releasedEpoch: Number(row["released_epoch"]),
    lineage: Number(row["lineage"]),
    sealedFor: row["sealed_for"] === null ? null : String(row["sealed_for"]),
    expiryMarkMs: Number(row["expiry_mark_ms"]),
    sequence: Number(row["sequence"]),
    keyCount: Number(row["key_count"]),
    sizeBytes: Number(row["size_bytes"]),
    expiringCount: Number(row["expiring_count"]),
    tombstoneCount: Number(row["tombstone_count"]),
    horizon: Number(row["horizon"]),
    staleCount: 0,
    digest: { high: Number.parseInt(digest.slice(0, 8), 16), low: Number.parseInt(digest.slice(8), 16) },
  };
  return { header, owner: String(row["owner"]) };
}
