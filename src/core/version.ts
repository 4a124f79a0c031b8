/**
 * The version of an entry: its shard's sequence number at the last write, as a decimal string. It is never reused,
 * neither after a delete nor by another owner of the shard, because each epoch has numbers of its own, above those of
 * all earlier ones. In REST it is quoted as an ETag (RFC 9110).
 */
import { decimalText } from "./text/decimal-text.js";
import { ShardgateError } from "./error.js";
import { versionsPerEpoch } from "./limits.js";

declare const versionBrand: unique symbol;

/** An unsigned 64-bit decimal without leading zeros, at least 1. */
export type Version = string & { readonly [versionBrand]: true };

/** The version in `text`. Throws BAD_REQUEST unless it is a decimal from 1 to 2^64 - 1 without sign or leading zero. */
export function parseVersion(text: string): Version {
  if (isVersion(text)) return text;
  throw new ShardgateError(
    "BAD_REQUEST",
    `Version ${JSON.stringify(text.slice(0, 40))} is not a decimal number from 1 to 2^64 - 1.`,
  );
}

/** Whether `parseVersion` accepts `text`. */
export function isVersion(text: string): text is Version {
  // Only a number of 20 digits can be too large.
  return /^[1-9]\d{0,19}$/.test(text) && (text.length < 20 || BigInt(text) <= 0xffff_ffff_ffff_ffffn);
}

/** A version that no entry ever has, since sequence numbers end far below: a condition on it never holds. */
export const versionNeverGiven = "18446744073709551615" as Version;

/** The number below all sequence numbers of an epoch (1 to `epochMax`); 0 for the first. */
export function sequenceFloor(epoch: number): number {
  return Math.max(0, epoch - 1) * versionsPerEpoch;
}

/** The last sequence number of an epoch; those of the next one follow. */
export function sequenceCeiling(epoch: number): number {
  return sequenceFloor(epoch) + versionsPerEpoch;
}

/** The version of a sequence number (at least 1). */
export function versionOf(sequence: number): Version {
  return decimalText(sequence) as Version;
}
