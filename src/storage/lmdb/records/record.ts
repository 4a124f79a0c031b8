/**
 * Encodes LMDB keys and small records as bytes that sort in key order. Numbers are big-endian doubles: exact for safe
 * integers, and from zero on in bytewise numeric order. Shards take two bytes; text is UTF-8.
 */
import { utf8Bytes, type Key } from "../../../core/key.js";
import { keyBytesMax } from "../../../core/limits.js";
import type { ScanOperation } from "../../../core/operation.js";
import type { ShardNumber } from "../../../core/shard.js";
import { bufferOf } from "../../stored-entry.js";

/** Keys from `lower` up to, but not including, `upper`. */
export interface ByteRange {
  readonly lower: Buffer;
  readonly upper: Buffer;
}

const shardBytes = 2;
const numberBytes = 8;

/** Identifies an entry. LMDB encodes it directly into its own buffer; `entryKey` yields the same bytes. */
export type EntryId = [shard: ShardNumber, key: Key];

/** Encodes entry keys into lmdb's buffers. */
export const entryKeyEncoder = {
  /** Returns the end offset of the key. */
  writeKey([shard, key]: EntryId, target: Uint8Array, start: number): number {
    target[start] = shard >>> 8;
    target[start + 1] = shard;
    return writeText(key, target, start + shardBytes);
  },
};

function writeText(text: string, target: Uint8Array, start: number): number {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // ASCII, by far the most common, needs no encoder.
    if (unit > 0x7f) return start + encoder.encodeInto(text, target.subarray(start)).written;
    target[start + index] = unit;
  }
  return start + text.length;
}

const encoder = new TextEncoder();

/** Key of an entry, and of the reference to its key's tombstone: the shard, then the key itself. */
export function entryKey(shard: ShardNumber, key: string): Buffer {
  const bytes = Buffer.allocUnsafe(shardBytes + utf8Bytes(key));
  bytes.writeUInt16BE(shard);
  bytes.write(key, shardBytes);
  return bytes;
}

/** Key of a shard's header, and the prefix of all other keys of the shard. */
export function shardKey(shard: ShardNumber): Buffer {
  const bytes = Buffer.allocUnsafe(shardBytes);
  bytes.writeUInt16BE(shard);
  return bytes;
}

export function shardOfKeyBytes(bytes: Uint8Array): ShardNumber {
  return bufferOf(bytes).readUInt16BE(0) as ShardNumber;
}

export function keyOfEntryKey(bytes: Uint8Array): Key {
  return bufferOf(bytes).toString("utf8", shardBytes, bytes.length) as Key;
}

/** Key of a tombstone (its shard and version) or of a list of the change index (its shard and last version). */
export function versionKey(shard: ShardNumber, version: number): Buffer {
  const bytes = Buffer.allocUnsafe(shardBytes + numberBytes);
  bytes.writeUInt16BE(shard);
  bytes.writeDoubleBE(version, shardBytes);
  return bytes;
}

/** The version in a version key, or the moment in an expiry key. */
export function numberOfKey(bytes: Uint8Array): number {
  return bufferOf(bytes).readDoubleBE(shardBytes);
}

/** Version keys of the shard above `version`. */
export function versionsAfter(shard: ShardNumber, version: number): ByteRange {
  return { lower: Buffer.concat([versionKey(shard, version), Buffer.of(0)]), upper: versionKey(shard, Infinity) };
}

/** Version keys of the shard from `version` on, inclusive. */
export function versionsFrom(shard: ShardNumber, version: number): ByteRange {
  return { lower: versionKey(shard, version), upper: versionKey(shard, Infinity) };
}

/** `range` in the form that lmdb expects. */
export function between({ lower, upper }: ByteRange): { readonly start: Buffer; readonly end: Buffer } {
  return { start: lower, end: upper };
}

export function encodeText(text: string): Buffer {
  return Buffer.from(text, "utf8");
}

export function decodeText(bytes: Uint8Array): string {
  return bufferOf(bytes).toString("utf8", 0, bytes.length);
}

/** Key of an entry in its shard's order of expiry: the shard, the moment, then the key. */
export function expiryKey(shard: ShardNumber, expiresAtMs: number, key: string): Buffer {
  const bytes = Buffer.allocUnsafe(shardBytes + numberBytes + utf8Bytes(key));
  bytes.writeUInt16BE(shard);
  bytes.writeDoubleBE(expiresAtMs, shardBytes);
  bytes.write(key, shardBytes + numberBytes);
  return bytes;
}

export function keyOfExpiryKey(bytes: Uint8Array): Key {
  return bufferOf(bytes).toString("utf8", shardBytes + numberBytes, bytes.length) as Key;
}

/** Expiry keys of the entries that have expired in the shard at `atMs`. */
export function expiredRange(shard: ShardNumber, atMs: number): ByteRange {
  const upper = Buffer.concat([versionKey(shard, Math.max(atMs, 0)), Buffer.of(0xff)]);
  return { lower: versionKey(shard, 0), upper };
}

/** The record under an expiry key (the entry's size), or under a tombstone reference (its version). */
export function encodeNumber(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(numberBytes);
  bytes.writeDoubleBE(number);
  return bytes;
}

export function decodeNumber(bytes: Uint8Array): number {
  return bufferOf(bytes).readDoubleBE(0);
}

/** The entry keys of a scan. The range is empty when `lower` is not below `upper`. */
export function scanRange({ shard, prefix, after, before }: ScanOperation): ByteRange {
  const whole = boundKey(shard, prefix);
  // In bytewise order the immediate successor of a key is the key followed by a zero byte.
  const lowest = after === null ? whole : Buffer.concat([boundKey(shard, after), Buffer.of(0)]);
  const behind = successor(whole);
  const highest = before === null ? behind : boundKey(shard, before);
  return {
    lower: Buffer.compare(lowest, whole) > 0 ? lowest : whole,
    upper: Buffer.compare(highest, behind) < 0 ? highest : behind,
  };
}

/**
 * A bound longer than any key is truncated, because LMDB accepts no longer keys; one byte more than the longest key
 * preserves its order.
 */
function boundKey(shard: ShardNumber, text: string): Buffer {
  return entryKey(shard, text).subarray(0, shardBytes + keyBytesMax + 1);
}

/** The smallest bytes above all that begin with `bytes`. `bytes` is never all 0xff, because it begins with a shard. */
function successor(bytes: Buffer): Buffer {
  let length = bytes.length;
  while (bytes[length - 1] === 0xff) length--;
  const next = Buffer.from(bytes.subarray(0, length));
  next.writeUInt8(next.readUInt8(length - 1) + 1, length - 1);
  return next;
}
