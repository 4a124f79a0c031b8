/** What a failure of PostgreSQL means to the callers of the engine, and what an operator can do about it. */
import { ShardgateError, type ErrorCode } from "../../core/error.js";
import { PostgresFailure } from "../../postgres/postgres-failure.js";

/** A PostgresFailure as a ShardgateError; anything else as it is. */
export function storeError(error: unknown): unknown {
  if (!(error instanceof PostgresFailure)) return error;
  const { sqlState, message } = error;
  if (error.outcome === "unknown") {
    const text = `The reply of the database to a commit was lost, so it is unknown whether the change happened: ${message}.`;
    return new ShardgateError("OUTCOME_UNKNOWN", text, {}, error);
  }
  const [code, advice] = meaningOf(sqlState);
  return new ShardgateError(code, `The store in PostgreSQL cannot be used: ${message}. ${advice}`, {}, error);
}

/** Whether the call reached the database all the same: what failed is the engine's own refusal. */
export function hasAnswered(error: unknown): boolean {
  return !(error instanceof PostgresFailure);
}

function meaningOf(sqlState: string | null): readonly [code: ErrorCode, advice: string] {
  if (sqlState === null) return ["SHARD_UNAVAILABLE", searching];
  return meanings.find(([pattern]) => pattern.test(sqlState))?.[1] ?? ["STORAGE_FAILED", "Nothing was written."];
}

const searching =
  "The storage node goes on searching for the primary. If none comes back, check the database and its fail-over manager.";

/** By SQLSTATE (PostgreSQL's manual, appendix A); the first match decides. */
const meanings: readonly (readonly [pattern: RegExp, meaning: readonly [code: ErrorCode, advice: string]])[] = [
  [/^53100/, ["STORAGE_FULL", "Free disk space at the database."]],
  [/^(08|25006|57P0)/, ["SHARD_UNAVAILABLE", searching]],
  [/^53300/, ["SHARD_UNAVAILABLE", "Raise max_connections of the database, or the connection limit of the role."]],
  [/^25P0[34]/, ["SHARD_UNAVAILABLE", "The storage node was silent within a transaction for too long; try again."]],
  [
    /^(55P03|57014|40)/,
    [
      "SHARD_UNAVAILABLE",
      "Another session holds the rows, or the statement took too long. Nothing was written; try again.",
    ],
  ],
  [/^28/, ["STORAGE_FAILED", "Check the user of --store and its password, and pg_hba.conf of the database."]],
  [/^3D000/, ["STORAGE_FAILED", "Create the database that --store names."]],
  [
    /^42501/,
    ["STORAGE_FAILED", "Grant the user of --store all rights on the schema and its tables, or make it their owner."],
  ],
  [
    /^(3F000|42P01|42703)/,
    ["STORAGE_FAILED", "Tables of the store are missing. Restore the database, then restart the storage node."],
  ],
];
