/**
 * The index of changes: for each shard, which key got which version, in lists of one commit each. An item is stale when
 * its key has another version by now; readers skip it, and lmdb/stale-items.ts has it removed. It answers from the
 * snapshot or transaction that is current when it is called.
 */
import type { ShardNumber } from "../../core/shard.js";
import { isDamage } from "../stored-entry.js";
import { decodeList, encodeList, encodeLists, type ChangeItem } from "./change-list.js";
import type { Bytes } from "./databases.js";
import { between, numberOfKey, versionKey, versionsAfter, versionsFrom, type ByteRange } from "./record.js";

/** A list as it is stored. */
export interface StoredList {
  readonly ceiling: number;
  readonly items: readonly ChangeItem[];
}

interface ShortenedList extends StoredList {
  readonly left: readonly ChangeItem[];
}

/** So many lists in a row are passed over before the next one is searched for. */
const passedOverMax = 16;

export class ChangeIndex {
  readonly #lists: Bytes;

  constructor(lists: Bytes) {
    this.#lists = lists;
  }

  /** Items of one commit, all with versions that it gave; in any order. */
  add(shard: ShardNumber, items: readonly ChangeItem[]): void {
    const ascending = items.toSorted((one, other) => one.version - other.version);
    for (const { ceiling, record } of encodeLists(shard, ascending))
      this.#lists.put(versionKey(shard, ceiling), record);
  }

  /** Items with versions above `after`, in order. Throws ENTRY_DAMAGED. */
  *itemsAfter(shard: ShardNumber, after: number): Iterable<ChangeItem> {
    for (const { key: id, value } of this.#lists.getRange(between(versionsAfter(shard, after)))) {
      yield* decodeList(shard, numberOfKey(id), value).filter(({ version }) => version > after);
    }
  }

  /** As `itemsAfter`, without those in damaged lists. */
  *wholeItemsAfter(shard: ShardNumber, after: number): Iterable<ChangeItem> {
    for (const { items } of this.#wholeLists(shard, versionsAfter(shard, after))) {
      yield* items.filter(({ version }) => version > after);
    }
  }

  has(shard: ShardNumber, { version, key }: ChangeItem): boolean {
    for (const { items } of this.#wholeLists(shard, versionsFrom(shard, version))) {
      return items.some((item) => item.version === version && item.key === key);
    }
    return false;
  }

  /**
   * Removes the items of `versions`, which ascend, within a transaction. Returns how many were still there; those in
   * damaged lists stay.
   */
  remove(shard: ShardNumber, versions: ArrayLike<number>): number {
    let removed = 0;
    for (const { ceiling, items, left } of this.#shortened(shard, versions)) {
      removed += items.length - left.length;
      if (left.length === 0) this.#lists.remove(versionKey(shard, ceiling));
      else this.#lists.put(versionKey(shard, ceiling), encodeList(shard, ceiling, left));
    }
    return removed;
  }

  /** The lists that have items of `versions`, and what is left of them. */
  #shortened(shard: ShardNumber, versions: ArrayLike<number>): readonly ShortenedList[] {
    const shortened: ShortenedList[] = [];
    let index = 0;
    for (let before = -1; index > before && index < versions.length;) {
      before = index;
      let passedOver = 0;
      for (const { ceiling, items } of this.#wholeLists(shard, versionsFrom(shard, versions[index] ?? 0))) {
        const gone = new Set<number>();
        for (; (versions[index] ?? Infinity) <= ceiling; index++) gone.add(versions[index] ?? 0);
        const left = items.filter(({ version }) => !gone.has(version));
        if (left.length < items.length) shortened.push({ ceiling, items, left });
        passedOver = gone.size > 0 ? 0 : passedOver + 1;
        if (index === versions.length || passedOver > passedOverMax) break;
      }
    }
    return shortened;
  }

  *#wholeLists(shard: ShardNumber, range: ByteRange): Iterable<StoredList> {
    for (const { key: id, value } of this.#lists.getRange(between(range))) {
      const ceiling = numberOfKey(id);
      try {
        yield { ceiling, items: decodeList(shard, ceiling, value) };
      } catch (error) {
        if (!isDamage(error)) throw error;
      }
    }
  }
}
