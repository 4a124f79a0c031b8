/**
 * A record of the index of changes: what one commit put into one shard, as versions and keys in ascending order. Its key is
 * the shard and a version that none of its items is above, its ceiling. One record for all items, because each operation
 * on LMDB costs about as much as the rest of a put.
 */
import { ShardgateError } from "../../core/error.js";
import { encodingOf, utf8Bytes, type Key } from "../../core/key.js";
import { changeListBytesMax } from "../../core/limits.js";
import type { ShardNumber } from "../../core/shard.js";
import { bufferOf } from "../stored-entry.js";
import { checksumBytes, isWhole, sealed } from "./checked-record.js";

export interface ChangeItem {
  readonly version: number;
  readonly key: Key;
}

export interface ChangeList {
  readonly ceiling: number;
  readonly record: Buffer;
}

/** Before each key: how far its version is below the ceiling, and how many bytes the key has. */
const belowBytes = 2;
const lengthBytes = 2;
const itemBytes = belowBytes + lengthBytes;
const belowMax = 0xffff;

/** Lists for `items`, in ascending order of version, with versions between which no other list has items. */
export function encodeLists(shard: ShardNumber, items: readonly ChangeItem[]): readonly ChangeList[] {
  const lists: ChangeList[] = [];
  let last = items.length - 1;
  while (last >= 0) {
    const ceiling = versionAt(items, last);
    let first = last;
    let bytes = checksumBytes + sizeOf(items, last);
    while (first > 0 && ceiling - versionAt(items, first - 1) <= belowMax) {
      const more = bytes + sizeOf(items, first - 1);
      if (more > changeListBytesMax) break;
      bytes = more;
      first--;
    }
    lists.push({ ceiling, record: encodeList(shard, ceiling, items.slice(first, last + 1)) });
    last = first - 1;
  }
  return lists;
}

/** One list; no version is above `ceiling`. */
export function encodeList(shard: ShardNumber, ceiling: number, items: readonly ChangeItem[]): Buffer {
  let length = checksumBytes;
  for (const { key } of items) length += itemBytes + utf8Bytes(key);
  const record = Buffer.allocUnsafe(length);
  let at = checksumBytes;
  for (const { version, key } of items) {
    const keyBytes = utf8Bytes(key);
    record.writeUInt16BE(ceiling - version, at);
    record.writeUInt16BE(keyBytes, at + belowBytes);
    record.write(key, at + itemBytes, encodingOf(key.length, keyBytes));
    at += itemBytes + keyBytes;
  }
  return sealed(record, seedOf(shard, ceiling));
}

/** Nothing of `record` is kept. Throws ENTRY_DAMAGED. */
export function decodeList(shard: ShardNumber, ceiling: number, record: Uint8Array): readonly ChangeItem[] {
  if (!isWhole(record, seedOf(shard, ceiling), checksumBytes)) throw listDamaged(shard, ceiling);
  const bytes = bufferOf(record);
  const items: ChangeItem[] = [];
  let at = checksumBytes;
  while (at < record.length) {
    const start = at + itemBytes;
    const end = start + bytes.readUInt16BE(at + belowBytes);
    items.push({ version: ceiling - bytes.readUInt16BE(at), key: bytes.toString("utf8", start, end) as Key });
    at = end;
  }
  return items;
}

function versionAt(items: readonly ChangeItem[], index: number): number {
  return items[index]?.version ?? 0;
}

function sizeOf(items: readonly ChangeItem[], index: number): number {
  return itemBytes + utf8Bytes(items[index]?.key ?? "");
}

function seedOf(shard: ShardNumber, ceiling: number): number {
  return Math.imul(shard + 1, 0x27d4eb2f) ^ (ceiling % 2 ** 32) ^ Math.floor(ceiling / 2 ** 32);
}

function listDamaged(shard: ShardNumber, ceiling: number): ShardgateError {
  const message = `A record of shard ${shard}'s index of changes, up to version ${ceiling}, fails its checksum and was left as it is.`;
  return new ShardgateError("ENTRY_DAMAGED", message, { shard });
}
