/**
 * All entries with a prefix in key order, as an async iterator over pages. A scan can be continued from its cursor by
 * another process.
 */
import { withDeadline } from "./request/deadline.js";
import type { Entry } from "./client-entry.js";
import type { Settings } from "./options.js";
import { ShardgateOutcomeError } from "./outcome.js";
import { pagesFrom, type Paged } from "./pages.js";
import { readEntry, type RawEntry, type ValueReading } from "./request/raw-result.js";
import { send } from "./request/request.js";
import { ShardgateRequestError } from "./request/request-error.js";
import { again, repeat } from "./request/repeat.js";

/** Default number of entries in one page of a scan. */
export const scanPageEntries = 100;

export interface ScanOptions {
  /** Only keys that start with it. Default: all keys. */
  readonly prefix?: string | undefined;
  /** Entries of one request, 1 to 1000. Default: 100. */
  readonly pageSize?: number | undefined;
  /** Whether to list keys in descending order. */
  readonly reverse?: boolean | undefined;
  /** The `cursor` of an earlier scan with the same prefix and direction: continues after its entry. */
  readonly after?: string | null | undefined;
  /** Continues without shards that cannot answer, and lists them in `unavailableShards`, instead of throwing. */
  readonly allowPartial?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Entries in key order (by bytes). Can be iterated once. */
export interface EntryScan<Value> extends AsyncIterable<Entry<Value>, void, undefined> {
  /**
   * The position of the last returned entry; pass it as `after` of a scan that continues from there. Null before the
   * first.
   */
  readonly cursor: string | null;
  /** Numbers of the shards that are missing from at least one page, ascending. Always empty without `allowPartial`. */
  readonly unavailableShards: readonly number[];
}

/** In the direction of the scan. */
interface Page extends Paged, Pick<PageAnswer, "edges" | "unavailableShards"> {}

interface PageAnswer {
  /** In key order, even if the scan is in descending order. */
  readonly edges: readonly { readonly cursor: string; readonly node: RawEntry }[];
  readonly pageInfo: { readonly hasNextPage?: boolean; readonly hasPreviousPage?: boolean };
  readonly unavailableShards: readonly { readonly number: number }[];
}

/** Sends nothing before it is iterated. */
export function scanEntries(options: ScanOptions, reading: ValueReading, settings: Settings): EntryScan<unknown> {
  let cursor = options.after ?? null;
  const unavailable = new Set<number>();

  async function* entries(): AsyncGenerator<Entry<unknown>, void, undefined> {
    const read = (after: string | null) => readPage({ ...options, after }, settings);
    for await (const { edges, unavailableShards } of pagesFrom(cursor, read)) {
      for (const { number } of unavailableShards) unavailable.add(number);
      for (const edge of edges) {
        // Set even when the value is refused, so that a scan can continue after it.
        cursor = edge.cursor;
        const entry = await readEntry(edge.node, reading);
        if ("issues" in entry) throw new ShardgateOutcomeError(entry);
        yield entry;
      }
    }
  }

  const iterator = entries();
  return {
    [Symbol.asyncIterator]: () => iterator,
    get cursor() {
      return cursor;
    },
    get unavailableShards() {
      return [...unavailable].toSorted((a, b) => a - b);
    },
  };
}

function readPage(options: ScanOptions, settings: Settings): Promise<Page> {
  const request = {
    document: settings.documents.scan,
    variables: JSON.stringify(variablesOf(options)),
    isWrite: false,
  };
  const attempt = async (isLast: boolean, signal: AbortSignal) => {
    const answer = (await send(request, settings, signal)) as PageAnswer;
    if (answer.unavailableShards.length === 0 || options.allowPartial) return pageOf(answer, options);
    if (isLast) throw incomplete(answer);
    return again;
  };
  return withDeadline(
    (signal) => repeat((isLast) => attempt(isLast, signal), settings, signal),
    settings,
    options.signal,
  );
}

function pageOf({ edges, pageInfo, unavailableShards }: PageAnswer, { reverse = false }: ScanOptions): Page {
  const hasMore = reverse ? pageInfo.hasPreviousPage : pageInfo.hasNextPage;
  const ordered = reverse ? edges.toReversed() : edges;
  return { edges: ordered, cursor: hasMore === true ? (ordered.at(-1)?.cursor ?? null) : null, unavailableShards };
}

/** Undefined members are omitted from the JSON text. */
function variablesOf({ prefix = "", pageSize = scanPageEntries, reverse = false, after }: ScanOptions): object {
  const page = reverse ? { last: pageSize, before: after } : { first: pageSize, after };
  return { prefix, reverse, ...page };
}

function incomplete({ unavailableShards }: PageAnswer): ShardgateRequestError {
  const numbers = unavailableShards.map(({ number }) => number).join(", ");
  const message = `Entries are missing, because these shards cannot answer: ${numbers} (see \`allowPartial\`).`;
  const facts = { isRetryable: true, isOutcomeUnknown: false, status: null };
  return new ShardgateRequestError("SHARD_UNAVAILABLE", message, facts);
}
