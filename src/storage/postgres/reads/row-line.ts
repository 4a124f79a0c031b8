/**
 * The rows of a read as one text each, because a driver makes a string of each column of each row: 300 keys took the storage
 * node 1,352 µs of CPU time in nine columns, and take 1,081 as lines. PostgreSQL takes the same for both.
 */
import type { Row } from "../../../postgres/statement.js";

/** Selects `line` and `key` of the rows of `select`, which have the columns that are named here. */
export function selectLines(select: string): string {
  return `SELECT concat_ws(' ', part, place, version, created_ms, updated_ms, coalesce(expires_ms, ${never}), checksum, value)
    AS line, key FROM (${select}) AS rows`;
}

/** Means no expiry; times are never negative. */
const never = -1;

/** The columns that a line was made of. The value may have spaces in it, and is the rest of the line; null if absent. */
export function rowInLine({ line, key }: Row): Row {
  const text = String(line);
  let at = 0;
  const next = (): string => {
    const end = text.indexOf(" ", at);
    const field = text.slice(at, end < 0 ? text.length : end);
    at = end < 0 ? text.length + 1 : end + 1;
    return field;
  };
  const [part, place, version] = [Number(next()), Number(next()), next()];
  const [created_ms, updated_ms, expires] = [Number(next()), Number(next()), Number(next())];
  const checksum = Number(next());
  const expires_ms = expires === never ? null : expires;
  const value = at > text.length ? null : text.slice(at);
  return { part, place, key, value, version, created_ms, updated_ms, expires_ms, checksum };
}
