/**
 * The storage engine that keeps everything in memory: for tests and for `--engine memory`. It loses its content with
 * the process, and otherwise behaves as LmdbEngine does.
 */
import type { Entry } from "../core/entry.js";
import { compareKeys, type Key } from "../core/key.js";
import type { ScanOperation } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import {
  DocumentChanged,
  type ReadBudget,
  type ShardStats,
  type StorageEngine,
  type StoredDocument,
} from "./engine.js";
import { isLive, liveStats, sizeOf } from "./stored-entry.js";
import { readFrom, type EntrySource } from "./read-operations.js";
import { planWrites, type EntryChange, type StoredState } from "./write-plan.js";

interface MemoryShard {
  readonly entries: Map<Key, Entry>;
  /** The keys of `entries` in bytewise order. */
  keys: Key[];
  sequence: number;
  sizeBytes: number;
}

export class MemoryEngine implements StorageEngine, EntrySource, StoredState {
  readonly name = "memory";
  readonly #shards = new Map<ShardNumber, MemoryShard>();
  /** Entries that expire at some time, so that sweep and stats need not look at the others. */
  readonly #expiring = new Map<Entry, ShardNumber>();
  #document: StoredDocument | null = null;

  async read(operations: Parameters<StorageEngine["read"]>[0], budget: ReadBudget): ReturnType<StorageEngine["read"]> {
    this.#checkDocument(budget.documentVersion);
    return readFrom(this, operations, budget);
  }

  async write(
    ...[operations, nowMs, rules = {}]: Parameters<StorageEngine["write"]>
  ): ReturnType<StorageEngine["write"]> {
    this.#checkDocument(rules.documentVersion);
    const plan = planWrites(this, operations, nowMs, rules.floorOf);
    // All that can fail comes before the first change.
    const growths = plan.changes.map(growthOf);
    for (const [shard, sequence] of plan.sequences) this.#shard(shard).sequence = sequence;
    for (const [index, change] of plan.changes.entries()) this.#apply(change, growths[index] ?? 0);
    return plan.outcomes;
  }

  async stats(nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>> {
    const stored = [...this.#shards].map(
      ([shard, { keys, sizeBytes }]) => [shard, { keyCount: keys.length, sizeBytes }] as const,
    );
    return liveStats(
      stored,
      this.#expired(nowMs).map(([entry, shard]) => [shard, sizeOf(entry)] as const),
    );
  }

  async fileBytes(): Promise<null> {
    return null;
  }

  async sweep(nowMs: number, entriesMax: number): Promise<number> {
    const expired = this.#expired(nowMs, entriesMax);
    for (const [entry, number] of expired) {
      const shard = this.#shard(number);
      shard.entries.delete(entry.key);
      shard.sizeBytes -= sizeOf(entry);
      this.#expiring.delete(entry);
    }
    // All at once: each that were taken out by itself would move all behind it.
    for (const number of new Set(expired.map(([, shard]) => shard))) {
      const shard = this.#shard(number);
      shard.keys = shard.keys.filter((key) => shard.entries.has(key));
    }
    return expired.length;
  }

  async readDocument(): Promise<StoredDocument | null> {
    return this.#document;
  }

  async writeDocument(text: string, documentVersion?: number): Promise<number> {
    this.#checkDocument(documentVersion);
    const version = (this.#document?.version ?? 0) + 1;
    this.#document = { text, version };
    return version;
  }

  async close(): Promise<void> {
    this.#shards.clear();
    this.#expiring.clear();
  }

  find(shard: ShardNumber, key: Key): Entry | null {
    return this.#shards.get(shard)?.entries.get(key) ?? null;
  }

  sequenceOf(shard: ShardNumber): number {
    return this.#shards.get(shard)?.sequence ?? 0;
  }

  *range({ shard: number, prefix, after, before, isReverse }: ScanOperation): Iterable<Entry> {
    const shard = this.#shards.get(number);
    if (shard === undefined) return;
    const { keys, entries } = shard;
    const start = prefix.toWellFormed();
    const lower = after?.toWellFormed() ?? null;
    const upper = before?.toWellFormed() ?? null;
    const first = partition(
      keys,
      (key) => compareKeys(key, start) < 0 || (lower !== null && compareKeys(key, lower) <= 0),
    );
    const end = partition(
      keys,
      (key) =>
        (compareKeys(key, start) < 0 || key.startsWith(start)) && (upper === null || compareKeys(key, upper) < 0),
    );
    for (let step = 0; step < end - first; step++) {
      const key = keys[isReverse ? end - 1 - step : first + step];
      const entry = key === undefined ? undefined : entries.get(key);
      if (entry !== undefined) yield entry;
    }
  }

  #checkDocument(expected: number | undefined): void {
    if (expected !== undefined && expected !== (this.#document?.version ?? 0)) throw new DocumentChanged();
  }

  #apply({ shard: number, key, before, after }: EntryChange, growthBytes: number): void {
    const shard = this.#shard(number);
    shard.sizeBytes += growthBytes;
    if (before !== null) this.#expiring.delete(before);
    if (after === null) shard.entries.delete(key);
    else shard.entries.set(key, after);
    if (after !== null && after.expiresAtMs !== null) this.#expiring.set(after, number);
    if ((before === null) === (after === null)) return;
    const index = partition(shard.keys, (other) => compareKeys(other, key) < 0);
    if (after === null) shard.keys.splice(index, 1);
    else shard.keys.splice(index, 0, key);
  }

  #expired(nowMs: number, entriesMax = Infinity): readonly (readonly [Entry, ShardNumber])[] {
    const expired: (readonly [Entry, ShardNumber])[] = [];
    for (const [entry, shard] of this.#expiring) {
      if (expired.length >= entriesMax) break;
      if (!isLive(entry, nowMs)) expired.push([entry, shard]);
    }
    return expired;
  }

  #shard(number: ShardNumber): MemoryShard {
    let shard = this.#shards.get(number);
    if (shard === undefined) {
      shard = { entries: new Map(), keys: [], sequence: 0, sizeBytes: 0 };
      this.#shards.set(number, shard);
    }
    return shard;
  }
}

/** How many of the sorted `keys` come first and satisfy `isBefore`, which holds for a beginning of them and no other. */
function partition(keys: readonly Key[], isBefore: (key: Key) => boolean): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const key = keys[middle];
    if (key !== undefined && isBefore(key)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many bytes more the change makes its shard hold. */
function growthOf({ before, after }: EntryChange): number {
  return (after === null ? 0 : sizeOf(after)) - (before === null ? 0 : sizeOf(before));
}
