/**
 * Checksums of stored bytes, and digests over many checksums. A checksum has 32 bits and is computed four bytes at a
 * time in two lanes of reversible steps: it detects every change within four consecutive bytes, and any other change
 * except once in four billion. It is not a CRC because a call of zlib's CRC alone costs more than this checksum of a
 * usual entry. It does not protect against an attacker.
 */
import { fnv1a32, type ShardNumber } from "../core/shard.js";
import { viewOf } from "./memory-view.js";

/**
 * An order-independent sum of checksums. Two lanes, so that two equal changes do not cancel out. Both are unsigned
 * 32-bit numbers.
 */
export interface Digest {
  readonly low: number;
  readonly high: number;
}

export const emptyDigest: Digest = { low: 0, high: 0 };

/** The initial state of the checksum of a record that is stored under `shard` and `key`. */
export function checksumSeed(shard: ShardNumber, key: string): number {
  return fnv1a32(key) ^ Math.imul(shard + 1, 0x27d4eb2f);
}

/**
 * The checksum of `bytes` from offset `from` up to, but not including, `to`. `to` may exceed `bytes.length`, but not
 * the end of the underlying memory.
 */
export function checksumOf(seed: number, bytes: Uint8Array, from: number, to: number): number {
  const view = viewOf(bytes);
  const end = bytes.byteOffset + to;
  let index = bytes.byteOffset + from;
  let left = seed | 0;
  let right = ~seed;
  for (const whole = end - 7; index < whole; index += 8) {
    left = Math.imul(left ^ view.getInt32(index, true), 0x9e3779b1);
    left ^= left >>> 15;
    right = Math.imul(right ^ view.getInt32(index + 4, true), 0x85ebca6b);
    right ^= right >>> 13;
  }
  for (; index < end; index++) {
    left = Math.imul(left ^ view.getUint8(index), 0x9e3779b1);
    left ^= left >>> 15;
  }
  return mixed(left ^ ((right << 16) | (right >>> 16)), 0xc2b2ae35);
}

/** `digest` with one checksum added (`sign` 1) or removed (`sign` -1). */
export function digestWith({ low, high }: Digest, checksum: number, sign: 1 | -1): Digest {
  return {
    low: (low + sign * mixed(checksum ^ 0x5bd1e995, 0x9e3779b1)) >>> 0,
    high: (high + sign * mixed(checksum ^ 0x1b873593, 0x85ebca6b)) >>> 0,
  };
}

export function digestText({ low, high }: Digest): string {
  return [high, low].map((lane) => lane.toString(16).padStart(8, "0")).join("");
}

/** Spreads each bit over all others. Different numbers map to different numbers. */
function mixed(number: number, factor: number): number {
  let bits = Math.imul(number ^ (number >>> 16), factor);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
