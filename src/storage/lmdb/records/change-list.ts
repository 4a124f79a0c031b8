/**
 * A list of the change index: versions and keys of one shard in ascending order, stored under the shard and the list's
 * last version. A record has many items, because each LMDB operation costs about as much as the rest of a put. Keys are
 * copied as bytes, because creating strings for all of them would cost as much again.
 */
import { ShardgateError } from "../../../core/error.js";
import { encodingOf, utf8Bytes, type Key } from "../../../core/key.js";
import type { ShardNumber } from "../../../core/shard.js";
import { bufferOf } from "../../stored-entry.js";
import { checksumBytes, isWhole, sealed } from "./checked-record.js";

/** Most bytes of one list: LMDB fits two of them into one of its pages of 4 KB. */
export const changeListBytesMax = 1_500;

export interface ChangeItem {
  readonly version: number;
  readonly key: Key;
}

export interface ChangeList {
  readonly lastVersion: number;
  readonly record: Buffer;
}

/**
 * Consecutive items. Each has its version's distance from the first version, the length of its key in bytes, and the
 * key.
 */
export interface PackedItems {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
  readonly firstVersion: number;
}

const aboveBytes = 2;
const lengthBytes = 2;
const itemBytes = aboveBytes + lengthBytes;
const aboveMax = 0xffff;
const firstVersionAt = checksumBytes;
const itemsAt = firstVersionAt + 8;

export function packedSize(key: Key): number {
  return itemBytes + utf8Bytes(key);
}

/** Writes an item at offset `at`, where there must be room for it, and returns the offset of its end. */
export function packItem(bytes: Buffer, at: number, firstVersion: number, { version, key }: ChangeItem): number {
  const keyBytes = utf8Bytes(key);
  bytes.writeUInt16BE(version - firstVersion, at);
  bytes.writeUInt16BE(keyBytes, at + aboveBytes);
  bytes.write(key, at + itemBytes, encodingOf(key.length, keyBytes));
  return at + itemBytes + keyBytes;
}

/** Whether an item of `version` may be packed together with one of `firstVersion`. */
export function isNear(version: number, firstVersion: number): boolean {
  return version - firstVersion <= aboveMax;
}

/** Calls `visit` for each item with its version and the start and end offsets of its key. */
export function walkItems(
  { bytes, from, to, firstVersion }: PackedItems,
  visit: (version: number, keyStart: number, keyEnd: number) => void,
): void {
  for (let at = from; at < to;) {
    const keyStart = at + itemBytes;
    const keyEnd = keyStart + bytes.readUInt16BE(at + aboveBytes);
    visit(firstVersion + bytes.readUInt16BE(at), keyStart, keyEnd);
    at = keyEnd;
  }
}

export function unpackItems(packed: PackedItems): readonly ChangeItem[] {
  const items: ChangeItem[] = [];
  walkItems(packed, (version, keyStart, keyEnd) => {
    items.push({ version, key: packed.bytes.toString("utf8", keyStart, keyEnd) as Key });
  });
  return items;
}

/** The items of a list. Throws ENTRY_DAMAGED. */
export function itemsOfList(shard: ShardNumber, lastVersion: number, record: Uint8Array): PackedItems {
  if (!isWhole(record, seedOf(shard, lastVersion), itemsAt)) throw listDamaged(shard, lastVersion);
  const bytes = bufferOf(record);
  return { bytes, from: itemsAt, to: record.length, firstVersion: bytes.readDoubleBE(firstVersionAt) };
}

/** Builds as many lists of one shard as its items need. */
export class ListBuilder {
  readonly #shard: ShardNumber;
  readonly #lists: ChangeList[] = [];
  readonly #bytes = Buffer.allocUnsafe(changeListBytesMax);
  #length = itemsAt;
  #firstVersion = 0;
  #lastVersion = 0;

  constructor(shard: ShardNumber) {
    this.#shard = shard;
  }

  /**
   * Adds the next item. Its version must be above all earlier ones. Its key is the bytes of `source` from `keyStart` to
   * `keyEnd`.
   */
  add(version: number, source: Uint8Array, keyStart: number, keyEnd: number): void {
    const size = itemBytes + keyEnd - keyStart;
    const isFull = this.#length + size > changeListBytesMax || !isNear(version, this.#firstVersion);
    if (this.#length > itemsAt && isFull) this.#endList();
    if (this.#length === itemsAt) this.#firstVersion = version;
    const bytes = this.#bytes;
    let at = this.#length;
    bytes.writeUInt16BE(version - this.#firstVersion, at);
    bytes.writeUInt16BE(keyEnd - keyStart, at + aboveBytes);
    at += itemBytes;
    // For most keys, which are short, a native copy would be slower.
    for (let index = keyStart; index < keyEnd; index++) bytes[at++] = source[index] ?? 0;
    this.#length = at;
    this.#lastVersion = version;
  }

  /** The lists, in order of version. May be called once only. */
  end(): readonly ChangeList[] {
    if (this.#length > itemsAt) this.#endList();
    return this.#lists;
  }

  #endList(): void {
    const record = Buffer.allocUnsafe(this.#length);
    this.#bytes.copy(record, 0, 0, this.#length);
    record.writeDoubleBE(this.#firstVersion, firstVersionAt);
    const lastVersion = this.#lastVersion;
    this.#lists.push({ lastVersion, record: sealed(record, seedOf(this.#shard, lastVersion)) });
    this.#length = itemsAt;
  }
}

/** Packs `items`, which must be ascending, into lists. */
export function listsOf(shard: ShardNumber, items: readonly ChangeItem[]): readonly ChangeList[] {
  const builder = new ListBuilder(shard);
  for (const { version, key } of items) {
    const bytes = Buffer.from(key, "utf8");
    builder.add(version, bytes, 0, bytes.length);
  }
  return builder.end();
}

function seedOf(shard: ShardNumber, lastVersion: number): number {
  return Math.imul(shard + 1, 0x27d4eb2f) ^ (lastVersion % 2 ** 32) ^ Math.floor(lastVersion / 2 ** 32);
}

function listDamaged(shard: ShardNumber, lastVersion: number): ShardgateError {
  const message = `A record of shard ${shard}'s index of changes, up to version ${lastVersion}, fails its checksum and was left as it is.`;
  return new ShardgateError("ENTRY_DAMAGED", message, { shard });
}
