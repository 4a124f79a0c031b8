/**
 * How entries stand in LMDB, as bytes whose order is the order of keys. Every number is a big-endian double: exact for
 * safe integers, and bytewise in numeric order from zero on; "never" is Infinity. Shards are two bytes, text is UTF-8.
 */
import type { Entry } from "../core/entry.js";
import type { JsonText } from "../core/json-text.js";
import { encodingOf, utf8Bytes, type Key } from "../core/key.js";
import { keyBytesMax } from "../core/limits.js";
import type { ScanOperation } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import { versionOf } from "../core/version.js";

/** Keys from `lower` on and before `upper`. */
export interface ByteRange {
  readonly lower: Buffer;
  readonly upper: Buffer;
}

/** What is kept of a shard beside its entries. */
export interface ShardFigures {
  /** The last sequence number given away. */
  readonly sequence: number;
  /** Stored entries, with those that have expired and are not yet swept; bytes of their keys and values. */
  readonly keyCount: number;
  readonly sizeBytes: number;
}

const shardBytes = 2;
const numberBytes = 8;
const headerBytes = 4 * numberBytes;

/** Key of an entry: its shard, then the key itself. */
export function entryKey(shard: ShardNumber, key: string): Buffer {
  const bytes = Buffer.allocUnsafe(shardBytes + utf8Bytes(key));
  bytes.writeUInt16BE(shard);
  bytes.write(key, shardBytes);
  return bytes;
}

/** Key of a shard's figures, and the beginning of the keys of its entries. */
export function shardKey(shard: ShardNumber): Buffer {
  const bytes = Buffer.allocUnsafe(shardBytes);
  bytes.writeUInt16BE(shard);
  return bytes;
}

export function shardOfEntryKey(bytes: Uint8Array): ShardNumber {
  return view(bytes).readUInt16BE(0) as ShardNumber;
}

export function keyOfEntryKey(bytes: Uint8Array): Key {
  return view(bytes).toString("utf8", shardBytes) as Key;
}

/** Record of an entry: sequence, times, then the value's text. */
export function encodeEntry(entry: Entry): Buffer {
  const { version, createdAtMs, updatedAtMs, expiresAtMs, value } = entry;
  const valueBytes = utf8Bytes(value);
  const bytes = Buffer.allocUnsafe(headerBytes + valueBytes);
  bytes.writeDoubleBE(Number(version), 0);
  bytes.writeDoubleBE(Number(createdAtMs), numberBytes);
  bytes.writeDoubleBE(Number(updatedAtMs), 2 * numberBytes);
  bytes.writeDoubleBE(expiresAtMs ?? Infinity, 3 * numberBytes);
  bytes.write(value, headerBytes, encodingOf(value.length, valueBytes));
  return bytes;
}

/** Nothing of `record` is kept. */
export function decodeEntry(key: Key, record: Uint8Array): Entry {
  const bytes = view(record);
  const expiresAtMs = bytes.readDoubleBE(3 * numberBytes);
  return {
    key,
    value: bytes.toString("utf8", headerBytes, record.length) as JsonText,
    version: versionOf(bytes.readDoubleBE(0)),
    createdAtMs: bytes.readDoubleBE(numberBytes),
    updatedAtMs: bytes.readDoubleBE(2 * numberBytes),
    expiresAtMs: expiresAtMs === Infinity ? null : expiresAtMs,
  };
}

/** Key of an entry's place in the order of expiry: its moment, then the entry's key. */
export function expiryKey(expiresAtMs: number, key: Uint8Array): Buffer {
  return Buffer.concat([numbers(expiresAtMs), key]);
}

export function entryKeyOfExpiryKey(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(numberBytes);
}

/** Expiry keys of what has expired at `nowMs`. No shard's number begins with the byte that ends the range. */
export function expiredRange(nowMs: number): ByteRange {
  return { lower: numbers(0), upper: Buffer.concat([numbers(Math.max(nowMs, 0)), Buffer.of(0xff)]) };
}

/** Record behind an expiry key: the entry's size, so that figures need not read the entry. */
export function encodeSize(sizeBytes: number): Buffer {
  return encodeNumber(sizeBytes);
}

export function decodeSize(bytes: Uint8Array): number {
  return decodeNumber(bytes);
}

export function encodeNumber(number: number): Buffer {
  return numbers(number);
}

export function decodeNumber(bytes: Uint8Array): number {
  return view(bytes).readDoubleBE(0);
}

export function encodeFigures({ sequence, keyCount, sizeBytes }: ShardFigures): Buffer {
  return numbers(sequence, keyCount, sizeBytes);
}

export function decodeFigures(record: Uint8Array): ShardFigures {
  const bytes = view(record);
  return {
    sequence: bytes.readDoubleBE(0),
    keyCount: bytes.readDoubleBE(numberBytes),
    sizeBytes: bytes.readDoubleBE(2 * numberBytes),
  };
}

/** The entry keys of a scan; `lower` is not below `upper` when there can be none. */
export function scanRange({ shard, prefix, after, before }: ScanOperation): ByteRange {
  const whole = boundKey(shard, prefix);
  // In bytewise order nothing stands between a key and the same with a zero byte behind.
  const lowest = after === null ? whole : Buffer.concat([boundKey(shard, after), Buffer.of(0)]);
  const behind = successor(whole);
  const highest = before === null ? behind : boundKey(shard, before);
  return {
    lower: Buffer.compare(lowest, whole) > 0 ? lowest : whole,
    upper: Buffer.compare(highest, behind) < 0 ? highest : behind,
  };
}

/** A bound longer than any key is cut, because LMDB takes none so long; one byte more than a key's keeps its place. */
function boundKey(shard: ShardNumber, text: string): Buffer {
  return entryKey(shard, text).subarray(0, shardBytes + keyBytesMax + 1);
}

/** The least bytes that are above all that begin with `bytes`, which are not all 0xff: the first is a shard's. */
function successor(bytes: Buffer): Buffer {
  let length = bytes.length;
  while (bytes[length - 1] === 0xff) length--;
  const next = Buffer.from(bytes.subarray(0, length));
  next.writeUInt8(next.readUInt8(length - 1) + 1, length - 1);
  return next;
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * numberBytes);
  values.forEach((value, index) => bytes.writeDoubleBE(value, index * numberBytes));
  return bytes;
}

/** What lmdb reads the fast way is a buffer whose `length` says how much of it counts. */
function view(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
