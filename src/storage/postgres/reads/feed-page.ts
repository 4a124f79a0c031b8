/** One page of a shard's change feed: its newest changes by version, entries and tombstones together. */
import type { Key } from "../../../core/key.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { Query, Row } from "../../../postgres/statement.js";
import { readChanges } from "../../change-feed.js";
import type { Change, ChangesOutcome, ChangesRequest } from "../../engine.js";
import { headerSeenBy } from "../../shared-shard.js";
import { entryIn, tombstoneIn } from "../rows/entry-rows.js";
import { shardColumns, shardsIn, unclaimedShard } from "../rows/shard-rows.js";

/** `query` must read from one snapshot. */
export async function readFeedPage(query: Query, node: string, request: ChangesRequest): Promise<ChangesOutcome> {
  const { shard, cursor, limit, bytesMax } = request;
  const [shardRows, rows] = await Promise.all([
    query(`SELECT ${shardColumns} FROM shards WHERE shard = $1`, [shard]),
    query(pageText, [shard, cursor?.after ?? 0, limit + 1, Math.max(1, bytesMax)]),
  ]);
  const header = headerSeenBy(node, shardsIn(shardRows).get(shard) ?? unclaimedShard);
  const source = { header: () => header, changesAfter: () => changesIn(shard, rows) };
  return readChanges(source, request);
}

/**
 * A page is full once its values have enough bytes, and then the existence of one more change is answered: therefore one
 * row more than fits has its value.
 */
const pageText = `SELECT kind, key, version, at_ms, created_ms, updated_ms, expires_ms, checksum,
    CASE WHEN bytes_before < $4::bigint THEN value END AS value
  FROM (
    SELECT *, coalesce(sum(octet_length(value)) OVER (ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING), 0)
      AS bytes_before
    FROM (
      (SELECT 'put' AS kind, key, value, version, NULL::bigint AS at_ms, created_ms, updated_ms, expires_ms, checksum
        FROM entries WHERE shard = $1::int AND version > $2::bigint ORDER BY version LIMIT $3::bigint)
      UNION ALL
      (SELECT kind, key, NULL, version, at_ms, NULL, NULL, NULL, NULL
        FROM tombstones WHERE shard = $1::int AND version > $2::bigint ORDER BY version LIMIT $3::bigint)
      ORDER BY version LIMIT $3::bigint) AS page) AS counted
  ORDER BY version`;

function* changesIn(shard: ShardNumber, rows: readonly Row[]): Iterable<Change> {
  for (const row of rows) {
    const key = (row["key"] as Buffer).toString("utf8") as Key;
    if (row["kind"] !== "put") yield tombstoneIn(key, row);
    // The page was full before this change.
    else if (row["value"] === null) return;
    else yield { kind: "put", entry: entryIn(shard, key, row) };
  }
}
