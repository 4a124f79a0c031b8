/**
 * Answers reads from one snapshot of the store. One statement reads what most answers need, and calls that read keys alone
 * share it. An answer that needs more (a long scan, or more values than fit into memory at once) is made in a transaction
 * whose statements have a snapshot of their own.
 */
import type { GetOperation } from "../../../core/operation.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { Query, Row } from "../../../postgres/statement.js";
import type { FencedRead, ReadBudget } from "../../engine.js";
import { readFrom, type ReadAnswer } from "../../read-operations.js";
import type { ShardFence } from "../../shard-header.js";
import { FetchedEntries, Unread } from "./fetched-entries.js";
import { readParts, readStatement, type ScanPart } from "./read-statement.js";
import { rowInLine } from "./row-line.js";
import { GatheredReads } from "./gathered-reads.js";

/** Most rows of scans that one statement returns, unless one scan alone asks for more. */
const scanRowsMax = 5_000;

export interface ReadConnections {
  readonly run: Query;
  /** Runs `work` in a transaction whose statements share a snapshot. */
  snapshot<Result>(work: (query: Query) => Promise<Result>): Promise<Result>;
}

export class StoreReads {
  readonly #node: string;
  readonly #connections: ReadConnections;
  readonly #gathered: GatheredReads<ReadCall>;

  constructor(node: string, connections: ReadConnections) {
    this.#node = node;
    this.#connections = connections;
    this.#gathered = new GatheredReads((calls) => this.#fetch(connections.run, calls, 0));
  }

  async answer(operations: readonly FencedRead[], budget: ReadBudget): Promise<ReadAnswer> {
    const call = new ReadCall(operations, budget);
    if (call.hasScans) await this.#fetch(this.#connections.run, [call], 0);
    else await this.#gathered.fetch(call);
    const answer = call.answer();
    return answer instanceof Unread ? this.#answerLong(operations, budget) : answer;
  }

  #answerLong(operations: readonly FencedRead[], budget: ReadBudget): Promise<ReadAnswer> {
    return this.#connections.snapshot(async (query) => {
      const call = new ReadCall(operations, budget);
      for (let place = 0; ;) {
        await this.#fetch(query, [call], place);
        const answer = call.answer();
        if (!(answer instanceof Unread)) return answer;
        place = answer.place;
      }
    });
  }

  /** Reads what is missing of the operations from `place` on, and first of all of the one at `place`. */
  async #fetch(query: Query, calls: readonly ReadCall[], place: number): Promise<void> {
    const gets = calls.flatMap((call) => call.gets(place));
    const scans = calls.flatMap((call) => call.scans(place));
    const shards = new Set(calls.flatMap((call) => call.unfencedShards()));
    if (gets.length + scans.length + shards.size === 0) return;
    const { text, values } = readStatement({
      node: this.#node,
      shards: [...shards],
      gets: gets.map(({ operation }) => operation),
      scans: scans.map(({ part }) => part),
      // An entry that has expired at the earliest moment has expired for all calls.
      nowMs: Math.min(...calls.map(({ budget }) => budget.nowMs)),
      bytesMax: Math.min(...calls.map((call) => call.bytesMax(scans))),
    });
    takeIn(await query(text, values), calls, gets, scans);
  }
}

interface Get {
  readonly call: ReadCall;
  readonly operation: GetOperation;
  readonly place: number;
}

interface Scan {
  readonly call: ReadCall;
  readonly part: ScanPart;
}

/** One call of the engine, with what was read for it. */
class ReadCall {
  readonly budget: ReadBudget;
  readonly fetched: FetchedEntries;
  readonly hasScans: boolean;
  readonly #operations: readonly FencedRead[];

  constructor(operations: readonly FencedRead[], budget: ReadBudget) {
    this.#operations = operations;
    this.budget = budget;
    this.fetched = new FetchedEntries(operations, budget.nowMs);
    this.hasScans = operations.some(({ operation }) => operation.kind === "scan");
  }

  get size(): number {
    return this.#operations.length;
  }

  answer(): ReadAnswer | Unread {
    try {
      return readFrom(this.fetched, this.#operations, this.budget);
    } catch (error) {
      if (error instanceof Unread) return error;
      throw error;
    }
  }

  /** Most bytes of values that an answer with these scans has. */
  bytesMax(scans: readonly Scan[]): number {
    const { answerBytesMax } = this.budget;
    if (scans.length === 0) return answerBytesMax;
    return scans.reduce((sum, { part }) => Math.min(answerBytesMax, sum + part.operation.bytesMax), 0);
  }

  /** The shards of the call, until their fences were read. */
  unfencedShards(): readonly ShardNumber[] {
    return this.fetched.fences === null ? this.#operations.map(({ operation }) => operation.shard) : [];
  }

  gets(from: number): readonly Get[] {
    const isFirst = this.fetched.fences === null;
    return this.#operations.flatMap((read, place) => {
      const { operation } = read;
      if (operation.kind !== "get" || place < from) return [];
      return isFirst || this.fetched.isUnread(read) ? [{ call: this, operation, place }] : [];
    });
  }

  /** The next parts of scans: of the one at `from` in any case, of later ones if they have none and there is room. */
  scans(from: number): readonly Scan[] {
    let rows = 0;
    return this.#operations.flatMap((read, place) => {
      const { operation } = read;
      if (operation.kind !== "scan" || place < from) return [];
      const lastKey = this.fetched.lastKeyOf(operation);
      const isWanted = place === from || (lastKey === null && this.fetched.isUnread(read) && rows < scanRowsMax);
      if (!isWanted) return [];
      const limit = operation.limit + 1;
      rows += limit;
      return [{ call: this, part: { operation, lastKey, limit } }];
    });
  }
}

function takeIn(rows: readonly Row[], calls: readonly ReadCall[], gets: readonly Get[], scans: readonly Scan[]): void {
  const fences = new Map<ShardNumber, ShardFence>();
  const pages = new Map<Scan, Row[]>(scans.map((scan) => [scan, []]));
  const ofDirection = (isReverse: boolean): readonly Scan[] =>
    scans.filter(({ part }) => part.operation.isReverse === isReverse);
  const [forward, reverse] = [ofDirection(false), ofDirection(true)];
  for (const row of rows.map(rowInLine)) {
    const place = Number(row["place"]);
    const part = Number(row["part"]);
    if (part === readParts.fence) {
      fences.set(place as ShardNumber, fenceIn(row));
    } else if (part === readParts.get) {
      const get = gets[place - 1];
      if (get !== undefined) get.call.fetched.put(get.operation, get.place, row);
    } else {
      const scan = (part === readParts.reverse ? reverse : forward)[place - 1];
      if (scan !== undefined) pages.get(scan)?.push(row);
    }
  }
  for (const { fetched } of calls) fetched.fences ??= fences;
  for (const [{ call, part }, page] of pages) call.fetched.extend(part.operation, page, part.limit);
}

function fenceIn(row: Row): ShardFence {
  return {
    epoch: Number(row["version"]),
    releasedEpoch: Number(row["created_ms"]),
    lineage: Number(row["updated_ms"]),
    sealedFor: row["value"] === null ? null : String(row["value"]),
    expiryMarkMs: Number(row["expires_ms"]),
  };
}
