/**
 * The stored form of an entry, the same for every engine: checksum, version, times, then the value's JSON text. Numbers
 * are big-endian doubles, exact for safe integers; Infinity means "never". The checksum covers the shard, the key and
 * all bytes after it.
 */
import { ShardgateError } from "../core/error.js";
import type { JsonEntry } from "../core/entry.js";
import type { JsonText } from "../core/text/json-text.js";
import { encodingOf, utf8Bytes, type Key } from "../core/key.js";
import type { ShardNumber } from "../core/shard.js";
import { utf8Text } from "../core/text/utf8.js";
import { versionOf } from "../core/version.js";
import { checksumOf, checksumSeed } from "./checksum.js";
import { viewOf } from "./memory-view.js";

export interface StoredEntry {
  readonly entry: JsonEntry;
  readonly checksum: number;
  /** Bytes of the key and the value, as the shards' figures count them. */
  readonly sizeBytes: number;
}

export interface EncodedEntry extends StoredEntry {
  readonly record: Buffer;
}

const checksumBytes = 4;
const numberBytes = 8;
const createdAt = checksumBytes + numberBytes;
const updatedAt = createdAt + numberBytes;
const expiresAt = updatedAt + numberBytes;
export const entryHeaderBytes = expiresAt + numberBytes;

export function encodeEntry(shard: ShardNumber, entry: JsonEntry): EncodedEntry {
  const { key, version, createdAtMs, updatedAtMs, expiresAtMs, value } = entry;
  const valueBytes = utf8Bytes(value);
  const record = Buffer.allocUnsafe(entryHeaderBytes + valueBytes);
  const view = viewOf(record);
  const start = record.byteOffset;
  view.setFloat64(start + checksumBytes, Number(version));
  view.setFloat64(start + createdAt, Number(createdAtMs));
  view.setFloat64(start + updatedAt, Number(updatedAtMs));
  view.setFloat64(start + expiresAt, expiresAtMs ?? Infinity);
  record.write(value, entryHeaderBytes, encodingOf(value.length, valueBytes));
  const checksum = checksumOf(checksumSeed(shard, key), record, checksumBytes, record.length);
  viewOf(record).setUint32(start, checksum);
  return { entry, checksum, sizeBytes: utf8Bytes(key) + valueBytes, record };
}

/** The result shares no memory with `record`. Throws ENTRY_DAMAGED. */
export function decodeEntry(shard: ShardNumber, key: Key, record: Uint8Array): JsonEntry {
  if (!isWholeEntry(shard, key, record)) throw entryDamaged(shard, key);
  const { length, byteOffset } = record;
  const view = viewOf(record);
  const expiresAtMs = view.getFloat64(byteOffset + expiresAt);
  return {
    key,
    value: utf8Text(bufferOf(record), entryHeaderBytes, length) as JsonText,
    version: versionOf(view.getFloat64(byteOffset + checksumBytes)),
    createdAtMs: view.getFloat64(byteOffset + createdAt),
    updatedAtMs: view.getFloat64(byteOffset + updatedAt),
    expiresAtMs: expiresAtMs === Infinity ? null : expiresAtMs,
  };
}

/** Whether the checksum of `record` matches its content. */
export function isWholeEntry(shard: ShardNumber, key: Key, record: Uint8Array): boolean {
  const { length, byteOffset } = record;
  if (length < entryHeaderBytes) return false;
  return viewOf(record).getUint32(byteOffset) === checksumOf(checksumSeed(shard, key), record, checksumBytes, length);
}

/** The version in `record`, which must be long enough, without a check of the checksum. */
export function uncheckedVersion(record: Uint8Array): number {
  return viewOf(record).getFloat64(record.byteOffset + checksumBytes);
}

/** As `decodeEntry`, and returns what the shard's figures need. */
export function decodeStoredEntry(shard: ShardNumber, key: Key, record: Uint8Array): StoredEntry {
  const sizeBytes = utf8Bytes(key) + record.length - entryHeaderBytes;
  const entry = decodeEntry(shard, key, record);
  return { entry, checksum: viewOf(record).getUint32(record.byteOffset), sizeBytes };
}

export function isDamage(error: unknown): error is ShardgateError {
  return error instanceof ShardgateError && error.code === "ENTRY_DAMAGED";
}

export function entryDamaged(shard: ShardNumber, key: Key): ShardgateError {
  const message = `The entry of key ${JSON.stringify(key)} in shard ${shard} fails its checksum and was left as it is.`;
  return new ShardgateError("ENTRY_DAMAGED", message, { shard, key });
}

/**
 * `bytes` as a Buffer over the same memory. lmdb's fast reads return a buffer whose `length` is the valid part of it.
 */
export function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
