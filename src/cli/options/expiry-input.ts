/** Converts an entry's expiry, as a user or a file gives it, to the gateway's input type `Expiry`. */
import { ShardgateError } from "../../core/error.js";
import { expiryMsMax, ttlSecondsMax } from "../../core/limits.js";
import { parseTimestamp } from "../../core/text/timestamp.js";

/** The input type `Expiry` of the schema. */
export type ExpiryInput = { readonly ttlSeconds: number } | { readonly at: string };

/**
 * The expiry for a time to live, a whole number of seconds from 1 to `ttlSecondsMax`. The storage node counts it by its
 * own clock, except for the longest ones: a number that does not fit into GraphQL's Int is sent as a moment, 68 years
 * or more after `nowMs`. Throws BAD_REQUEST.
 */
export function expiryOfTtl(seconds: number, nowMs: number): ExpiryInput {
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > ttlSecondsMax)
    throw new ShardgateError("BAD_REQUEST", `${seconds} is not a whole number of seconds from 1 to ${ttlSecondsMax}.`);
  return seconds <= intMax ? { ttlSeconds: seconds } : { at: momentText(nowMs + seconds * 1000) };
}

/**
 * A moment in RFC 3339 form, with milliseconds. It may be in the past; the storage node refuses it then. Throws
 * BAD_REQUEST.
 */
export function parseExpiresAt(text: unknown): string {
  const atMs = parseTimestamp(text);
  if (atMs !== null) return momentText(atMs);
  const shown = JSON.stringify(text)?.slice(0, 64);
  throw new ShardgateError("BAD_REQUEST", `${shown} is not an RFC 3339 timestamp such as 2026-01-31T12:00:00.000Z.`);
}

/** GraphQL's Int (GraphQL specification, 3.5.1). */
const intMax = 2_147_483_647;

function momentText(atMs: number): string {
  if (atMs <= expiryMsMax) return new Date(atMs).toISOString();
  throw new ShardgateError("BAD_REQUEST", "The entry would expire after the year 9999, the latest that is supported.");
}
