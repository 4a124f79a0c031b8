/**
 * Keeps the index of changes in order, in the background: moves what commits put into the journal to the shards' lists,
 * and removes stale items. A write leaves the item of the version that it replaces, because removing it would make a page
 * more to write of almost every put. Removed many at a time and in order, they share pages. Why and what it costs:
 * docs/decisions/change-feed.md.
 */
import type { ShardNumber } from "../../../core/shard.js";
import type { ShardHeader } from "../../shard-header.js";
import type { EntryChange } from "../../storage-plan.js";
import { isSwept } from "../../sweep-plan.js";
import type { ShardRecords } from "./shard-records.js";
import type { IndexWalk, WalkBounds } from "./stale-items.js";

/**
 * Stale items of a shard's index of changes that are left alone: a pass over the index of a small shard pays only when
 * it removes many, and they take some 30 KB.
 */
const staleItemsMin = 1_000;

/** Or so many for each key, if that is more: the more are removed at once, the more of them share a page. */
const staleItemsPerKeyMax = 0.5;

/** Stale items that a process remembers, so that it need not look for them: some megabytes. */
const staleItemsListedMax = 500_000;

/**
 * Items of the journal of changes that are moved to the shards' lists at once: the more, the more of them share a list and
 * a page. Readers of the change feed look through all of the journal, some hundred microseconds.
 */
const journalItemsMin = 4_000;

/** Most bytes of the journal of changes that one sweep moves: a few milliseconds. */
const journalBytesMax = 256 * 1024;

/** Most items of the indexes of changes that one sweep looks at: some milliseconds, in which no write gets on. */
const sweepIndexItemsMax = 4_000;

/** Most bytes of entries that one sweep reads to tell which items are stale: some milliseconds too, where values are large. */
const sweepIndexBytesMax = 8 * 1024 * 1024;

export interface IndexBounds extends WalkBounds {
  /** The journal is left alone until it has so many items, or a shard too many stale ones. */
  readonly journalMin: number;
  /** About so many bytes of the journal are moved in one step. */
  readonly journalBytesMax: number;
  /** A shard may have so many stale items, or `perKeyMax` for each of its keys if that is more. */
  readonly staleMin: number;
  readonly perKeyMax: number;
  /** Most items that are remembered, over all shards. */
  readonly listedMax: number;
  /** Also most items that one step removes. */
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
 * What this process has made stale is remembered and removed without reading any entry. What it has not (others that
 * share the folder, and what came before a restart) is found by a walk over the shard's index, at twice the bound, so that
 * each process comes first to what it remembers. Nothing of this is durable: a pass that is cut off begins anew.
 */
export class IndexUpkeep {
  readonly #bounds: IndexBounds;
  readonly #listed = new Map<ShardNumber, number[]>();
  #listedCount = 0;
  #pass: Pass | null = null;
  /** What this process put into the journal since that was empty. At the start so many that one looks. */
  #journalCount: number;

  constructor(bounds: IndexBounds) {
    this.#bounds = bounds;
    this.#journalCount = bounds.journalMin;
  }

  /** To be called once `changes` are durable, never before: a listed version is removed unseen. */
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

  /** Whether the journal may have enough to be moved. */
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

  /** One bounded step over `shards`, within a transaction. Returns whether there is more to do at once. */
  step(records: ShardRecords, shards: readonly ShardNumber[]): boolean {
    const { itemsMax, bytesMax } = this.#bounds;
    const budget = { itemsMax, bytesMax };
    const due = [...records.headersOf(shards)].filter(([shard, header]) => this.isDue(shard, header));
    if (this.isJournalDue || (this.#pass === null && due.length > 0)) this.#fold(records);
    // What is stale in the journal can be removed only from the lists.
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

/** Both return what is left of the pass; null: nothing. */
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
