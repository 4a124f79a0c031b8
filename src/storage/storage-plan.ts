/**
 * What a commit does to an engine, as plain data, and the drafts from which a plan is made: they keep each shard's header
 * in step with its entries and tombstones, so that figures, digest and feed are right by construction.
 */
import type { JsonEntry } from "../core/entry.js";
import type { Key } from "../core/key.js";
import type { ShardNumber } from "../core/shard.js";
import { sequenceCeiling, sequenceFloor } from "../core/version.js";
import type { Tombstone } from "./change-feed.js";
import { countEntry, type MutableHeader, type ShardHeader } from "./shard-header.js";
import { encodeEntry, type EncodedEntry, type StoredEntry } from "./stored-entry.js";

/** What becomes of one key. */
export interface KeyBefore {
  readonly key: Key;
  readonly before: StoredEntry | null;
  /** Version of the tombstone that the key had, which goes; null: it had none. */
  readonly buried: number | null;
}

export interface EntryChange extends KeyBefore {
  readonly shard: ShardNumber;
  readonly after: EncodedEntry | null;
  /** Where `after` is null. */
  readonly tombstone: Tombstone | null;
}

export interface DroppedTombstone {
  readonly shard: ShardNumber;
  readonly tombstone: Tombstone;
}

export interface HeaderChange {
  readonly shard: ShardNumber;
  /** The commit holds only if this is still the shard's header. */
  readonly before: ShardHeader;
  /** The same object where the header stays. */
  readonly after: ShardHeader;
}

export interface StoragePlan {
  /** At most one per key; none for a key that is as it was. */
  readonly changes: readonly EntryChange[];
  readonly dropped: readonly DroppedTombstone[];
  /** Of every shard that the plan looked at. */
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

  /** The header of the plan, to be changed. */
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

/** One key as the operations so far have left it. */
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

  /** The change as a whole, counted in the shard's header; to be called once, at the end. */
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
