/**
 * The journal of recent puts of all shards: one record per commit, in commit order, so that a commit touches one page
 * of the journal instead of one page per shard. storage/lmdb/records/change-index.ts moves the records of many commits
 * at once to the shards' lists.
 */
import { ShardgateError } from "../../../core/error.js";
import type { ShardNumber } from "../../../core/shard.js";
import { checksumOf } from "../../checksum.js";
import { bufferOf, isDamage } from "../../stored-entry.js";
import { isNear, packedSize, packItem, type ChangeItem, type PackedItems } from "./change-list.js";
import { checksumBytes, isWhole, sealed } from "./checked-record.js";
import type { Bytes } from "./databases.js";
import { decodeNumber, encodeNumber } from "./record.js";

export interface JournalItem extends ChangeItem {
  readonly shard: ShardNumber;
}

/** The items of one shard in a record, in ascending order of version. */
export interface JournalSection extends PackedItems {
  readonly shard: ShardNumber;
}

/** The records taken from the beginning of the journal. */
export interface JournalStart {
  readonly sections: readonly JournalSection[];
  /** Bytes of the records. */
  readonly bytes: number;
}

/** A section begins with its shard, its length in bytes and its first version. */
const lengthAt = 2;
const firstVersionAt = lengthAt + 4;
const itemsAt = firstVersionAt + 8;
const numberBytes = 8;
const seed = 0x6a6f7572;

export class ChangeJournal {
  readonly #records: Bytes;
  /** Number of the last record that this process wrote. The transaction that wrote it may have been rolled back. */
  #last = 0;

  constructor(records: Bytes) {
    this.#records = records;
  }

  /** Appends the items of one commit, in any order. Call within its transaction. */
  append(items: readonly JournalItem[]): void {
    this.#last = this.#lastNumber() + 1;
    const id = encodeNumber(this.#last);
    this.#records.put(id, encodeJournalRecord(id, items));
  }

  /** Yields all sections, in order. Throws ENTRY_DAMAGED. */
  *sections(): Iterable<JournalSection> {
    for (const { key: id, value } of this.#records.getRange()) yield* sectionsOf(id, value);
  }

  /**
   * Throws ENTRY_DAMAGED when the first or the last record is damaged. Only in these cases can readers see items that
   * are newer than those of a damaged record: the records before it were taken, or damage to its number has put it
   * after all others.
   */
  checkEnds(): void {
    for (const reverse of [false, true]) {
      for (const { key: id, value } of this.#records.getRange({ reverse, limit: 1 })) sectionsOf(id, value);
    }
  }

  /**
   * Removes records from the beginning until `bytesMax` bytes are reached; the last record may exceed that. Stops at a
   * damaged record, so that readers of the feed are refused instead of missing its items. Call within a transaction.
   */
  take(bytesMax: number): JournalStart {
    const ids: Uint8Array[] = [];
    const sections: JournalSection[] = [];
    let bytes = 0;
    for (const { key: id, value } of this.#records.getRange()) {
      if (bytes >= bytesMax) break;
      try {
        sections.push(...sectionsOf(id, value));
        bytes += value.length;
        ids.push(id);
      } catch (error) {
        if (!isDamage(error)) throw error;
      }
    }
    for (const id of ids) this.#records.remove(id);
    return { sections, bytes };
  }

  /**
   * Two lookups take a tenth of the time of a search. Records are removed in order: while this one exists, so do all
   * after it.
   */
  #lastNumber(): number {
    const id = encodeNumber(this.#last);
    const record = this.#records.getBinaryFast(id);
    const isThere = record !== undefined && isWholeRecord(id, record);
    if (isThere && this.#records.getBinaryFast(encodeNumber(this.#last + 1)) === undefined) return this.#last;
    for (const last of this.#records.getKeys({ reverse: true })) {
      const number = last.length === numberBytes ? Math.floor(decodeNumber(last)) : -1;
      // A damaged number may have no successor.
      if (Number.isSafeInteger(number) && number >= 0) return number;
    }
    return 0;
  }
}

/** `id` is the record's key in LMDB. */
export function encodeJournalRecord(id: Uint8Array, items: readonly JournalItem[]): Buffer {
  const ordered = items.toSorted((one, other) => one.shard - other.shard || one.version - other.version);
  let length = checksumBytes;
  for (const { key } of ordered) length += itemsAt + packedSize(key);
  // Shortened below: only the first item of a section uses the room for the section's beginning.
  const record = Buffer.allocUnsafe(length);
  let section = { shard: -1, at: checksumBytes, firstVersion: 0 };
  let end = checksumBytes;
  for (const item of ordered) {
    if (item.shard !== section.shard || !isNear(item.version, section.firstVersion)) {
      section = { shard: item.shard, at: end, firstVersion: item.version };
      record.writeUInt16BE(item.shard, end);
      record.writeDoubleBE(item.version, end + firstVersionAt);
      end += itemsAt;
    }
    end = packItem(record, end, section.firstVersion, item);
    record.writeUInt32BE(end - section.at, section.at + lengthAt);
  }
  return sealed(record.subarray(0, end), seedOf(id));
}

/** Throws ENTRY_DAMAGED. */
export function sectionsOf(id: Uint8Array, record: Uint8Array): readonly JournalSection[] {
  if (!isWholeRecord(id, record)) throw journalDamaged();
  const bytes = bufferOf(record);
  const sections: JournalSection[] = [];
  for (let at = checksumBytes; at < record.length;) {
    const to = at + bytes.readUInt32BE(at + lengthAt);
    const shard = bytes.readUInt16BE(at) as ShardNumber;
    sections.push({ shard, bytes, from: at + itemsAt, to, firstVersion: bytes.readDoubleBE(at + firstVersionAt) });
    at = to;
  }
  return sections;
}

function isWholeRecord(id: Uint8Array, record: Uint8Array): boolean {
  return isWhole(record, seedOf(id), checksumBytes);
}

function seedOf(id: Uint8Array): number {
  return checksumOf(seed, id, 0, id.length);
}

function journalDamaged(): ShardgateError {
  const message =
    "A record of the journal of changes fails its checksum and was left as it is. Entries can still be read and written.";
  return new ShardgateError("ENTRY_DAMAGED", message);
}
