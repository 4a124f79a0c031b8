/**
 * The change index maps the versions of a shard to keys. Commits append to one journal for all shards; `fold` moves its
 * items to lists, which belong to one shard each. An item is stale when its key has a newer version; readers skip it,
 * and storage/lmdb/records/index-upkeep.ts has it removed. Methods use the snapshot or transaction that is current when
 * they are called.
 */
import type { ShardNumber } from "../../../core/shard.js";
import { isDamage } from "../../stored-entry.js";
import { ChangeJournal, type JournalItem } from "./change-journal.js";
import {
  itemsOfList,
  ListBuilder,
  listsOf,
  unpackItems,
  walkItems,
  type ChangeItem,
  type ChangeList,
  type PackedItems,
} from "./change-list.js";
import type { Bytes, Databases } from "./databases.js";
import { between, numberOfKey, versionKey, versionsAfter, versionsFrom, type ByteRange } from "./record.js";

interface StoredList extends PackedItems {
  readonly lastVersion: number;
}

/** A list and its content after the removal of items. */
interface ShortenedList {
  readonly lastVersion: number;
  readonly removed: number;
  readonly left: readonly ChangeList[];
}

/** After skipping this many lists in a row, the next list is searched for. */
const passedOverMax = 16;

export class ChangeIndex {
  readonly #lists: Bytes;
  readonly #journal: ChangeJournal;

  constructor({ changes, journal }: Pick<Databases, "changes" | "journal">) {
    this.#lists = changes;
    this.#journal = new ChangeJournal(journal);
  }

  /** Appends the items of one commit. Call within its transaction. */
  append(items: readonly JournalItem[]): void {
    this.#journal.append(items);
  }

  /** Writes an item to a list of its own, after or between others. The journal must have no items of the shard. */
  insert(shard: ShardNumber, item: ChangeItem): void {
    this.#put(shard, listsOf(shard, [item]));
  }

  /** Yields the items with versions above `after`, in order. Throws ENTRY_DAMAGED. */
  *itemsAfter(shard: ShardNumber, after: number): Iterable<ChangeItem> {
    // A damaged record may hold older versions than those already folded into the lists. A page that ends within the
    // lists would then make the reader skip it.
    this.#journal.checkEnds();
    for (const { key: id, value } of this.#lists.getRange(between(versionsAfter(shard, after)))) {
      yield* newerThan(after, itemsOfList(shard, numberOfKey(id), value));
    }
    // The journal's items are newer than those in the lists: a shard's commits are folded in order.
    for (const section of this.#journal.sections()) if (section.shard === shard) yield* newerThan(after, section);
  }

  /** Yields the items with versions above `after` from the shard's undamaged lists, in order. */
  *listedAfter(shard: ShardNumber, after: number): Iterable<ChangeItem> {
    for (const list of this.#wholeLists(shard, versionsAfter(shard, after))) yield* newerThan(after, list);
  }

  /** Whether the shard's lists contain the item. */
  isListed(shard: ShardNumber, { version, key }: ChangeItem): boolean {
    for (const list of this.#wholeLists(shard, versionsFrom(shard, version))) {
      return unpackItems(list).some((item) => item.version === version && item.key === key);
    }
    return false;
  }

  /**
   * Moves about `bytesMax` bytes from the beginning of the journal to the shards' lists and returns how many bytes it
   * moved. Call within a transaction.
   */
  fold(bytesMax: number): number {
    const builders = new Map<ShardNumber, ListBuilder>();
    const { sections, bytes } = this.#journal.take(bytesMax);
    for (const section of sections) {
      let builder = builders.get(section.shard);
      if (builder === undefined) builders.set(section.shard, (builder = new ListBuilder(section.shard)));
      addAll(builder, section);
    }
    for (const [shard, builder] of builders) this.#put(shard, builder.end());
    return bytes;
  }

  /**
   * Removes the items of `versions` (ascending) from the shard's lists and returns how many it removed; items in
   * damaged lists stay. Call within a transaction.
   */
  remove(shard: ShardNumber, versions: ArrayLike<number>): number {
    let removed = 0;
    for (const shortened of this.#shortened(shard, versions)) {
      this.#lists.remove(versionKey(shard, shortened.lastVersion));
      this.#put(shard, shortened.left);
      removed += shortened.removed;
    }
    return removed;
  }

  #put(shard: ShardNumber, lists: readonly ChangeList[]): void {
    for (const { lastVersion, record } of lists) this.#lists.put(versionKey(shard, lastVersion), record);
  }

  /** The lists that contain items of `versions`, each with what remains of it. */
  #shortened(shard: ShardNumber, versions: ArrayLike<number>): readonly ShortenedList[] {
    const shortened: ShortenedList[] = [];
    let index = 0;
    for (let before = -1; index > before && index < versions.length;) {
      before = index;
      let passedOver = 0;
      for (const list of this.#wholeLists(shard, versionsFrom(shard, versions[index] ?? 0))) {
        const gone = new Set<number>();
        for (; (versions[index] ?? Infinity) <= list.lastVersion; index++) gone.add(versions[index] ?? 0);
        const { lastVersion } = list;
        const { removed, left } = without(shard, list, gone);
        if (removed > 0) shortened.push({ lastVersion, removed, left });
        passedOver = gone.size > 0 ? 0 : passedOver + 1;
        if (index === versions.length || passedOver > passedOverMax) break;
      }
    }
    return shortened;
  }

  *#wholeLists(shard: ShardNumber, range: ByteRange): Iterable<StoredList> {
    for (const { key: id, value } of this.#lists.getRange(between(range))) {
      const lastVersion = numberOfKey(id);
      try {
        yield { lastVersion, ...itemsOfList(shard, lastVersion, value) };
      } catch (error) {
        if (!isDamage(error)) throw error;
      }
    }
  }
}

function newerThan(after: number, packed: PackedItems): readonly ChangeItem[] {
  return unpackItems(packed).filter(({ version }) => version > after);
}

function addAll(builder: ListBuilder, packed: PackedItems): void {
  walkItems(packed, (version, keyStart, keyEnd) => builder.add(version, packed.bytes, keyStart, keyEnd));
}

function without(
  shard: ShardNumber,
  packed: PackedItems,
  gone: ReadonlySet<number>,
): Pick<ShortenedList, "removed" | "left"> {
  if (gone.size === 0) return { removed: 0, left: [] };
  const builder = new ListBuilder(shard);
  let removed = 0;
  walkItems(packed, (version, keyStart, keyEnd) => {
    if (gone.has(version)) removed++;
    else builder.add(version, packed.bytes, keyStart, keyEnd);
  });
  return { removed, left: builder.end() };
}
