/**
 * Maintains the change index in the background: moves the journal's items to the shards' lists and removes stale items.
 * A write leaves the item of the version that it replaces, because removing it would add a page to almost every put;
 * removed later, many at a time and in order, such items share pages. Reasons and costs: docs/decisions/change-feed.md.
 */
import type { ShardNumber } from "../../../core/shard.js";
import type { ShardHeader } from "../../shard-header.js";
import type { EntryChange } from "../../storage-plan.js";
import { isSwept } from "../../sweep-plan.js";
import type { ShardRecords } from "./shard-records.js";
import type { IndexWalk, WalkBounds } from "./stale-items.js";

/**
 * Stale items of a shard's change index that are tolerated: a pass over the index of a small shard pays off only when
 * it removes many, and this many take about 30 KB.
 */
const staleItemsMin = 1_000;

/** Or this many for each key, if that is more: the more are removed at once, the more of them share a page. */
const staleItemsPerKeyMax = 0.5;

/** Most stale items that a process remembers, so that it need not search for them: some megabytes. */
const staleItemsListedMax = 500_000;

/**
 * Items of the journal that are moved to the shards' lists at once: the more, the more of them share a list and a page.
 * Readers of the change feed read all of the journal, which takes some hundred microseconds.
 */
const journalItemsMin = 4_000;

/** Most bytes of the journal that one sweep moves: a few milliseconds. */
const journalBytesMax = 256 * 1024;

/** Most items of change indexes that one sweep checks: some milliseconds, during which writes wait. */
const sweepIndexItemsMax = 4_000;

/** Most bytes of entries that one sweep reads to find stale items: some milliseconds too, if values are large. */
const sweepIndexBytesMax = 8 * 1024 * 1024;

export interface IndexBounds extends WalkBounds {
  /** The journal is not moved before it has this many items, or a shard has too many stale ones. */
  readonly journalMin: number;
  /** Approximate bytes of the journal that one step moves. */
  readonly journalBytesMax: number;
  /** A shard may have this many stale items, or `perKeyMax` for each of its keys if that is more. */
  readonly staleMin: number;
  readonly perKeyMax: number;
  /** Most stale items that are remembered, over all shards. */
  readonly listedMax: number;
  /** Also the most items that one step removes. */
  readonly itemsMax: number;
}

export const indexBounds: IndexBounds = {
  journalMin: journalItemsMin,
  journalBytesMax,
  staleMin: staleItemsMin,
  perKeyMax: staleItemsPerKeyMax,
  listedMax: staleItemsListedMax,
  itemsMax: sweepIndexItemsMax,
  bytesMax: sweepIndexBytesMax,
};

type Pass = { readonly shard: ShardNumber } & (
  | ({ readonly kind: "walk" } & IndexWalk)
  /** Ascending. */
  | { readonly kind: "listed"; readonly versions: Float64Array }
);

type Budget = { -readonly [Name in keyof WalkBounds]: number };

/**
 * Stale items that this process caused are remembered and removed without reading any entry. Others (of processes that
 * share the folder, and from before a restart) are found by a walk over the shard's index, which starts at twice the
 * bound, so that each process removes its remembered items first. Nothing of this is durable: an interrupted pass
 * begins anew.
 */
export class IndexUpkeep {
  readonly #bounds: IndexBounds;
  readonly #listed = new Map<ShardNumber, number[]>();
  #listedCount = 0;
  #pass: Pass | null = null;
  /**
   * Items that this process has put into the journal since it was last empty. Initially high enough to make the first
   * sweep check the journal.
   */
  #journalCount: number;

  constructor(bounds: IndexBounds) {
    this.#bounds = bounds;
    this.#journalCount = bounds.journalMin;
  }

  /** Call once `changes` are durable, never earlier: a remembered version is removed without a check. */
  remember(changes: readonly EntryChange[]): void {
    for (const { shard, before, after } of changes) {
      if (after !== null) this.#journalCount++;
      if (before === null || this.#listedCount >= this.#bounds.listedMax) continue;
      const versions = this.#listed.get(shard);
      if (versions === undefined) this.#listed.set(shard, [Number(before.entry.version)]);
      else versions.push(Number(before.entry.version));
      this.#listedCount++;
    }
  }

  /** Whether the journal may have enough items to be moved. */
  get isJournalDue(): boolean {
    return this.#journalCount >= this.#bounds.journalMin;
  }

  /** Whether `step` has something to do in the shard. */
  isDue(shard: ShardNumber, header: ShardHeader): boolean {
    if (!isSwept(header)) return false;
    if (this.#pass?.shard === shard) return true;
    const bound = Math.max(this.#bounds.staleMin, header.keyCount * this.#bounds.perKeyMax);
    return header.staleCount > (this.#listed.has(shard) ? bound : 2 * bound);
  }

  /**
   * Performs one bounded step over `shards` and returns whether there is more to do at once. Call within a transaction.
   */
  step(records: ShardRecords, shards: readonly ShardNumber[]): boolean {
    const { itemsMax, bytesMax } = this.#bounds;
    const budget = { itemsMax, bytesMax };
    const due = [...records.headersOf(shards)].filter(([shard, header]) => this.isDue(shard, header));
    if (this.isJournalDue || (this.#pass === null && due.length > 0)) this.#fold(records);
    // Stale items in the journal can be removed only after they have moved to the lists.
    if (this.isJournalDue && this.#pass === null) return true;
    const underWay = due.filter(([shard]) => shard === this.#pass?.shard);
    const others = due.filter(([shard]) => shard !== this.#pass?.shard);
    for (const [shard, header] of [...underWay, ...others]) {
      if (budget.itemsMax <= 0 || budget.bytesMax <= 0) return true;
      const pass = this.#pass?.shard === shard ? this.#pass : this.#passOver(shard, header);
      this.#pass = pass.kind === "walk" ? walk(records, pass, budget) : removeListed(records, pass, budget);
      if (this.#pass !== null) return true;
    }
    return this.isJournalDue;
  }

  #fold(records: ShardRecords): void {
    const { journalBytesMax, journalMin } = this.#bounds;
    const isAll = records.fold(journalBytesMax) < journalBytesMax;
    this.#journalCount = isAll ? 0 : journalMin;
  }

  #passOver(shard: ShardNumber, { sequence }: ShardHeader): Pass {
    const versions = this.#listed.get(shard);
    if (versions === undefined) return { kind: "walk", shard, after: 0, until: sequence };
    this.#listed.delete(shard);
    this.#listedCount -= versions.length;
    return { kind: "listed", shard, versions: Float64Array.from(versions).toSorted() };
  }
}

/** Both functions return the rest of the pass; null when it is complete. */
function removeListed(records: ShardRecords, pass: Pass & { readonly kind: "listed" }, budget: Budget): Pass | null {
  const versions = pass.versions.subarray(0, budget.itemsMax);
  records.removeItems(pass.shard, versions);
  budget.itemsMax -= versions.length;
  const left = pass.versions.subarray(versions.length);
  return left.length === 0 ? null : { ...pass, versions: left };
}

function walk(records: ShardRecords, pass: Pass & { readonly kind: "walk" }, budget: Budget): Pass | null {
  const { stale, looked, bytes, next } = records.staleItems.find(pass.shard, pass, budget);
  records.removeItems(pass.shard, stale);
  budget.itemsMax -= looked;
  budget.bytesMax -= bytes;
  return next === null ? null : { ...pass, ...next };
}
