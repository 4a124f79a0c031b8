/**
 * Reads and writes, record by record, all that LMDB stores of shards, in the snapshot or transaction that is current;
 * storage/lmdb/lmdb-engine.ts decides which that is. Throws ENTRY_DAMAGED for damaged records.
 */
import type { JsonEntry } from "../../../core/entry.js";
import type { Key } from "../../../core/key.js";
import type { ScanOperation } from "../../../core/operation.js";
import type { ShardNumber } from "../../../core/shard.js";
import { versionOfChange, type Tombstone } from "../../change-feed.js";
import type { Change } from "../../engine.js";
import { emptyHeader, type ShardHeader } from "../../shard-header.js";
import type { EntryChange, StoragePlan } from "../../storage-plan.js";
import { decodeEntry, decodeStoredEntry, isDamage, type StoredEntry } from "../../stored-entry.js";
import type { ExpiredEntries } from "../../sweep-plan.js";
import type { StoredState } from "../../write-plan.js";
import { ChangeIndex } from "./change-index.js";
import type { JournalItem } from "./change-journal.js";
import { decodeHeader, decodeTombstone, encodeHeader, encodeTombstone } from "./checked-record.js";
import type { Databases } from "./databases.js";
import {
  between,
  decodeNumber,
  encodeNumber,
  entryKey,
  expiredRange,
  expiryKey,
  keyOfEntryKey,
  keyOfExpiryKey,
  numberOfKey,
  scanRange,
  shardKey,
  shardOfKeyBytes,
  versionKey,
  versionsAfter,
} from "./record.js";
import { StaleItems } from "./stale-items.js";

export interface ShardHeaders {
  readonly whole: ReadonlyMap<ShardNumber, ShardHeader>;
  readonly damaged: readonly ShardNumber[];
}

export class ShardRecords implements StoredState {
  readonly #databases: Databases;
  readonly #index: ChangeIndex;
  readonly staleItems: StaleItems;

  constructor(databases: Databases) {
    this.#databases = databases;
    this.#index = new ChangeIndex(databases);
    this.staleItems = new StaleItems(databases, this.#index);
  }

  header(shard: ShardNumber): ShardHeader {
    const bytes = this.#databases.shards.getBinaryFast(shardKey(shard));
    return bytes === undefined ? emptyHeader : decodeHeader(shard, bytes);
  }

  /** The shard's header; null when it is damaged. */
  wholeHeader(shard: ShardNumber): ShardHeader | null {
    return wholeOrNull(() => this.header(shard));
  }

  /** The headers of all shards that have one. */
  headers(): ShardHeaders {
    const whole = new Map<ShardNumber, ShardHeader>();
    const damaged: ShardNumber[] = [];
    for (const { key, value } of this.#databases.shards.getRange()) {
      const shard = shardOfKeyBytes(key);
      const header = wholeOrNull(() => decodeHeader(shard, value));
      if (header === null) damaged.push(shard);
      else whole.set(shard, header);
    }
    return { whole, damaged };
  }

  /** The headers of `shards`, except the damaged ones. */
  headersOf(shards: Iterable<ShardNumber>): ReadonlyMap<ShardNumber, ShardHeader> {
    const whole = new Map<ShardNumber, ShardHeader>();
    for (const shard of shards) {
      const header = this.wholeHeader(shard);
      if (header !== null) whole.set(shard, header);
    }
    return whole;
  }

  /** As `find`, but returns only what readers see of the entry. */
  findEntry(shard: ShardNumber, key: Key): JsonEntry | null {
    const bytes = this.#record(shard, key);
    return bytes === undefined ? null : decodeEntry(shard, key, bytes);
  }

  find(shard: ShardNumber, key: Key): StoredEntry | null {
    const bytes = this.#record(shard, key);
    return bytes === undefined ? null : decodeStoredEntry(shard, key, bytes);
  }

  findTombstone(shard: ShardNumber, key: Key): number | null {
    const bytes = this.#databases.buried.getBinaryFast(entryKey(shard, key));
    return bytes === undefined ? null : decodeNumber(bytes);
  }

  *range(operation: ScanOperation): Iterable<JsonEntry> {
    const { lower, upper } = scanRange(operation);
    if (Buffer.compare(lower, upper) >= 0) return;
    const options = operation.isReverse
      ? { start: upper, exclusiveStart: true, end: lower, inclusiveEnd: true, reverse: true }
      : { start: lower, end: upper };
    for (const { key, value } of this.#databases.records.getRange(options)) {
      yield decodeEntry(operation.shard, keyOfEntryKey(key), value);
    }
  }

  /** Yields changes (live entries and tombstones) in order of version. */
  *changesAfter(shard: ShardNumber, after: number): Iterable<Change> {
    const puts = this.#putsAfter(shard, after)[Symbol.iterator]();
    const tombstones = this.#tombstonesAfter(shard, after)[Symbol.iterator]();
    let put = puts.next();
    let tombstone = tombstones.next();
    try {
      while (!put.done || !tombstone.done) {
        if (tombstone.done || (!put.done && versionOfChange(put.value) < versionOfChange(tombstone.value))) {
          yield put.value;
          put = puts.next();
        } else {
          yield tombstone.value;
          tombstone = tombstones.next();
        }
      }
    } finally {
      puts.return?.();
      tombstones.return?.();
    }
  }

  expired(shard: ShardNumber, atMs: number, limit: number): ExpiredEntries {
    const entries: StoredEntry[] = [];
    let isAll = true;
    for (const { key } of this.#databases.expiring.getRange(between(expiredRange(shard, atMs)))) {
      const found = entries.length < limit ? wholeOrNull(() => this.find(shard, keyOfExpiryKey(key))) : null;
      if (found !== null) entries.push(found);
      else isAll = false;
      if (entries.length >= limit && !isAll) break;
    }
    return { entries, isAll };
  }

  /** The moment of the earliest expiry in the shard, past or future; Infinity when no entry expires. */
  earliestExpiryMs(shard: ShardNumber): number {
    const [first] = this.#databases.expiring.getKeys({ ...between(expiredRange(shard, Infinity)), limit: 1 });
    return first === undefined ? Infinity : numberOfKey(first);
  }

  expiredSizes(shard: ShardNumber, atMs: number): Iterable<number> {
    const range = between(expiredRange(shard, atMs));
    return this.#databases.expiring.getRange(range).map(({ value }) => decodeNumber(value));
  }

  /** At most `limit` tombstones; stops before a damaged one. */
  oldestTombstones(shard: ShardNumber, limit: number): readonly Tombstone[] {
    const oldest: Tombstone[] = [];
    try {
      for (const tombstone of this.#tombstonesAfter(shard, 0)) {
        oldest.push(tombstone);
        if (oldest.length >= limit) break;
      }
    } catch {
      // Dropping newer tombstones than a damaged one would hide the damage from readers of the feed.
    }
    return oldest;
  }

  /** See ChangeIndex.fold. */
  fold(bytesMax: number): number {
    return this.#index.fold(bytesMax);
  }

  /** Removes those of the stale items that still exist. `versions` must ascend. Call within a transaction. */
  removeItems(shard: ShardNumber, versions: ArrayLike<number>): void {
    const removed = this.#index.remove(shard, versions);
    if (removed > 0) this.#countStale(shard, -removed);
  }

  /** Applies a plan. Call within the transaction that read everything the plan depends on. */
  apply({ changes, dropped, headers }: StoragePlan): void {
    const stale = new Map<ShardNumber, number>();
    const items: JournalItem[] = [];
    for (const change of changes) {
      const { shard, key, before, after } = change;
      this.#applyChange(change);
      if (before !== null) stale.set(shard, (stale.get(shard) ?? 0) + 1);
      if (after !== null) items.push({ shard, version: Number(after.entry.version), key });
    }
    if (items.length > 0) this.#index.append(items);
    for (const { shard, tombstone } of dropped) this.#unbury(shard, tombstone.key, Number(tombstone.version));
    for (const { shard, before, after } of headers) {
      if (after === before) continue;
      this.putHeader(shard, { ...after, staleCount: after.staleCount + (stale.get(shard) ?? 0) });
    }
  }

  putHeader(shard: ShardNumber, header: ShardHeader): void {
    this.#databases.shards.put(shardKey(shard), encodeHeader(shard, header));
  }

  /** Adds `more` to the shard's count of stale items. A damaged header stays as it is. */
  #countStale(shard: ShardNumber, more: number): void {
    const header = this.wholeHeader(shard);
    if (header !== null) this.putHeader(shard, { ...header, staleCount: header.staleCount + more });
  }

  /** The next read overwrites the returned buffer. Decoding copies; a copy here took half of the time. */
  #record(shard: ShardNumber, key: Key): Uint8Array | undefined {
    return this.#databases.entries.getBinaryFast([shard, key]);
  }

  #applyChange({ shard, key, before, after, buried, tombstone }: EntryChange): void {
    const { entries, expiring, tombstones } = this.#databases;
    if (before !== null) {
      // The replaced version's item stays in the index, stale: removing it would touch one more page.
      const { expiresAtMs } = before.entry;
      if (expiresAtMs !== null) expiring.remove(expiryKey(shard, expiresAtMs, key));
      if (after === null) entries.remove([shard, key]);
    }
    if (after !== null) {
      const { expiresAtMs } = after.entry;
      entries.put([shard, key], after.record);
      if (expiresAtMs !== null) expiring.put(expiryKey(shard, expiresAtMs, key), encodeNumber(after.sizeBytes));
    }
    if (buried !== null) this.#unbury(shard, key, buried);
    if (tombstone === null) return;
    tombstones.put(versionKey(shard, Number(tombstone.version)), encodeTombstone(shard, tombstone));
    this.#databases.buried.put(entryKey(shard, key), encodeNumber(Number(tombstone.version)));
  }

  #unbury(shard: ShardNumber, key: Key, version: number): void {
    this.#databases.tombstones.remove(versionKey(shard, version));
    this.#databases.buried.remove(entryKey(shard, key));
  }

  *#putsAfter(shard: ShardNumber, after: number): Iterable<Change> {
    for (const { version, key } of this.#index.itemsAfter(shard, after)) {
      const entry = this.findEntry(shard, key);
      if (entry !== null && Number(entry.version) === version) yield { kind: "put", entry };
    }
  }

  *#tombstonesAfter(shard: ShardNumber, after: number): Iterable<Tombstone> {
    for (const { key, value } of this.#databases.tombstones.getRange(between(versionsAfter(shard, after)))) {
      yield decodeTombstone(shard, numberOfKey(key), value);
    }
  }
}

/** The result of `read`; null also when the record is damaged. */
function wholeOrNull<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return null;
    throw error;
  }
}
