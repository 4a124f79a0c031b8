/** One shard in memory: its header, entries in order of key, and changes in order of version. */
import type { JsonEntry } from "../../core/entry.js";
import { compareKeys, type Key } from "../../core/key.js";
import type { ScanOperation } from "../../core/operation.js";
import { ownText } from "../../core/text/utf8.js";
import type { Change } from "../engine.js";
import type { Tombstone } from "../change-feed.js";
import { isExpired } from "../expiry.js";
import { partition, VersionIndex } from "./version-index.js";
import { emptyHeader, type ShardHeader } from "../shard-header.js";
import type { EntryChange } from "../storage-plan.js";
import type { StoredEntry } from "../stored-entry.js";
import type { ExpiredEntries } from "../sweep-plan.js";

export class MemoryShard {
  header: ShardHeader = emptyHeader;
  readonly #entries = new Map<Key, StoredEntry>();
  /** In bytewise order. */
  readonly #keys: Key[] = [];
  /** Keys of entries with an expiry, so that a sweep need not check the others. */
  readonly #expiring = new Set<Key>();
  /** In order of version, oldest first. */
  readonly #tombstones = new Map<Key, Tombstone>();
  readonly #changes = new VersionIndex();

  find(key: Key): StoredEntry | null {
    return this.#entries.get(key) ?? null;
  }

  findTombstone(key: Key): Tombstone | null {
    return this.#tombstones.get(key) ?? null;
  }

  *range({ prefix, after, before, isReverse }: ScanOperation): Iterable<JsonEntry> {
    const start = prefix.toWellFormed();
    const lower = after?.toWellFormed() ?? null;
    const upper = before?.toWellFormed() ?? null;
    const first = partition(
      this.#keys,
      (key) => compareKeys(key, start) < 0 || (lower !== null && compareKeys(key, lower) <= 0),
    );
    const end = partition(
      this.#keys,
      (key) =>
        (compareKeys(key, start) < 0 || key.startsWith(start)) && (upper === null || compareKeys(key, upper) < 0),
    );
    for (let step = 0; step < end - first; step++) {
      const key = this.#keys[isReverse ? end - 1 - step : first + step];
      const stored = key === undefined ? null : this.find(key);
      if (stored !== null) yield stored.entry;
    }
  }

  *changesAfter(after: number): Iterable<Change> {
    for (const key of this.#changes.after(after)) {
      const stored = this.find(key);
      const change = stored === null ? this.findTombstone(key) : ({ kind: "put", entry: stored.entry } as const);
      if (change !== null) yield change;
    }
  }

  /** At most `limit` expired entries, the earliest first. */
  expired(atMs: number, limit: number): ExpiredEntries {
    const all = [...this.#expiring]
      .flatMap((key) => this.find(key) ?? [])
      .filter(({ entry }) => isExpired(entry, atMs))
      .toSorted((a, b) => expiresAt(a) - expiresAt(b) || compareKeys(a.entry.key, b.entry.key));
    return { entries: all.slice(0, limit), isAll: all.length <= limit };
  }

  oldestTombstones(limit: number): readonly Tombstone[] {
    const oldest: Tombstone[] = [];
    for (const tombstone of this.#tombstones.values()) {
      if (oldest.length >= limit) break;
      oldest.push(tombstone);
    }
    return oldest;
  }

  apply({ key: given, before, after, tombstone }: EntryChange): void {
    // The given key is a slice of its batch's text, as the value is, and would keep the whole batch in memory.
    const key = ownText(given);
    this.drop(key);
    if (before !== null) this.#changes.remove(Number(before.entry.version));
    this.#expiring.delete(key);
    if (after === null) this.#entries.delete(key);
    else this.#add(key, after);
    if (tombstone !== null) {
      this.#tombstones.set(key, tombstone);
      this.#changes.add(Number(tombstone.version), key);
    }
    if ((before === null) === (after === null)) return;
    const index = partition(this.#keys, (other) => compareKeys(other, key) < 0);
    if (after === null) this.#keys.splice(index, 1);
    else this.#keys.splice(index, 0, key);
  }

  /** Drops the key's tombstone, if there is one. */
  drop(key: Key): void {
    const tombstone = this.#tombstones.get(key);
    if (tombstone === undefined) return;
    this.#tombstones.delete(key);
    this.#changes.remove(Number(tombstone.version));
  }

  #add(key: Key, { entry, checksum, sizeBytes }: StoredEntry): void {
    this.#entries.set(key, { entry: { ...entry, key, value: ownText(entry.value) }, checksum, sizeBytes });
    this.#changes.add(Number(entry.version), key);
    if (entry.expiresAtMs !== null) this.#expiring.add(key);
  }
}

function expiresAt({ entry }: StoredEntry): number {
  return entry.expiresAtMs ?? Infinity;
}
