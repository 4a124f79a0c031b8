/**
 * Tells which items of the index of changes are stale: those whose key has another version by now. That takes a look at the
 * key's entry, so a search through many items is a walk in steps that each have a bound.
 */
import type { ShardNumber } from "../../../core/shard.js";
import { isWholeEntry, uncheckedVersion } from "../../stored-entry.js";
import type { ChangeIndex } from "./change-index.js";
import type { ChangeItem } from "./change-list.js";
import type { Databases } from "./databases.js";

/** What is left of a walk over the index of a shard. */
export interface IndexWalk {
  /** The version of the last item that was looked at; 0 at the beginning. */
  readonly after: number;
  /** The shard's last version when the walk began. It ends there, else a busy writer would keep it going for ever. */
  readonly until: number;
}

/** Most items that one step looks at, and most bytes of entries that it reads; the last may be more. */
export interface WalkBounds {
  readonly itemsMax: number;
  readonly bytesMax: number;
}

/** What a step has found. */
export interface FoundStaleItems {
  /** Their versions, ascending. */
  readonly stale: readonly number[];
  readonly looked: number;
  /** Of the entries that were read. */
  readonly bytes: number;
  /** Where the walk goes on; null: it is through. */
  readonly next: IndexWalk | null;
}

export class StaleItems {
  readonly #entries: Databases["entries"];
  readonly #index: ChangeIndex;

  constructor({ entries }: Pick<Databases, "entries">, index: ChangeIndex) {
    this.#entries = entries;
    this.#index = index;
  }

  /** Looks at items of the shard's lists, in order, until the walk is through or a bound is reached. */
  find(shard: ShardNumber, { after, until }: IndexWalk, { itemsMax, bytesMax }: WalkBounds): FoundStaleItems {
    const stale: number[] = [];
    let looked = 0;
    let bytes = 0;
    let last = after;
    for (const item of this.#index.listedAfter(shard, after)) {
      const { version } = item;
      if (version > until) break;
      if (looked >= itemsMax || bytes >= bytesMax) return { stale, looked, bytes, next: { after: last, until } };
      const record = this.#entries.getBinaryFast([shard, item.key]);
      if (isStale(shard, item, record)) stale.push(version);
      looked++;
      bytes += record?.length ?? 0;
      last = version;
    }
    return { stale, looked, bytes, next: null };
  }

  has(shard: ShardNumber, item: ChangeItem): boolean {
    return isStale(shard, item, this.#entries.getBinaryFast([shard, item.key]));
  }
}

/** Not of a damaged entry: while that keeps its items, readers of the feed are refused instead of missing it. */
function isStale(shard: ShardNumber, { version, key }: ChangeItem, record: Uint8Array | undefined): boolean {
  return record === undefined || (isWholeEntry(shard, key, record) && uncheckedVersion(record) !== version);
}
