/** The rows of `entries`, and the writes of a plan that change them and the tombstones. */
import type { JsonEntry } from "../../../core/entry.js";
import type { Key } from "../../../core/key.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { JsonText } from "../../../core/text/json-text.js";
import type { Version } from "../../../core/version.js";
import type { Query, Row } from "../../../postgres/statement.js";
import type { Tombstone } from "../../change-feed.js";
import type { EntryChange, StoragePlan } from "../../storage-plan.js";
import { encodeEntry, entryDamaged, type EncodedEntry, type StoredEntry } from "../../stored-entry.js";
import { bytesArray, float8Array, int4Array } from "./binary-arrays.js";
import { putFigures } from "./shard-rows.js";

/** Throws ENTRY_DAMAGED when the row's checksum is wrong: the row was changed by hand, or is damaged. */
export function entryIn(shard: ShardNumber, key: Key, row: Row): JsonEntry {
  const entry = { ...headIn(key, row), value: String(row["value"]) as JsonText };
  if (encodeEntry(shard, entry).checksum === checksumIn(row)) return entry;
  throw entryDamaged(shard, key);
}

/** What a write needs of the entry that it replaces or deletes: everything but the value, which is empty here. */
export function storedHeadIn(key: Key, row: Row): StoredEntry {
  return { entry: headIn(key, row), checksum: checksumIn(row), sizeBytes: Number(row["size_bytes"]) };
}

/** The entry with an empty value. */
export function headIn(key: Key, row: Row): JsonEntry {
  return {
    key,
    value: "" as JsonText,
    version: String(row["version"]) as Version,
    createdAtMs: Number(row["created_ms"]),
    updatedAtMs: Number(row["updated_ms"]),
    expiresAtMs: row["expires_ms"] === null ? null : Number(row["expires_ms"]),
  };
}

export function tombstoneIn(key: Key, row: Row): Tombstone {
  const kind = row["kind"] === "expired" ? "expired" : "deleted";
  return { kind, key, version: String(row["version"]) as Version, atMs: Number(row["at_ms"]) };
}

/**
 * Sends the statements of a plan all at once, in an open transaction, which a statement that fails ends. The shards' rows
 * must be locked. Throws, so that nothing of the plan is committed, when a value cannot be sent.
 */
export function applyPlan(query: Query, { changes, dropped, headers }: StoragePlan): void {
  const gone = changes.filter(({ before, after }) => before !== null && after === null);
  const unburied = changes.filter(({ buried, tombstone }) => buried !== null && tombstone === null);
  putFigures(query, headers);
  putEntries(query, changes);
  deleteRows(query, "entries", gone);
  bury(query, changes);
  deleteRows(query, "tombstones", [
    ...unburied,
    ...dropped.map(({ shard, tombstone }) => ({ shard, key: tombstone.key })),
  ]);
}

function putEntries(query: Query, changes: readonly EntryChange[]): void {
  const put = changes.flatMap(({ shard, after }) => (after === null ? [] : [{ shard, after }]));
  if (put.length === 0) return;
  const times = (name: "createdAtMs" | "updatedAtMs" | "expiresAtMs"): Buffer =>
    float8Array(put.map(({ after }) => after.entry[name]));
  const numbers = (numberOf: (after: EncodedEntry) => number): Buffer =>
    int4Array(put.map(({ after }) => numberOf(after)));
  const texts = (type: "text" | "bytea", name: "key" | "value"): Buffer =>
    bytesArray(
      type,
      put.map(({ after }) => after.entry[name]),
    );
  void query(
    `INSERT INTO entries (shard, key, value, version, created_ms, updated_ms, expires_ms, checksum, size_bytes)
    SELECT * FROM unnest($1::int[], $2::bytea[], $3::text[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
      $8::int[], $9::int[])
    ON CONFLICT (shard, key) DO UPDATE SET value = excluded.value, version = excluded.version,
      created_ms = excluded.created_ms, updated_ms = excluded.updated_ms, expires_ms = excluded.expires_ms,
      checksum = excluded.checksum, size_bytes = excluded.size_bytes`,
    [
      int4Array(put.map(({ shard }) => shard)),
      texts("bytea", "key"),
      texts("text", "value"),
      float8Array(put.map(({ after }) => Number(after.entry.version))),
      times("createdAtMs"),
      times("updatedAtMs"),
      times("expiresAtMs"),
      numbers(({ checksum }) => checksum | 0),
      numbers(({ sizeBytes }) => sizeBytes),
    ],
  );
}

function bury(query: Query, changes: readonly EntryChange[]): void {
  const buried = changes.flatMap(({ shard, tombstone }) => (tombstone === null ? [] : [{ shard, tombstone }]));
  if (buried.length === 0) return;
  void query(
    `INSERT INTO tombstones (shard, key, kind, version, at_ms)
    SELECT * FROM unnest($1::int[], $2::bytea[], $3::text[], $4::float8[], $5::float8[])
    ON CONFLICT (shard, key) DO UPDATE SET kind = excluded.kind, version = excluded.version, at_ms = excluded.at_ms`,
    [
      int4Array(buried.map(({ shard }) => shard)),
      bytesArray(
        "bytea",
        buried.map(({ tombstone }) => tombstone.key),
      ),
      bytesArray(
        "text",
        buried.map(({ tombstone }) => tombstone.kind),
      ),
      float8Array(buried.map(({ tombstone }) => Number(tombstone.version))),
      float8Array(buried.map(({ tombstone }) => tombstone.atMs)),
    ],
  );
}

interface RowId {
  readonly shard: ShardNumber;
  readonly key: Key;
}

function deleteRows(query: Query, table: "entries" | "tombstones", rows: readonly RowId[]): void {
  if (rows.length === 0) return;
  void query(
    `DELETE FROM ${table} AS t USING unnest($1::int[], $2::bytea[]) AS d (shard, key) WHERE t.shard = d.shard AND t.key = d.key`,
    [
      int4Array(rows.map(({ shard }) => shard)),
      bytesArray(
        "bytea",
        rows.map(({ key }) => key),
      ),
    ],
  );
}

function checksumIn(row: Row): number {
  return Number(row["checksum"]) >>> 0;
}
