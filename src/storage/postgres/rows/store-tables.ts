/**
 * The tables of a shared store, in a schema of their own, and the session settings that the engine's statements expect.
 * The first storage node that opens the store makes them. Further formats will be upgrades here, under the same lock.
 */
import { ShardgateError } from "../../../core/error.js";
import type { Query } from "../../../postgres/statement.js";

/** The format of the tables that this version reads and writes. */
export const storeFormat = 1;

/** The oldest PostgreSQL that the engine accepts; it is tested with 15 and 18. */
const serverVersionMin = 140_000;

/**
 * Prepares a new connection: statements name the tables without their schema. Every statement of the engine reaches its
 * rows through an index, so the planner is kept from anything else, whatever its statistics say of a table that has
 * just grown.
 */
export async function prepareSession(query: Query, schema: string): Promise<void> {
  await query(
    `SELECT set_config('search_path', $1, false), set_config('jit', 'off', false),
      set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
      set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
      set_config('max_parallel_workers_per_gather', '0', false)`,
    [quoted(schema)],
  );
}

/**
 * Makes what is missing of the store's tables. Throws STORAGE_FAILED, saying what to do, for a server or a store that
 * this version cannot use.
 */
export async function makeStore(query: Query, schema: string): Promise<void> {
  const [server] = await query(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS name,
      current_setting('server_encoding') AS encoding, current_database() AS database`,
  );
  if (Number(server?.["version"]) < serverVersionMin) {
    throw unusable(`The server is PostgreSQL ${server?.["name"]}. Use PostgreSQL 14 or newer.`);
  }
  if (server?.["encoding"] !== "UTF8") {
    throw unusable(
      `Database ${server?.["database"]} has the encoding ${server?.["encoding"]}, which cannot store every key and value. ` +
        "Create a database with ENCODING 'UTF8', and name it in --store.",
    );
  }
  // Released at the end of the transaction. Others that open the same store wait here, and then find the tables.
  await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`shardgate store ${schema}`]);
  const [found] = await query(
    "SELECT to_regnamespace($1) IS NOT NULL AS schema, to_regclass($2) IS NOT NULL AS store",
    [quoted(schema), `${quoted(schema)}.store`],
  );
  // Without the right to create schemas, one that exists can still be used.
  if (found?.["schema"] !== true) await query(`CREATE SCHEMA ${quoted(schema)}`);
  if (found?.["store"] !== true) for (const statement of definition) await query(statement);
  const [store] = await query("SELECT format FROM store");
  const format = Number(store?.["format"]);
  if (format === storeFormat) return;
  throw unusable(
    `Schema ${schema} of database ${server["database"]} has the store format ${format}, and this version of shardgate knows format ${storeFormat}. Start the version of shardgate that last used the store, or a newer one.`,
  );
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

function unusable(message: string): ShardgateError {
  return new ShardgateError("STORAGE_FAILED", `The store in PostgreSQL cannot be used. ${message}`);
}

const definition: readonly string[] = [
  `CREATE TABLE store (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    format integer NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    cluster_id text,
    shard_count integer,
    CHECK ((cluster_id IS NULL) = (shard_count IS NULL)))`,
  `INSERT INTO store (format) VALUES (${storeFormat})`,
  // The revision grows with each change of the document.
  "CREATE TABLE nodes (name text PRIMARY KEY, revision bigint NOT NULL, document text NOT NULL)",
  // Half of each page is left free, so that an update, which every commit makes, stays in the page.
  `CREATE TABLE shards (
    shard integer PRIMARY KEY,
    owner text NOT NULL,
    epoch bigint NOT NULL,
    released_epoch bigint NOT NULL,
    lineage bigint NOT NULL,
    sealed_for text,
    expiry_mark_ms bigint NOT NULL,
    sequence bigint NOT NULL,
    key_count bigint NOT NULL,
    size_bytes bigint NOT NULL,
    expiring_count bigint NOT NULL,
    tombstone_count bigint NOT NULL,
    horizon bigint NOT NULL,
    digest text NOT NULL) WITH (fillfactor = 50)`,
  // Size and checksum are those that the shard's figures count, whatever is done to the value by hand.
  `CREATE TABLE entries (
    shard integer NOT NULL,
    checksum integer NOT NULL,
    version bigint NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    expires_ms bigint,
    size_bytes integer NOT NULL,
    key bytea NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (shard, key))`,
  "CREATE INDEX entries_by_version ON entries (shard, version)",
  "CREATE INDEX entries_by_expiry ON entries (shard, expires_ms, key) WHERE expires_ms IS NOT NULL",
  // lz4 takes a fraction of pglz's time; a server may be built without it.
  `DO $$ BEGIN ALTER TABLE entries ALTER COLUMN value SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$`,
  `CREATE TABLE tombstones (
    shard integer NOT NULL,
    version bigint NOT NULL,
    at_ms bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('deleted', 'expired')),
    key bytea NOT NULL,
    PRIMARY KEY (shard, key))`,
  "CREATE INDEX tombstones_by_version ON tombstones (shard, version)",
  `CREATE VIEW readable AS SELECT shard, convert_from(key, 'UTF8') AS key, value, version,
    to_timestamp(created_ms / 1000.0) AS created, to_timestamp(updated_ms / 1000.0) AS updated,
    to_timestamp(expires_ms / 1000.0) AS expires FROM entries`,
];
