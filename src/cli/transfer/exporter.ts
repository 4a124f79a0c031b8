/**
 * Reads all entries with a prefix through `scan`, page by page. Pages are bounded in bytes, so that a million small
 * entries take few requests and full-size ones little memory. A page without some shards is requested again for a
 * while.
 */
import { pagesFrom, type Paged } from "../../client/pages.js";
import { again, repeat } from "../../client/request/repeat.js";
import { pageEntriesMax } from "../../core/limits.js";
import { exitCodes } from "../terminal/exit-code.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { failureExitCode, withAdvice } from "../calls/gateway-call.js";
import type { GatewayAnswer } from "../calls/gateway-client.js";
import { retriesOf, type RetryParts } from "./retries.js";

/** Target size of one page of `export` in bytes, so that its memory does not depend on the size of the values. */
const exportPageBytes = 4 * 1024 * 1024;

/**
 * Entries in the first page of an export, when the size of the values is still unknown: this many full-size ones fit
 * into one answer.
 */
const exportFirstPageEntries = 16;

export interface ExporterParts extends RetryParts {
  readonly client: { post(body: string): Promise<GatewayAnswer> };
  /** Called with the reason when a page is requested again. */
  onRetry(reason: string): void;
}

export interface ExportedEntry {
  readonly key: string;
  readonly valueText: string;
  readonly expiresAt: string | null;
}

export class Exporter {
  readonly #parts: ExporterParts;
  #pageEntries = exportFirstPageEntries;
  /** Shards that did not return while a page was requested again; later pages do not wait for them. */
  readonly #missingShards = new Set<number>();

  constructor(parts: ExporterParts) {
    this.#parts = parts;
  }

  /** Shards with missing entries. */
  get missingShards(): readonly number[] {
    return [...this.#missingShards].toSorted((a, b) => a - b);
  }

  /** The entries in key order, page by page. Throws CommandFailure when the gateway does not answer. */
  async *pages(prefix: string): AsyncGenerator<readonly ExportedEntry[]> {
    for await (const { entries } of pagesFrom(null, (after) => this.#page(prefix, after))) yield entries;
  }

  #page(prefix: string, after: string | null): Promise<Page> {
    const { client, onRetry } = this.#parts;
    const attempt = async (isLast: boolean): Promise<Page | typeof again> => {
      const variables = { prefix, after, first: this.#pageEntries };
      const answer = await client.post(JSON.stringify({ query: document, variables }));
      if (answer.kind === "data") {
        const page = pageOf(answer.data["scan"]);
        if (!this.#isWorthWaiting(page) || isLast) return this.#take(page, answer.bytes);
        onRetry(`${shardsText(page.unavailableShards)} cannot be read`);
        return again;
      }
      if (answer.isTooLarge && this.#pageEntries > 1) {
        this.#pageEntries = Math.ceil(this.#pageEntries / 2);
        return attempt(isLast);
      }
      const message = `the export is not complete: ${withAdvice(answer.reason, answer.advice)}`;
      if (isLast || !answer.isRetryable) throw new CommandFailure(message, failureExitCode(answer));
      onRetry(answer.reason);
      return again;
    };
    return repeat(attempt, retriesOf(this.#parts));
  }

  #isWorthWaiting({ unavailableShards }: Page): boolean {
    return unavailableShards.some((shard) => !this.#missingShards.has(shard));
  }

  #take(page: Page, bytes: number): Page {
    for (const shard of page.unavailableShards) this.#missingShards.add(shard);
    const entryBytes = bytes / Math.max(1, page.entries.length);
    const fitting = Math.floor(exportPageBytes / entryBytes);
    this.#pageEntries = Math.max(1, Math.min(fitting, this.#pageEntries * 4, pageEntriesMax));
    return page;
  }
}

/** The failure when some shards could not be read; all readable entries of the others were written. */
export function missingFailure(shards: readonly number[]): CommandFailure {
  const text = `entries of ${shardsText(shards)} are missing, because they cannot be read now; \`shardgate status\` shows why`;
  return new CommandFailure(text, exitCodes.unavailable);
}

/** "shard 3" or "shards 3, 7". */
export function shardsText(shards: readonly number[]): string {
  return `shard${shards.length === 1 ? "" : "s"} ${shards.join(", ")}`;
}

interface Page extends Paged {
  readonly entries: readonly ExportedEntry[];
  readonly unavailableShards: readonly number[];
}

const document =
  "query Export($prefix:String!,$first:Int!,$after:String){scan(prefix:$prefix,first:$first,after:$after){" +
  "edges{node{key valueText expiresAt}}pageInfo{hasNextPage endCursor}unavailableShards{number}}}";

/** The selection of `document`. */
interface ScanAnswer {
  readonly edges: readonly { readonly node: ExportedEntry }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  readonly unavailableShards: readonly { readonly number: number }[];
}

function pageOf(scan: unknown): Page {
  if (typeof scan !== "object" || scan === null)
    throw new CommandFailure("the export is not complete: the gateway returned no page");
  const { edges, pageInfo, unavailableShards } = scan as ScanAnswer;
  return {
    entries: edges.map(({ node }) => node),
    cursor: pageInfo.hasNextPage ? pageInfo.endCursor : null,
    unavailableShards: unavailableShards.map(({ number }) => number),
  };
}
