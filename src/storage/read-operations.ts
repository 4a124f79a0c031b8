/**
 * Answers reads from one snapshot, within a budget. What an engine has to bring is an EntrySource; this file decides
 * what has expired, where a page ends and when the answer is full.
 */
import { answerBytes, pageEntryBytes } from "../core/answer-bytes.js";
import type { Entry } from "../core/entry.js";
import { utf8Bytes, type Key } from "../core/key.js";
import type { GetOperation, GetOutcome, PageOutcome, RefusedOutcome, ScanOperation } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import type { ReadBudget } from "./engine.js";
import { isLive } from "./stored-entry.js";

/** One snapshot of an engine's entries, with those that have expired and are not yet swept. */
export interface EntrySource {
  find(shard: ShardNumber, key: Key): Entry | null;
  /** The entries of a scan's range in the scan's direction. A lone surrogate in a bound reads as U+FFFD, as in UTF-8. */
  range(operation: ScanOperation): Iterable<Entry>;
}

/** One outcome per operation, in order. */
export function readFrom(
  source: EntrySource,
  operations: readonly (GetOperation | ScanOperation)[],
  budget: ReadBudget,
): readonly (GetOutcome | PageOutcome | RefusedOutcome)[] {
  const answer = new Answer(budget);
  return operations.map((operation) => {
    if (answer.isFull) return answerFull();
    return operation.kind === "get" ? answer.get(source, operation) : answer.scan(source, operation);
  });
}

/** Counts the bytes answered so far. */
class Answer {
  readonly #budget: ReadBudget;
  #bytes = 0;

  constructor(budget: ReadBudget) {
    this.#budget = budget;
  }

  /** Never before the first entry: whoever asks again always gets on. */
  get isFull(): boolean {
    return this.#bytes > 0 && this.#bytes >= this.#budget.answerBytesMax;
  }

  get(source: EntrySource, { shard, key }: GetOperation): GetOutcome {
    const entry = source.find(shard, key);
    if (entry === null || !isLive(entry, this.#budget.nowMs)) return { kind: "notFound" };
    const outcome = { kind: "found", entry } as const;
    this.#bytes += answerBytes(outcome);
    return outcome;
  }

  scan(source: EntrySource, operation: ScanOperation): PageOutcome {
    const entries: Entry[] = [];
    let valueBytes = 0;
    for (const entry of source.range(operation)) {
      if (!isLive(entry, this.#budget.nowMs)) continue;
      const isPageFull = entries.length === operation.limit || (valueBytes > 0 && valueBytes >= operation.bytesMax);
      if (isPageFull || this.isFull) return { kind: "page", entries, hasMore: true };
      entries.push(entry);
      valueBytes += utf8Bytes(entry.value);
      this.#bytes += pageEntryBytes(entry);
    }
    return { kind: "page", entries, hasMore: false };
  }
}

function answerFull(): RefusedOutcome {
  return { kind: "refused", code: "BATCH_ANSWER_FULL", message: "The answer was full before this operation ran." };
}
