/**
 * Everything that a group of writes depends on, read beforehand in one snapshot: for engines that cannot read while
 * they plan. The plan is valid if the shards' headers are unchanged at the commit.
 */
import assert from "node:assert/strict";
import type { Key } from "../../core/key.js";
import type { ShardNumber } from "../../core/shard.js";
import type { FencedWrite } from "../engine.js";
import type { ShardHeader } from "../shard-header.js";
import type { StoredEntry } from "../stored-entry.js";
import type { StoredState } from "../write-plan.js";

/** The stored state of one key. */
export interface PrefetchedKey {
  readonly entry: StoredEntry | null;
  readonly tombstone: number | null;
}

export class PrefetchedState implements StoredState {
  readonly #headers = new Map<ShardNumber, ShardHeader>();
  readonly #keys = new Map<string, PrefetchedKey>();

  /** `read` must answer from one snapshot. */
  constructor(
    operations: readonly FencedWrite[],
    read: {
      readonly header: (shard: ShardNumber) => ShardHeader;
      readonly key: (shard: ShardNumber, key: Key) => PrefetchedKey;
    },
  ) {
    for (const { operation } of operations) {
      const { shard, key } = operation;
      this.#headers.set(shard, read.header(shard));
      this.#keys.set(keyId(shard, key), read.key(shard, key));
    }
  }

  header(shard: ShardNumber): ShardHeader {
    return known(this.#headers.get(shard));
  }

  find(shard: ShardNumber, key: Key): StoredEntry | null {
    return known(this.#keys.get(keyId(shard, key))).entry;
  }

  findTombstone(shard: ShardNumber, key: Key): number | null {
    return known(this.#keys.get(keyId(shard, key))).tombstone;
  }
}

function keyId(shard: ShardNumber, key: Key): string {
  return `${shard}/${key}`;
}

function known<T>(prefetched: T | undefined): T {
  assert(prefetched !== undefined, "A plan asked for what was not prefetched.");
  return prefetched;
}
