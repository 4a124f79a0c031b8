/** LMDB records other than entries that carry their own checksum: shard headers, tombstones and the document. */
import { ShardgateError } from "../../../core/error.js";
import type { Key } from "../../../core/key.js";
import type { ShardNumber } from "../../../core/shard.js";
import { versionOf } from "../../../core/version.js";
import type { Tombstone } from "../../change-feed.js";
import { checksumOf } from "../../checksum.js";
import { viewOf } from "../../memory-view.js";
import type { ShardHeader } from "../../shard-header.js";
import { bufferOf } from "../../stored-entry.js";

/** Length of the checksum at the beginning of each record. */
export const checksumBytes = 4;
const numberBytes = 8;

/** The header's numbers, in order. After them come the two lanes of the digest and the id of the move. */
const headerNumbers = [
  "epoch",
  "releasedEpoch",
  "lineage",
  "expiryMarkMs",
  "sequence",
  "keyCount",
  "sizeBytes",
  "expiringCount",
  "tombstoneCount",
  "horizon",
  "staleCount",
] as const;
const digestAt = checksumBytes + headerNumbers.length * numberBytes;
const sealedForAt = digestAt + 2 * 4;

/** Stands for null. No move has this id. */
const noMove = "";

export function encodeHeader(shard: ShardNumber, header: ShardHeader): Buffer {
  const sealedFor = Buffer.from(header.sealedFor ?? noMove, "utf8");
  const bytes = Buffer.allocUnsafe(sealedForAt + sealedFor.length);
  const view = viewOf(bytes);
  const start = bytes.byteOffset;
  headerNumbers.forEach((name, index) => view.setFloat64(start + numberAt(index), header[name]));
  view.setUint32(start + digestAt, header.digest.low);
  view.setUint32(start + digestAt + 4, header.digest.high);
  sealedFor.copy(bytes, sealedForAt);
  return sealed(bytes, shard);
}

/** Throws ENTRY_DAMAGED. */
export function decodeHeader(shard: ShardNumber, record: Uint8Array): ShardHeader {
  if (!isWhole(record, shard, sealedForAt)) throw headerDamaged(shard);
  const view = viewOf(record);
  const start = record.byteOffset;
  const number = (index: number): number => view.getFloat64(start + numberAt(index));
  return {
    epoch: number(0),
    releasedEpoch: number(1),
    lineage: number(2),
    expiryMarkMs: number(3),
    sequence: number(4),
    keyCount: number(5),
    sizeBytes: number(6),
    expiringCount: number(7),
    tombstoneCount: number(8),
    horizon: number(9),
    staleCount: number(10),
    sealedFor: record.length === sealedForAt ? null : bufferOf(record).toString("utf8", sealedForAt, record.length),
    digest: { low: view.getUint32(start + digestAt), high: view.getUint32(start + digestAt + 4) },
  };
}

function numberAt(index: number): number {
  return checksumBytes + index * numberBytes;
}

const versionAt = checksumBytes;
const atMsAt = versionAt + numberBytes;
const kindAt = atMsAt + numberBytes;
const keyAt = kindAt + 1;
const tombstoneKinds = ["deleted", "expired"] as const;

export function encodeTombstone(shard: ShardNumber, { kind, key, version, atMs }: Tombstone): Buffer {
  const text = Buffer.from(key, "utf8");
  const bytes = Buffer.allocUnsafe(keyAt + text.length);
  bytes.writeDoubleBE(Number(version), versionAt);
  bytes.writeDoubleBE(atMs, atMsAt);
  bytes.writeUInt8(tombstoneKinds.indexOf(kind), kindAt);
  text.copy(bytes, keyAt);
  return sealed(bytes, shard);
}

/** Throws ENTRY_DAMAGED. */
export function decodeTombstone(shard: ShardNumber, version: number, record: Uint8Array): Tombstone {
  const bytes = bufferOf(record);
  const isGood = isWhole(record, shard, keyAt) && bytes.readDoubleBE(versionAt) === version;
  const kind = isGood ? tombstoneKinds[bytes.readUInt8(kindAt)] : undefined;
  const key = bytes.toString("utf8", keyAt, record.length) as Key;
  if (kind === undefined) {
    const message = `The tombstone of key ${JSON.stringify(key)} in shard ${shard} fails its checksum.`;
    throw new ShardgateError("ENTRY_DAMAGED", message, { shard, key });
  }
  return { kind, key, version: versionOf(version), atMs: bytes.readDoubleBE(atMsAt) };
}

export function encodeDocument(text: string): Buffer {
  return sealed(Buffer.concat([Buffer.alloc(checksumBytes), Buffer.from(text, "utf8")]), documentSeed);
}

/** Throws STORAGE_FAILED when the document is damaged. */
export function decodeDocument(record: Uint8Array): string {
  if (isWhole(record, documentSeed, checksumBytes)) {
    return bufferOf(record).toString("utf8", checksumBytes, record.length);
  }
  throw new ShardgateError(
    "STORAGE_FAILED",
    "The record of the store's identity is damaged. Restore it from a backup.",
  );
}

const documentSeed = -1;

/** Writes the checksum of `bytes` into its first bytes, which must be left free, and returns `bytes`. */
export function sealed(bytes: Buffer, seed: number): Buffer {
  bytes.writeUInt32BE(checksumOf(seed, bytes, checksumBytes, bytes.length), 0);
  return bytes;
}

/** Whether `record` has at least `lengthMin` bytes and the right checksum. */
export function isWhole(record: Uint8Array, seed: number, lengthMin: number): boolean {
  const { length, byteOffset } = record;
  return (
    length >= lengthMin && viewOf(record).getUint32(byteOffset) === checksumOf(seed, record, checksumBytes, length)
  );
}

function headerDamaged(shard: ShardNumber): ShardgateError {
  const message = `The header record of shard ${shard}, with its claim and counts, fails its checksum; nothing of the shard was read or written.`;
  return new ShardgateError("ENTRY_DAMAGED", message, { shard });
}
