/**
 * What statements have read of one snapshot, as the source that reads are answered from. An answer that needs more than
 * was read fails with `Unread`: then more is read, and the answer is made again.
 */
import type { JsonEntry } from "../../../core/entry.js";
import type { Key } from "../../../core/key.js";
import type { GetOperation, ScanOperation } from "../../../core/operation.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { Row } from "../../../postgres/statement.js";
import type { FencedRead } from "../../engine.js";
import type { EntrySource } from "../../read-operations.js";
import { emptyHeader, type ShardFence } from "../../shard-header.js";
import { entryIn, headIn } from "../rows/entry-rows.js";

/** Thrown when the operation at `place` needs more than was read. */
export class Unread extends Error {
  readonly place: number;

  constructor(place: number) {
    super(`Operation ${place} of a read needs more than was read.`);
    this.place = place;
  }
}

/** What was read of a scan, in its direction. */
interface FetchedRange {
  readonly place: number;
  readonly rows: { readonly key: Key; readonly row: Row }[];
  isWhole: boolean;
}

export class FetchedEntries implements EntrySource {
  /** Null until they were read. May have those of other shards, too. */
  fences: ReadonlyMap<ShardNumber, ShardFence> | null = null;
  readonly #nowMs: number;
  readonly #gets = new Map<ShardNumber, Map<Key, { readonly place: number; readonly row: Row }>>();
  readonly #scans = new Map<ScanOperation, FetchedRange>();

  constructor(operations: readonly FencedRead[], nowMs: number) {
    this.#nowMs = nowMs;
    for (const [place, { operation }] of operations.entries()) {
      if (operation.kind === "scan") this.#scans.set(operation, { place, rows: [], isWhole: false });
    }
  }

  fence(shard: ShardNumber): ShardFence {
    return this.fences?.get(shard) ?? emptyHeader;
  }

  find(shard: ShardNumber, key: Key): JsonEntry | null {
    const found = this.#gets.get(shard)?.get(key);
    return found === undefined ? null : this.#entry(shard, key, found);
  }

  *range(operation: ScanOperation): Iterable<JsonEntry> {
    const range = this.#scans.get(operation);
    if (range === undefined) return;
    for (const { key, row } of range.rows) yield this.#entry(operation.shard, key, { place: range.place, row });
    if (!range.isWhole) throw new Unread(range.place);
  }

  /** Whether an answer could need more of the operation than was read. */
  isUnread({ operation }: FencedRead): boolean {
    if (operation.kind === "scan") return this.#scans.get(operation)?.isWhole === false;
    const found = this.#gets.get(operation.shard)?.get(operation.key);
    return found !== undefined && this.#lacksValue(found.row);
  }

  /** Where a scan goes on: after this key. Null: it was not begun. */
  lastKeyOf(operation: ScanOperation): Key | null {
    return this.#scans.get(operation)?.rows.at(-1)?.key ?? null;
  }

  put({ shard, key }: GetOperation, place: number, row: Row): void {
    let keys = this.#gets.get(shard);
    if (keys === undefined) {
      keys = new Map();
      this.#gets.set(shard, keys);
    }
    const known = keys.get(key);
    // A key that is asked for twice may come with its value the first time only.
    if (known === undefined || this.#lacksValue(known.row)) keys.set(key, { place, row });
  }

  /** The next rows of a scan, which are the last ones if there are fewer than `limit`. */
  extend(operation: ScanOperation, rows: readonly Row[], limit: number): void {
    const range = this.#scans.get(operation);
    if (range === undefined) return;
    for (const row of rows) {
      if (this.#lacksValue(row)) return;
      range.rows.push({ key: (row["key"] as Buffer).toString("utf8") as Key, row });
    }
    range.isWhole = rows.length < limit;
  }

  #entry(shard: ShardNumber, key: Key, { place, row }: { readonly place: number; readonly row: Row }): JsonEntry {
    if (row["value"] !== null) return entryIn(shard, key, row);
    if (this.#lacksValue(row)) throw new Unread(place);
    return headIn(key, row);
  }

  /** Values of expired entries are not read, because no answer has them. */
  #lacksValue(row: Row): boolean {
    return row["value"] === null && !(row["expires_ms"] !== null && Number(row["expires_ms"]) <= this.#nowMs);
  }
}
