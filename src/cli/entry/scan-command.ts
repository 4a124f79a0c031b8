/**
 * `shardgate scan`: lists entries in ascending or descending key order, page by page; only the current page is kept in
 * memory.
 */
import { Option, type Command } from "commander";
import { pagesFrom, type Paged } from "../../client/pages.js";
import { pageEntriesDefault, pageEntriesMax } from "../../core/limits.js";
import type { Environment } from "../environment/environment.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { missingFailure } from "../transfer/exporter.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import type { GatewayClient } from "../calls/gateway-client.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption, wholeNumber } from "../options/option.js";
import type { Format } from "../terminal/print.js";
import { TextSink } from "../terminal/text-sink.js";
import { ScanText } from "./scan-text.js";
import { entryFields, type EntryAnswer } from "./entry-outcome.js";

interface ScanOptions extends ConnectionOptions {
  readonly output: Format;
  readonly prefix: string;
  readonly limit: number;
  readonly after?: string;
  readonly reverse?: true;
  readonly keysOnly?: true;
}

export function addScanCommand(program: Command, environment: Environment): void {
  const command = program
    .command("scan")
    .alias("ls")
    .description("List entries in key order (bytewise), over all shards.")
    .addOption(new Option("--prefix <text>", "only entries whose key starts with this text").default(""))
    .addOption(
      new Option("--limit <number>", "maximum number of entries to list")
        .argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER))
        .default(pageEntriesDefault),
    )
    .addOption(new Option("--after <cursor>", "continue after this cursor, which an incomplete scan prints"))
    .addOption(new Option("--reverse", "list from the last key to the first"))
    .addOption(new Option("--keys-only", "print keys only, one per line"))
    .addOption(outputOption())
    .action((options: ScanOptions) => runScan(options, environment));
  addExample(addConnectionOptions(command), "scan --prefix user/ --limit 20", "scan --reverse --keys-only");
}

async function runScan(options: ScanOptions, environment: Environment): Promise<void> {
  const sink = new TextSink(environment.stdout);
  const text = new ScanText(options.output, options.keysOnly === true, environment);
  let missing: readonly number[] = [];
  let cursor: string | null = null;
  const isRead = await withGateway(options, environment, async (client) => {
    for await (const page of pages(client, options)) {
      missing = union(missing, page.unavailableShards);
      cursor = page.cursor;
      if (!(await sink.write(text.ofEntries(page.entries)))) return false;
    }
    return sink.write(text.ofEnd(cursor, missing));
  });
  if (!isRead) return;
  if (cursor !== null) environment.stderr.write(`There are more entries; continue with --after ${cursor}\n`);
  if (missing.length > 0) throw missingFailure(missing);
}

function union(numbers: readonly number[], shards: ScanAnswer["unavailableShards"]): readonly number[] {
  return [...new Set([...numbers, ...shards.map(({ number }) => number)])].toSorted((a, b) => a - b);
}

interface Page extends Paged {
  /** In the direction of the scan. */
  readonly entries: readonly EntryAnswer[];
  readonly unavailableShards: ScanAnswer["unavailableShards"];
}

/** Yields pages until the limit or the end of all entries. */
async function* pages(client: GatewayClient, options: ScanOptions): AsyncGenerator<Page> {
  const document = documentOf(options);
  let left = options.limit;
  const read = async (cursor: string | null): Promise<Page> => {
    const variables = { prefix: options.prefix, cursor, count: Math.min(left, pageEntriesMax) };
    const asking = ask<{ readonly scan: ScanAnswer }>(client, document, JSON.stringify(variables));
    const { scan } = await asking.catch(throwInOwnWords);
    return pageOf(scan, options.reverse === true);
  };
  for await (const page of pagesFrom(options.after ?? null, read)) {
    yield page;
    left -= page.entries.length;
    if (left <= 0) return;
  }
}

/** A refusal names arguments of the schema, which are replaced by the options of this command. */
function throwInOwnWords(error: unknown): never {
  if (!(error instanceof CommandFailure)) throw error;
  const message = error.message.replaceAll(/`(\w+)`/g, (text, name: string) => optionOfArgument[name] ?? text);
  throw new CommandFailure(message, error.exitCode);
}

const optionOfArgument: Readonly<Record<string, string>> = {
  prefix: "--prefix",
  first: "--limit",
  last: "--limit",
  after: "--after",
  before: "--after",
};

/** Ascending pages use `first` and `after`, descending ones `last` and `before` (Relay cursor connections). */
function documentOf({ reverse, keysOnly }: ScanOptions): string {
  const [count, side, hasMore, cursor] = reverse
    ? ["last", "before", "hasPreviousPage", "startCursor"]
    : ["first", "after", "hasNextPage", "endCursor"];
  return (
    "query Scan($prefix:String!,$count:Int!,$cursor:String){" +
    `scan(prefix:$prefix,${count}:$count,${side}:$cursor){edges{node{${keysOnly ? "key" : entryFields}}}` +
    `pageInfo{hasMore:${hasMore} cursor:${cursor}}unavailableShards{number}}}`
  );
}

interface ScanAnswer {
  readonly edges: readonly { readonly node: EntryAnswer }[];
  readonly pageInfo: { readonly hasMore: boolean; readonly cursor: string | null };
  readonly unavailableShards: readonly { readonly number: number }[];
}

function pageOf({ edges, pageInfo, unavailableShards }: ScanAnswer, isReverse: boolean): Page {
  const entries = edges.map(({ node }) => node);
  return {
    entries: isReverse ? entries.toReversed() : entries,
    cursor: pageInfo.hasMore ? pageInfo.cursor : null,
    unavailableShards,
  };
}
