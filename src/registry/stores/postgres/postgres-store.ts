/**
 * A registry store in PostgreSQL, for many gateways: one row with version, beat and map, and a row for each record of the
 * log, in a schema of their own, which the first write makes. Each change is one statement that compares version and beat,
 * so it is done as a whole or not at all. A notice brings changes at once, and the row's mark is also read each second.
 */
import type { Clock } from "../../../core/clock.js";
import { ShardgateError } from "../../../core/error.js";
import { registryCallMs, registryPollMs } from "../../../core/limits.js";
import { compactedLog } from "../../assignment-log.js";
import type { PostgresAccess } from "../../../postgres/postgres-access.js";
import { PostgresFailure } from "../../../postgres/postgres-failure.js";
import { PrimaryPool, type StatementKind } from "../../../postgres/primary-pool.js";
import { quotedName, type Row } from "../../../postgres/statement.js";
import { LogSize } from "../log-size.js";
import { PolledWatch } from "../polled-watch.js";
import type { RegistryStore, StoredDocument, StoredRegistry, StoreMark } from "../../registry-store.js";

export interface PostgresStoreOptions extends PostgresAccess {
  /** Made, with its tables, where it is missing. */
  readonly schema: string;
  readonly clock: Clock;
}

export class PostgresStore implements RegistryStore {
  readonly #pool: PrimaryPool;
  readonly #schema: string;
  readonly #map: string;
  readonly #log: string;
  readonly #watch: PolledWatch;
  readonly #logSize = new LogSize({ read: () => this.#logRows(), compact: () => this.#compact() });

  constructor({ schema, ...options }: PostgresStoreOptions) {
    this.#schema = schema;
    this.#map = `${quotedName(schema)}.registry`;
    this.#log = `${quotedName(schema)}.registry_log`;
    this.#pool = new PrimaryPool({ ...options, connections: 1, callMs: registryCallMs, channel: this.#channel });
    this.#watch = new PolledWatch({
      readMark: () => this.#readLastWrite(),
      stream: (changed, signal) => this.#pool.listen(changed, signal),
      pollMs: registryPollMs,
      clock: options.clock,
    });
  }

  async load(): Promise<StoredRegistry | null> {
    const [row] = await this.#run("read", `SELECT version, beat, map FROM ${this.#map}`);
    return row === undefined ? null : { ...markIn(row), text: String(row["map"]) };
  }

  async mark(): Promise<StoreMark | null> {
    const [row] = await this.#run("read", `SELECT version, beat FROM ${this.#map}`);
    return row === undefined ? null : markIn(row);
  }

  async compareAndSet(expected: StoreMark | null, next: StoredDocument, logRecord: string | null): Promise<boolean> {
    const { version, text } = next;
    const set =
      expected === null
        ? `INSERT INTO ${this.#map} (version, map) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING written`
        : `UPDATE ${this.#map} SET version = $1, map = $2, written = DEFAULT WHERE version = $5 AND beat = $6 RETURNING written`;
    // Records of later versions are of a map that an older copy has replaced.
    const outdated = expected === null ? "version <> $1" : "version > $1 OR (version = $1 AND $3::text IS NULL)";
    const statement = `WITH done AS (${set}),
      dropped AS (DELETE FROM ${this.#log} WHERE (${outdated}) AND EXISTS (SELECT FROM done)),
      logged AS (INSERT INTO ${this.#log} (version, record) SELECT $1, $3::text FROM done WHERE $3::text IS NOT NULL
        ON CONFLICT (version) DO UPDATE SET record = excluded.record)
      SELECT pg_notify($4, written::text) FROM done`;
    if (expected === null) await this.#makeTables();
    const marks = expected === null ? [] : [expected.version, expected.beat];
    const done = await this.#change(statement, [version, text, logRecord, this.#channel, ...marks]);
    if (done.length === 0) return false;
    await this.#logSize.grew(logRecord);
    return true;
  }

  async beat(expectedVersion: number): Promise<number | null> {
    const statement = `UPDATE ${this.#map} SET beat = beat + 1 WHERE version = $1 RETURNING beat`;
    const [row] = await this.#run("write", statement, [expectedVersion]);
    return row === undefined ? null : numberIn(row["beat"]);
  }

  async log(): Promise<readonly string[]> {
    return (await this.#logRows()).map(({ record }) => record);
  }

  watch(onChange: () => void): () => void {
    return this.#watch.listen(onChange);
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.#pool.close();
  }

  get #channel(): string {
    return `shardgate ${this.#schema}`;
  }

  /** A query of the connection; no rows while the tables are missing, because nothing is stored then. */
  async #run(kind: StatementKind, text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    try {
      return await this.#query(kind, text, values);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** As `#run`, but where only the log's table is missing it is made again: no change would ever succeed without it. */
  async #change(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    try {
      return await this.#query("write", text, values);
    } catch (error) {
      if (!isMissing(error)) throw error;
      if (!(await this.#tablesFound()).map) return [];
      await this.#makeTables();
      return this.#run("write", text, values);
    }
  }

  async #query(kind: StatementKind, text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    try {
      return await this.#pool.run(0, kind, text, values);
    } catch (error) {
      throw error instanceof PostgresFailure ? unavailable(error) : error;
    }
  }

  async #tablesFound(): Promise<{ readonly map: boolean; readonly log: boolean }> {
    const [found] = await this.#query("read", "SELECT to_regclass($1) AS map, to_regclass($2) AS log", [
      this.#map,
      this.#log,
    ]);
    return { map: found?.["map"] != null, log: found?.["log"] != null };
  }

  async #makeTables(): Promise<void> {
    const found = await this.#tablesFound();
    if (found.map && found.log) return;
    try {
      await this.#query("write", this.#definition());
    } catch (error) {
      // Another gateway made them at the same moment.
      if (!(error instanceof ShardgateError && isOneOf(madeMeanwhile, error.cause))) throw error;
      await this.#query("write", this.#definition());
    }
  }

  #definition(): string {
    return `CREATE SCHEMA IF NOT EXISTS ${quotedName(this.#schema)};
      CREATE TABLE IF NOT EXISTS ${this.#map} (
        id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
        version bigint NOT NULL,
        beat bigint NOT NULL DEFAULT 0,
        map text NOT NULL,
        written uuid NOT NULL DEFAULT gen_random_uuid()
      );
      CREATE TABLE IF NOT EXISTS ${this.#log} (version bigint PRIMARY KEY, record text NOT NULL)`;
  }

  /** Distinguishes each write from all others: after a database lost changes, a version may occur a second time. */
  async #readLastWrite(): Promise<string> {
    const [row] = await this.#run("read", `SELECT written FROM ${this.#map}`);
    return String(row?.["written"] ?? "");
  }

  async #logRows(): Promise<readonly LogRow[]> {
    const rows = await this.#run("read", `SELECT version, record FROM ${this.#log} ORDER BY version`);
    const logged = rows.map(({ version, record }: Row) => ({ version: String(version), record: String(record) }));
    this.#logSize.read(logged.map(({ record }) => record));
    return logged;
  }

  async #compact(): Promise<void> {
    const rows = await this.#logRows();
    const records = compactedLog(rows.map(({ record }) => record));
    const changed = rows.flatMap((row, index) => {
      const record = records[index] ?? null;
      return record === row.record ? [] : [{ ...row, shorter: record }];
    });
    // A record that another process has compacted meanwhile stays as that one left it.
    const statement = `WITH compacted AS (
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[]) AS c (version, record, shorter)
      ), dropped AS (
        DELETE FROM ${this.#log} l USING compacted c WHERE l.version = c.version AND l.record = c.record AND c.shorter IS NULL
      )
      UPDATE ${this.#log} l SET record = c.shorter FROM compacted c
        WHERE l.version = c.version AND l.record = c.record AND c.shorter IS NOT NULL`;
    await this.#run("write", statement, [
      changed.map(({ version }) => version),
      changed.map(({ record }) => record),
      changed.map(({ shorter }) => shorter),
    ]);
  }
}

interface LogRow {
  readonly version: string;
  readonly record: string;
}

/** Codes of a schema or table that exists already, also as a row of the catalogue that another transaction wrote. */
const madeMeanwhile: ReadonlySet<string> = new Set(["23505", "42P06", "42P07"]);

/** Codes of a schema or table that does not exist. */
const missing: ReadonlySet<string> = new Set(["3F000", "42P01"]);

function isMissing(error: unknown): boolean {
  return error instanceof ShardgateError && isOneOf(missing, error.cause);
}

function isOneOf(codes: ReadonlySet<string>, error: unknown): boolean {
  return error instanceof PostgresFailure && codes.has(error.sqlState ?? "");
}

function unavailable(failure: PostgresFailure): ShardgateError {
  const message = `The registry in PostgreSQL cannot be used: ${failure.message}.`;
  return new ShardgateError("REGISTRY_UNAVAILABLE", message, {}, failure);
}

function markIn({ version, beat }: Row): StoreMark {
  return { version: numberIn(version), beat: numberIn(beat) };
}

/** The columns are whole numbers from 0; `bigint` comes as text. */
function numberIn(value: unknown): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new ShardgateError(
    "REGISTRY_CORRUPT",
    `A number of the registry in PostgreSQL is too large: ${String(value)}.`,
  );
}
