/**
 * Answers reads from one snapshot of the store. One statement reads what most answers need. An answer that needs more
 * (a long scan, or more values than fit into memory at once) is made in a transaction whose statements share a snapshot.
 */
import type { ShardNumber } from "../../../core/shard.js";
import type { Query, Row } from "../../../postgres/statement.js";
import type { FencedRead, ReadBudget } from "../../engine.js";
import { readFrom, type ReadAnswer } from "../../read-operations.js";
import { FetchedEntries, Unread } from "./fetched-entries.js";
import { readParts, readStatement, type ScanPart } from "./read-statement.js";

/** Most rows of scans that one statement returns, unless one scan alone asks for more. */
const scanRowsMax = 5_000;

export interface ReadConnection {
  readonly run: Query;
  snapshot<Result>(work: (query: Query) => Promise<Result>): Promise<Result>;
}

export class StoreReads {
  readonly #node: string;
  readonly #operations: readonly FencedRead[];
  readonly #budget: ReadBudget;

  constructor(node: string, operations: readonly FencedRead[], budget: ReadBudget) {
    this.#node = node;
    this.#operations = operations;
    this.#budget = budget;
  }

  async answer({ run, snapshot }: ReadConnection): Promise<ReadAnswer> {
    const first = new FetchedEntries(this.#operations, this.#budget.nowMs);
    await this.#fetch(run, first, 0);
    const answer = this.#answerFrom(first);
    if (!(answer instanceof Unread)) return answer;
    return snapshot(async (query) => {
      const fetched = new FetchedEntries(this.#operations, this.#budget.nowMs);
      for (let place = 0; ;) {
        await this.#fetch(query, fetched, place);
        const answer = this.#answerFrom(fetched);
        if (!(answer instanceof Unread)) return answer;
        place = answer.place;
      }
    });
  }

  #answerFrom(fetched: FetchedEntries): ReadAnswer | Unread {
    try {
      return readFrom(fetched, this.#operations, this.#budget);
    } catch (error) {
      if (error instanceof Unread) return error;
      throw error;
    }
  }

  /** Reads what is missing of the operations from `place` on, and first of all of the one at `place`. */
  async #fetch(query: Query, fetched: FetchedEntries, place: number): Promise<void> {
    const isFirst = fetched.fences.size === 0;
    const gets: Placed<"get">[] = [];
    const scans: ScanPart[] = [];
    const shards = new Set<ShardNumber>();
    let rows = 0;
    for (const [index, read] of this.#operations.entries()) {
      const { operation } = read;
      if (isFirst) shards.add(operation.shard);
      if (index < place) continue;
      if (operation.kind === "get") {
        if (isFirst || fetched.isUnread(read)) gets.push({ operation, place: index });
        continue;
      }
      const lastKey = fetched.lastKeyOf(operation);
      const isWanted = index === place || (lastKey === null && fetched.isUnread(read) && rows < scanRowsMax);
      if (!isWanted) continue;
      scans.push({ operation, lastKey, limit: operation.limit + 1 });
      rows += operation.limit + 1;
    }
    const bytesMax = this.#budget.answerBytesMax;
    const { text, values } = readStatement({
      node: this.#node,
      shards: [...shards],
      gets: gets.map(({ operation }) => operation),
      scans,
      nowMs: this.#budget.nowMs,
      bytesMax:
        scans.length === 0 ? bytesMax : Math.min(bytesMax, sum(scans.map(({ operation }) => operation.bytesMax))),
    });
    if (text !== "") takeIn(fetched, await query(text, values), gets, scans);
  }
}

interface Placed<Kind extends FencedRead["operation"]["kind"]> {
  readonly operation: Extract<FencedRead["operation"], { readonly kind: Kind }>;
  readonly place: number;
}

function takeIn(
  fetched: FetchedEntries,
  rows: readonly Row[],
  gets: readonly Placed<"get">[],
  scans: readonly ScanPart[],
): void {
  const pages = new Map<ScanPart, Row[]>(scans.map((scan) => [scan, []]));
  const ofDirection = (isReverse: boolean): readonly ScanPart[] =>
    scans.filter(({ operation }) => operation.isReverse === isReverse);
  const listed = { [readParts.forward]: ofDirection(false), [readParts.reverse]: ofDirection(true) } as const;
  for (const row of rows) {
    const place = Number(row["place"]);
    const part = Number(row["part"]);
    if (part === readParts.fence) {
      fetched.fences.set(place as ShardNumber, fenceIn(row));
    } else if (part === readParts.get) {
      const get = gets[place - 1];
      if (get !== undefined) fetched.put(get.operation, get.place, row);
    } else {
      const scan = listed[part === readParts.reverse ? readParts.reverse : readParts.forward][place - 1];
      if (scan !== undefined) pages.get(scan)?.push(row);
    }
  }
  for (const [{ operation, limit }, page] of pages) fetched.extend(operation, page, limit);
}

function fenceIn(row: Row) {
  return {
    epoch: Number(row["version"]),
    releasedEpoch: Number(row["created_ms"]),
    lineage: Number(row["updated_ms"]),
    sealedFor: row["value"] === null ? null : String(row["value"]),
    expiryMarkMs: Number(row["expires_ms"]),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
