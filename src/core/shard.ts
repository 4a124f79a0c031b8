/**
 * Which shard a key belongs to: FNV-1a, 32 bits, over the key's UTF-8 bytes, modulo the number of shards.
 * Source of the hash: http://www.isthe.com/chongo/tech/comp/fnv/ (offset basis 2166136261, prime 16777619).
 */
import { ShardgateError } from "./error.js";
import type { Key } from "./key.js";
import { shardCountMax } from "./limits.js";

declare const shardBrand: unique symbol;

/** A shard's number, 0 to shardCount - 1. */
export type ShardNumber = number & { readonly [shardBrand]: true };

/**
 * ACTIVE: the shard's keys are served. UNAVAILABLE: its storage node cannot serve them now. UNASSIGNED: it has no
 * storage node.
 */
export type ShardState = "ACTIVE" | "UNAVAILABLE" | "UNASSIGNED";

/** The name under which the registry records the hash, so that a program with another hash is refused at its start. */
export const hashName = "fnv1a-32";

/** The shard that owns `key` in a cluster of `shardCount` shards. */
export function shardOfKey(key: Key, shardCount: number): ShardNumber {
  return (fnv1a32(key) % shardCount) as ShardNumber;
}

/** FNV-1a over the UTF-8 bytes of `text`, as an unsigned 32-bit number. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // ASCII, by far the most common, needs no encoder.
    if (unit > 0x7f) return fnv1aBytes(Buffer.from(text.slice(index), "utf8"), hash);
    hash = Math.imul(hash ^ unit, 0x01000193);
  }
  return hash >>> 0;
}

/** The shard number in `value`. Throws SHARD_NOT_FOUND unless it is an integer from 0 to shardCount - 1. */
export function parseShard(value: unknown, shardCount: number = shardCountMax): ShardNumber {
  const number = typeof value === "string" && /^(0|[1-9]\d{0,8})$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 0 || number >= shardCount) {
    throw new ShardgateError(
      "SHARD_NOT_FOUND",
      `Shard ${JSON.stringify(value)} does not exist; shards are numbered 0 to ${shardCount - 1}.`,
    );
  }
  return number as ShardNumber;
}

function fnv1aBytes(bytes: Uint8Array, start: number): number {
  let hash = start;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
