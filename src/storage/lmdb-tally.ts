/** The figures of the shards that one transaction touches: read when first asked for, written back together at its end. */
import assert from "node:assert/strict";
import type { ShardNumber } from "../core/shard.js";
import { decodeFigures, encodeFigures, shardKey, type ShardFigures } from "./lmdb-record.js";

/** What is used of the database that keeps the figures. */
export interface FiguresStore {
  get(key: Uint8Array): Uint8Array | undefined;
  put(key: Uint8Array, value: Uint8Array): unknown;
}

export class LmdbTally {
  readonly #store: FiguresStore;
  readonly #figures = new Map<ShardNumber, ShardFigures>();

  constructor(store: FiguresStore) {
    this.#store = store;
  }

  sequenceOf(shard: ShardNumber): number {
    return this.#of(shard).sequence;
  }

  setSequence(shard: ShardNumber, sequence: number): void {
    this.#figures.set(shard, { ...this.#of(shard), sequence });
  }

  /** Counts an entry that comes, or with -1 one that goes. */
  count(shard: ShardNumber, keys: 1 | -1, sizeBytes: number): void {
    const { sequence, ...figures } = this.#of(shard);
    const next = { sequence, keyCount: figures.keyCount + keys, sizeBytes: figures.sizeBytes + keys * sizeBytes };
    assert(
      next.keyCount >= 0 && next.sizeBytes >= 0 && Number.isSafeInteger(next.sizeBytes),
      "A shard's figures broke.",
    );
    this.#figures.set(shard, next);
  }

  save(): void {
    for (const [shard, figures] of this.#figures) this.#store.put(shardKey(shard), encodeFigures(figures));
  }

  #of(shard: ShardNumber): ShardFigures {
    const known = this.#figures.get(shard);
    if (known !== undefined) return known;
    const bytes = this.#store.get(shardKey(shard));
    return bytes === undefined ? { sequence: 0, keyCount: 0, sizeBytes: 0 } : decodeFigures(bytes);
  }
}
