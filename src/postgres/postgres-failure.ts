/**
 * The one error of src/postgres/: why a statement or a transaction was not done, and whether it may have written
 * something all the same. Callers turn it into the error of their own layer.
 */
import pg from "pg";

export type FailureOutcome = "nothing" | "unknown";

export interface PostgresFailureOptions {
  readonly outcome: FailureOutcome;
  readonly sqlState?: string | null;
  readonly cause?: unknown;
}

export class PostgresFailure extends Error {
  /** "nothing": certainly nothing was written. "unknown": a write or a COMMIT may have happened. */
  readonly outcome: FailureOutcome;
  /** The server's SQLSTATE; null when the server gave no answer. */
  readonly sqlState: string | null;

  constructor(message: string, { outcome, sqlState = null, cause }: PostgresFailureOptions) {
    super(message, { cause });
    this.name = "PostgresFailure";
    this.outcome = outcome;
    this.sqlState = sqlState;
  }
}

/** The same failure with what is known of its outcome. */
export function withOutcome(failure: PostgresFailure, outcome: FailureOutcome): PostgresFailure {
  if (failure.outcome === outcome) return failure;
  return new PostgresFailure(failure.message, { outcome, sqlState: failure.sqlState, cause: failure.cause });
}

/** What kept a connection from being opened: nothing was sent on it. */
export function failureOf(error: unknown): PostgresFailure {
  if (error instanceof PostgresFailure) return withOutcome(error, "nothing");
  return new PostgresFailure(reasonOf(error), { outcome: "nothing", sqlState: sqlStateOf(error), cause: error });
}

/** Null: the server did not answer it. */
export function sqlStateOf(error: unknown): string | null {
  return error instanceof pg.DatabaseError ? (error.code ?? null) : null;
}

/**
 * Whether the server refused the statement alone: it did nothing of it, and its session goes on. Servers that speak another
 * language than English translate the severity; then the class decides, and one that may also end the session counts as
 * its end.
 */
export function isRefusal(error: unknown): error is pg.DatabaseError {
  if (!(error instanceof pg.DatabaseError)) return false;
  if (error.severity === "ERROR") return true;
  const code = error.code ?? "";
  return !["FATAL", "PANIC"].includes(error.severity ?? "") && ofStatements.test(code) && !/^25P0[34]$/.test(code);
}

/** Classes of errors in what a statement says or meets, such as 23 (constraints) and 40 (deadlocks), and its cancellation. */
const ofStatements = /^(0A|2|3|4|5[45]|57014|P0)/;

/** Whether another host may be the primary by now: this one takes no writes, or is starting or stopping. */
export function meansSearch(sqlState: string | null): boolean {
  return sqlState !== null && /^(25006|57P|08)/.test(sqlState);
}

/** Whether a prepared statement is not there any more, or its tables have changed. It was not executed. */
export function isOutdatedPlan(sqlState: string | null): boolean {
  return sqlState === "26000" || sqlState === "0A000";
}

/** Node.js leaves the message empty when connections to several addresses of one name failed. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message || error.name : String(error);
}
