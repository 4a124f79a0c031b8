/**
 * Finds stale items of the change index: those whose key now has another version. Each check reads the key's entry, so
 * a search through many items is a walk in bounded steps.
 */
import type { ShardNumber } from "../../../core/shard.js";
import { isWholeEntry, uncheckedVersion } from "../../stored-entry.js";
import type { ChangeIndex } from "./change-index.js";
import type { ChangeItem } from "./change-list.js";
import type { Databases } from "./databases.js";

/** The rest of a walk over a shard's index. */
export interface IndexWalk {
  /** The version of the last item that was read; 0 at the beginning. */
  readonly after: number;
  /**
   * The shard's last version when the walk began. The walk ends there; otherwise a busy writer would keep it running
   * for ever.
   */
  readonly until: number;
}

/** Most items that one step checks, and most bytes of entries that it reads; the last entry may exceed that. */
export interface WalkBounds {
  readonly itemsMax: number;
  readonly bytesMax: number;
}

/** The result of one step. */
export interface FoundStaleItems {
  /** Versions of the stale items, ascending. */
  readonly stale: readonly number[];
  readonly looked: number;
  /** Bytes of the entries that were read. */
  readonly bytes: number;
  /** Where the walk continues; null when it is complete. */
  readonly next: IndexWalk | null;
}

export class StaleItems {
  readonly #entries: Databases["entries"];
  readonly #index: ChangeIndex;

  constructor({ entries }: Pick<Databases, "entries">, index: ChangeIndex) {
    this.#entries = entries;
    this.#index = index;
  }

  /** Checks items of the shard's lists, in order, until the walk is complete or a bound is reached. */
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

/** An item of a damaged entry is not stale: as long as it exists, readers of the feed are refused. */
function isStale(shard: ShardNumber, { version, key }: ChangeItem, record: Uint8Array | undefined): boolean {
  return record === undefined || (isWholeEntry(shard, key, record) && uncheckedVersion(record) !== version);
}
