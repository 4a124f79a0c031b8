/** What a person or a file says of an entry's expiry, as the gateway's input type `Expiry` takes it. */
import { ShardgateError } from "../../core/error.js";
import { expiryMsMax, ttlSecondsMax } from "../../core/limits.js";
import { parseTimestamp } from "../../core/text/timestamp.js";

/** The input type `Expiry` of the schema. */
export type ExpiryInput = { readonly ttlSeconds: number } | { readonly at: string };

/**
 * A time to live, a whole number from 1 to `ttlSecondsMax`. The storage node counts it by its own clock, but for the longest
 * ones: what does not fit into GraphQL's Int goes as a moment, 68 years and more ahead of `nowMs`. Throws BAD_REQUEST.
 */
export function expiryOfTtl(seconds: number, nowMs: number): ExpiryInput {
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > ttlSecondsMax)
    throw new ShardgateError("BAD_REQUEST", `${seconds} is not a whole number of seconds from 1 to ${ttlSecondsMax}.`);
  return seconds <= intMax ? { ttlSeconds: seconds } : { at: momentText(nowMs + seconds * 1000) };
}

/** A moment as RFC 3339 has it, with milliseconds. It may have passed: the storage node says so. Throws BAD_REQUEST. */
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
