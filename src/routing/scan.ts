/**
 * Reads a page of all shards in key order. Every shard is asked for its part of the page and a little more, in one
 * batch per node. The results are merged, and only shards whose further keys may still belong on the page are asked
 * again. So a page costs about one request per storage node, and is exact however unevenly the keys are distributed.
 */
import type { JsonEntry } from "../core/entry.js";
import { ShardgateError, type ErrorCode } from "../core/error.js";
import { compareKeys, utf8Bytes } from "../core/key.js";
import { nodeBatchAnswerBytesMax, pageEntriesMax } from "../core/limits.js";
import type { Operation, Outcome, PageOutcome, ScanOperation } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import type { RouteContext } from "./mailbox/submission.js";

/**
 * Bytes of values after which a scan's page ends early, whatever its limit, because the gateway holds a page in memory.
 */
export const scanPageBytesMax = 16 * 1024 * 1024;

export interface ScanRequest {
  readonly shardCount: number;
  readonly prefix: string;
  /** Bounds of the keys, both exclusive; null: no bound. */
  readonly after: string | null;
  readonly before: string | null;
  /** 1 to `pageEntriesMax`. */
  readonly limit: number;
  /** Whether keys are listed in descending order. */
  readonly isReverse: boolean;
}

export interface ScanPage {
  /** In the scan's direction. Fewer than `limit` with `hasMore` when they hold `scanPageBytesMax`. */
  readonly entries: readonly JsonEntry[];
  readonly hasMore: boolean;
  /** Shards that did not answer; none of their entries is on the page. */
  readonly unavailableShards: readonly ShardNumber[];
}

/** The part of a Router that is used here. */
export interface ScanRouter {
  execute(operations: readonly Operation[], context: RouteContext): Promise<readonly Outcome[]>;
}

/** What is known of one shard: its first entries in the scan's direction. */
interface ShardPart {
  readonly shard: ShardNumber;
  readonly entries: readonly JsonEntry[];
  /** Whether the shard has more keys after `entries`. */
  readonly hasMore: boolean;
}

/** Shards that fail are listed in `unavailableShards`. Rejects with ANSWER_TOO_LARGE and FORBIDDEN only. */
export async function scanShards(router: ScanRouter, request: ScanRequest, context: RouteContext): Promise<ScanPage> {
  let parts: readonly ShardPart[] = Array.from({ length: request.shardCount }, (_, shard) => ({
    shard: shard as ShardNumber,
    entries: [],
    hasMore: true,
  }));
  const unavailableShards: ShardNumber[] = [];
  for (;;) {
    const page = pageOf(parts, request);
    const short = parts.filter((part) => mayBelong(part, page, request));
    if (short.length === 0) return { ...page, unavailableShards: unavailableShards.toSorted((a, b) => a - b) };
    const share = expectedShare(request.limit - page.entries.length, short.length);
    // Twice the shard's part of the page, so that it suffices for shards with larger values than others.
    const bytesMax = Math.min(nodeBatchAnswerBytesMax, Math.ceil((2 * scanPageBytesMax) / short.length));
    const scans = short.map((part) => ({ ...nextScan(part, request, share), bytesMax }));
    const outcomes = await router.execute(scans, context);
    const answers = new Map(short.map(({ shard }, index) => [shard, outcomes[index]]));
    parts = parts.flatMap((part) => {
      const outcome = answers.get(part.shard);
      if (outcome === undefined) return [part];
      if (outcome.kind === "page") return [longer(part, outcome)];
      if (outcome.kind === "refused" && wholeScanCodes.has(outcome.code)) {
        throw new ShardgateError(outcome.code, outcome.message);
      }
      unavailableShards.push(part.shard);
      return [];
    });
  }
}

/** Refusals that concern the scan itself, whatever shard gave them. */
const wholeScanCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["ANSWER_TOO_LARGE", "FORBIDDEN"]);

interface Page {
  readonly entries: readonly JsonEntry[];
  readonly hasMore: boolean;
  /** Whether no further entry fits. */
  readonly isFull: boolean;
}

/** The first entries of all that are known, in the scan's direction. */
function pageOf(parts: readonly ShardPart[], { limit, isReverse }: ScanRequest): Page {
  const direction = isReverse ? -1 : 1;
  const sorted = parts.flatMap(({ entries }) => entries).toSorted((a, b) => direction * compareKeys(a.key, b.key));
  let count = 0;
  let bytes = 0;
  while (count < limit && count < sorted.length && bytes < scanPageBytesMax) {
    bytes += utf8Bytes(sorted[count]?.value ?? "");
    count++;
  }
  const hasMore = count < sorted.length || parts.some((part) => part.hasMore);
  return { entries: sorted.slice(0, count), hasMore, isFull: count === limit || bytes >= scanPageBytesMax };
}

/** Whether further keys of the shard may sort before the end of the page. */
function mayBelong(part: ShardPart, page: Page, { isReverse }: ScanRequest): boolean {
  if (!part.hasMore) return false;
  const [partEnd, pageEnd] = [part.entries.at(-1), page.entries.at(-1)];
  if (!page.isFull || partEnd === undefined || pageEnd === undefined) return true;
  const order = compareKeys(partEnd.key, pageEnd.key);
  return isReverse ? order > 0 : order < 0;
}

/**
 * How many entries to request from each of `shards` shards when `missing` are needed: the expected share plus three
 * standard deviations (keys fall on shards like a Poisson process), so that a second round is rare.
 */
function expectedShare(missing: number, shards: number): number {
  const mean = missing / shards;
  return Math.min(missing, Math.ceil(mean + 3 * Math.sqrt(mean)) + 1);
}

function nextScan({ shard, entries }: ShardPart, request: ScanRequest, share: number): Omit<ScanOperation, "bytesMax"> {
  const { prefix, limit: pageLimit, isReverse } = request;
  const last = entries.at(-1)?.key ?? null;
  // At least as many as have arrived so far: the number of rounds stays logarithmic even when keys are distributed
  // unevenly.
  const limit = Math.min(pageEntriesMax, pageLimit, Math.max(1, share, entries.length));
  const after = isReverse ? request.after : (last ?? request.after);
  const before = isReverse ? (last ?? request.before) : request.before;
  return { kind: "scan", shard, prefix, after, before, limit, isReverse };
}

function longer(part: ShardPart, { entries, hasMore }: PageOutcome): ShardPart {
  return { ...part, entries: [...part.entries, ...entries], hasMore };
}
