/**
 * What a commit changes in an engine, as plain data, and the drafts that build such a plan. The drafts update a shard's
 * header together with its entries and tombstones, so that figures, digest and feed always agree with them.
 */
import type { JsonEntry } from "../core/entry.js";
import type { Key } from "../core/key.js";
import type { ShardNumber } from "../core/shard.js";
import { sequenceCeiling, sequenceFloor } from "../core/version.js";
import type { Tombstone } from "./change-feed.js";
import { countEntry, type MutableHeader, type ShardHeader } from "./shard-header.js";
import { encodeEntry, type EncodedEntry, type StoredEntry } from "./stored-entry.js";

/** The stored state of one key before the plan. */
export interface KeyBefore {
  readonly key: Key;
  readonly before: StoredEntry | null;
  /** Version of the key's tombstone, which the change removes; null if there was none. */
  readonly buried: number | null;
}

export interface EntryChange extends KeyBefore {
  readonly shard: ShardNumber;
  readonly after: EncodedEntry | null;
  /** Set exactly when `after` is null. */
  readonly tombstone: Tombstone | null;
}

export interface DroppedTombstone {
  readonly shard: ShardNumber;
  readonly tombstone: Tombstone;
}

export interface HeaderChange {
  readonly shard: ShardNumber;
  /** The commit is valid only if this is still the shard's header. */
  readonly before: ShardHeader;
  /** The same object when the header does not change. */
  readonly after: ShardHeader;
}

export interface StoragePlan {
  /** At most one per key; none for an unchanged key. */
  readonly changes: readonly EntryChange[];
  readonly dropped: readonly DroppedTombstone[];
  /** One for every shard that the plan has read. */
  readonly headers: readonly HeaderChange[];
}

export class ShardDraft {
  readonly number: ShardNumber;
  readonly before: ShardHeader;
  #header: MutableHeader | null = null;

  constructor(number: ShardNumber, before: ShardHeader) {
    this.number = number;
    this.before = before;
  }

  get header(): ShardHeader {
    return this.#header ?? this.before;
  }

  /** The plan's header, for modification. */
  changed(): MutableHeader {
    return (this.#header ??= { ...this.before });
  }

  /** Takes the next sequence number; null when the epoch has none left. */
  nextSequence(): number | null {
    const { epoch } = this.header;
    const sequence = Math.max(this.header.sequence, sequenceFloor(epoch)) + 1;
    if (sequence > sequenceCeiling(epoch)) return null;
    this.changed().sequence = sequence;
    return sequence;
  }

  raiseMark(expiresAtMs: number): void {
    if (expiresAtMs > this.header.expiryMarkMs) this.changed().expiryMarkMs = expiresAtMs;
  }

  headerChange(): HeaderChange {
    return { shard: this.number, before: this.before, after: this.header };
  }
}

/** The state of one key after the operations planned so far. */
export class KeyDraft {
  readonly shard: ShardDraft;
  readonly #stored: KeyBefore;
  #entry: JsonEntry | null;
  #tombstone: Tombstone | null = null;

  constructor(shard: ShardDraft, stored: KeyBefore) {
    this.shard = shard;
    this.#stored = stored;
    this.#entry = stored.before?.entry ?? null;
  }

  get entry(): JsonEntry | null {
    return this.#entry;
  }

  get isChanged(): boolean {
    return this.#tombstone !== null || this.#entry !== (this.#stored.before?.entry ?? null);
  }

  put(entry: JsonEntry): void {
    this.#entry = entry;
    this.#tombstone = null;
  }

  bury(tombstone: Tombstone): void {
    this.#entry = null;
    this.#tombstone = tombstone;
  }

  /** The net change, which is added to the shard's header. May be called once only, at the end. */
  change(): EntryChange {
    const { key, before, buried } = this.#stored;
    const after = this.#entry === null ? null : encodeEntry(this.shard.number, this.#entry);
    const header = this.shard.changed();
    if (before !== null) countEntry(header, before, -1);
    if (after !== null) countEntry(header, after, 1);
    header.tombstoneCount += (this.#tombstone === null ? 0 : 1) - (buried === null ? 0 : 1);
    return { shard: this.shard.number, key, before, buried, after, tombstone: this.#tombstone };
  }
}
