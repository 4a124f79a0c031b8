/**
 * What a sweep does to the shards that a storage node owns: which of them are due, by the indexes alone, and the changes,
 * planned while the shards' rows are locked.
 */
import type { Key } from "../../core/key.js";
import { tombstoneAgeMsMax, tombstonesMax } from "../../core/limits.js";
import type { ShardNumber } from "../../core/shard.js";
import type { Query, Row } from "../../postgres/statement.js";
import type { Tombstone } from "../change-feed.js";
import { judgingMs, type ShardHeader } from "../shard-header.js";
import type { StoredEntry } from "../stored-entry.js";
import { isSwept, planSweep, sweepLimits, type SweepPlan } from "../sweep-plan.js";
import { float8Array, int4Array } from "./rows/binary-arrays.js";
import { storedHeadIn, tombstoneIn } from "./rows/entry-rows.js";
import { lockHeaders } from "./rows/shard-rows.js";

/** Most shards of one sweep: their rows are locked together, and their writers wait. */
export const sweptShardsMax = 16;

/** The shards in which a sweep would change something, the first ones by number. */
export async function dueShards(query: Query, node: string, nowMs: number): Promise<readonly ShardNumber[]> {
  const rows = await query(
    `SELECT shard FROM shards AS s
    WHERE owner = $1 AND epoch > released_epoch AND sealed_for IS NULL AND (
      (expiring_count > 0 AND EXISTS (SELECT FROM entries AS e
        WHERE e.shard = s.shard AND e.expires_ms <= greatest($2::bigint, s.expiry_mark_ms)))
      OR expiry_mark_ms > $2::bigint
      OR tombstone_count > $3::bigint
      OR (tombstone_count > 0 AND
        (SELECT at_ms FROM tombstones AS t WHERE t.shard = s.shard ORDER BY version LIMIT 1) <= $4::bigint))
    ORDER BY shard`,
    [node, nowMs, tombstonesMax, nowMs - tombstoneAgeMsMax],
  );
  return rows.map((row) => Number(row["shard"]) as ShardNumber);
}

export interface SweepTask {
  readonly node: string;
  readonly shards: readonly ShardNumber[];
  readonly nowMs: number;
  readonly entriesMax: number;
}

/** Locks the shards of the task, and plans the sweep of those that `allowed` returns of their headers. */
export async function planLockedSweep(
  query: Query,
  { node, shards, nowMs, entriesMax }: SweepTask,
  allowed: (headers: ReadonlyMap<ShardNumber, ShardHeader>) => ReadonlyMap<ShardNumber, ShardHeader>,
): Promise<SweepPlan> {
  const headers = await lockHeaders(query, node, shards);
  const swept = [...allowed(headers)].filter(([, header]) => isSwept(header));
  const ids = int4Array(swept.map(([shard]) => shard));
  const moments = float8Array(swept.map(([, header]) => judgingMs(header, nowMs)));
  const [expired, tombstones] = await Promise.all([
    query(
      `SELECT e.* FROM unnest($1::int[], $2::float8[]) AS s (shard, at_ms) CROSS JOIN LATERAL (
        SELECT shard, key, version, created_ms, updated_ms, expires_ms, checksum, size_bytes FROM entries AS i
        WHERE i.shard = s.shard AND i.expires_ms <= s.at_ms::bigint ORDER BY i.expires_ms, i.key LIMIT $3::bigint) AS e
      ORDER BY e.shard, e.expires_ms, e.key`,
      [ids, moments, entriesMax + 1],
    ),
    query(
      `SELECT t.* FROM unnest($1::int[]) AS s (shard) CROSS JOIN LATERAL (
        SELECT shard, key, kind, version, at_ms FROM tombstones AS i
        WHERE i.shard = s.shard ORDER BY i.version LIMIT $2::bigint) AS t
      ORDER BY t.shard, t.version`,
      [ids, Math.max(1, entriesMax)],
    ),
  ]);
  const entriesOf = grouped<StoredEntry>(expired, storedHeadIn);
  const tombstonesOf = grouped<Tombstone>(tombstones, tombstoneIn);
  const source = {
    headers: () => swept,
    expired: (shard: ShardNumber, _: number, limit: number) => {
      const entries = entriesOf.get(shard) ?? [];
      return { entries: entries.slice(0, limit), isAll: entries.length <= limit };
    },
    oldestTombstones: (shard: ShardNumber, limit: number) => (tombstonesOf.get(shard) ?? []).slice(0, limit),
  };
  return planSweep(source, nowMs, sweepLimits(entriesMax));
}

function grouped<Item>(rows: readonly Row[], itemIn: (key: Key, row: Row) => Item): ReadonlyMap<ShardNumber, Item[]> {
  const items = new Map<ShardNumber, Item[]>();
  for (const row of rows) {
    const shard = Number(row["shard"]) as ShardNumber;
    const item = itemIn((row["key"] as Buffer).toString("utf8") as Key, row);
    const list = items.get(shard);
    if (list === undefined) items.set(shard, [item]);
    else list.push(item);
  }
  return items;
}
