/**
 * Answers reads from one snapshot, within a budget: decides which operations may run, which entries have expired, where
 * a page ends and when the answer is full. An engine only supplies an EntrySource.
 */
import { answerBytes, pageEntryBytes } from "../core/answer-bytes.js";
import type { JsonEntry } from "../core/entry.js";
import { utf8Bytes, type Key } from "../core/key.js";
import type {
  GetOperation,
  GetOperationOutcome,
  PageOutcome,
  RefusedOutcome,
  ScanOperation,
} from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import { fenceRefusal } from "./claim.js";
import type { FencedRead, ReadBudget } from "./engine.js";
import { isExpired } from "./expiry.js";
import { judgingMs, type ShardFence } from "./shard-header.js";
import { isDamage } from "./stored-entry.js";

/**
 * One snapshot of an engine, including entries that have expired but are not swept yet. All methods may throw
 * ENTRY_DAMAGED.
 */
export interface EntrySource {
  fence(shard: ShardNumber): ShardFence;
  find(shard: ShardNumber, key: Key): JsonEntry | null;
  /**
   * Yields the entries in a scan's range, in the scan's direction. A lone surrogate in a bound counts as U+FFFD, as in
   * UTF-8.
   */
  range(operation: ScanOperation): Iterable<JsonEntry>;
}

export type ReadOutcome = GetOperationOutcome | PageOutcome | RefusedOutcome;

export interface ReadAnswer {
  /** One outcome per operation, in order. */
  readonly outcomes: readonly ReadOutcome[];
  /** Expiry marks that must be durable before the answer is given. */
  readonly marks: ReadonlyMap<ShardNumber, RaisedMark>;
  /** Indexes of the operations whose outcomes depend on those marks. */
  readonly judging: ReadonlySet<number>;
}

/** A raise of a shard's expiry mark. Valid only while the shard's claim has this epoch. */
export interface RaisedMark {
  readonly epoch: number;
  readonly expiryMarkMs: number;
}

export function readFrom(source: EntrySource, operations: readonly FencedRead[], budget: ReadBudget): ReadAnswer {
  const answer = new Answer(source, budget);
  const outcomes = operations.map((operation, place) => answer.outcome(operation, place));
  return { outcomes, marks: answer.marks, judging: answer.judging };
}

/** `outcomes` with the operations in `judging` refused, because their shards' marks could not be raised. */
export function withRefused(
  { outcomes, judging }: ReadAnswer,
  code: RefusedOutcome["code"],
  message: string,
): readonly ReadOutcome[] {
  return outcomes.map((outcome, place) => (judging.has(place) ? { kind: "refused", code, message } : outcome));
}

/** Counts the answered bytes, and collects the expiry marks that the answer depends on. */
class Answer {
  readonly marks = new Map<ShardNumber, RaisedMark>();
  readonly judging = new Set<number>();
  readonly #source: EntrySource;
  readonly #budget: ReadBudget;
  #bytes = 0;

  constructor(source: EntrySource, budget: ReadBudget) {
    this.#source = source;
    this.#budget = budget;
  }

  outcome({ operation, epoch }: FencedRead, place: number): ReadOutcome {
    // The first entry is never refused, so that a caller that continues always makes progress.
    if (this.#isFull) return answerFull;
    try {
      const fence = this.#source.fence(operation.shard);
      const refusal = fenceRefusal(fence, operation.shard, epoch);
      if (refusal !== null) return refusal;
      return operation.kind === "get" ? this.#get(operation, fence, place) : this.#scan(operation, fence, place);
    } catch (error) {
      return damageRefusal(error);
    }
  }

  get #isFull(): boolean {
    return this.#bytes > 0 && this.#bytes >= this.#budget.answerBytesMax;
  }

  #get({ shard, key }: GetOperation, fence: ShardFence, place: number): GetOperationOutcome {
    const entry = this.#source.find(shard, key);
    if (entry === null || this.#isGone(entry, shard, fence, place)) return notFound;
    const outcome = { kind: "found", entry } as const;
    this.#bytes += answerBytes(outcome);
    return outcome;
  }

  #scan(operation: ScanOperation, fence: ShardFence, place: number): PageOutcome {
    const entries: JsonEntry[] = [];
    let valueBytes = 0;
    for (const entry of this.#source.range(operation)) {
      if (this.#isGone(entry, operation.shard, fence, place)) continue;
      const isPageFull = entries.length === operation.limit || (valueBytes > 0 && valueBytes >= operation.bytesMax);
      if (isPageFull || this.#isFull) return { kind: "page", entries, hasMore: true };
      entries.push(entry);
      valueBytes += utf8Bytes(entry.value);
      this.#bytes += pageEntryBytes(entry);
    }
    return { kind: "page", entries, hasMore: false };
  }

  #isGone(entry: JsonEntry, shard: ShardNumber, fence: ShardFence, place: number): boolean {
    if (entry.expiresAtMs === null || !isExpired(entry, judgingMs(fence, this.#budget.nowMs))) return false;
    const expiryMarkMs = Math.max(this.marks.get(shard)?.expiryMarkMs ?? 0, entry.expiresAtMs);
    if (entry.expiresAtMs > fence.expiryMarkMs) {
      this.marks.set(shard, { epoch: fence.epoch, expiryMarkMs });
      this.judging.add(place);
    }
    return true;
  }
}

/** The refusal of one operation that read a damaged record. Rethrows any other error. */
export function damageRefusal(error: unknown): RefusedOutcome {
  if (!isDamage(error)) throw error;
  return { kind: "refused", code: error.code, message: error.message };
}

const notFound = { kind: "notFound" } as const;
const answerFull: RefusedOutcome = {
  kind: "refused",
  code: "BATCH_ANSWER_FULL",
  message: "The batch's response reached its size limit before this operation ran.",
};
