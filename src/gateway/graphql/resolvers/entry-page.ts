/**
 * One page of a scan, by the rules of the Relay cursor connections specification
 * (https://relay.dev/graphql/connections.htm). A cursor contains the key of its entry, so it stays valid when that key
 * is deleted and when others are added.
 */
import type { GraphQLResolveInfo } from "graphql";
import type { JsonEntry } from "../../../core/entry.js";
import { ShardgateError } from "../../../core/error.js";
import { keyProblem, parseKey, prefixProblem, type Key } from "../../../core/key.js";
import { pageEntriesDefault } from "../../../core/limits.js";
import type { ShardRecord } from "../../../registry/cluster-map.js";
import { scanShards, type ScanRouter } from "../../../routing/scan.js";
import type { GraphqlContext } from "../execution/context.js";
import type { CostFacts } from "../execution/plan/field-demand.js";
import type { QueryScanArgs } from "../generated/resolver-types.js";

export interface EntryPage {
  readonly edges: readonly { readonly __typename: "EntryEdge"; readonly cursor: string; readonly node: JsonEntry }[];
  readonly pageInfo: PageSides;
  readonly unavailableShards: readonly ShardRecord[];
}

/** Whether there are more entries on the other side requires another read, which happens only when it is requested. */
export interface PageSides {
  readonly startCursor: string | null;
  readonly endCursor: string | null;
  hasNextPage(): boolean | Promise<boolean>;
  hasPreviousPage(): boolean | Promise<boolean>;
}

/** The page that the arguments of `scan` request. */
interface PageRequest {
  readonly prefix: string;
  readonly after: Key | null;
  readonly before: Key | null;
  readonly count: number;
  readonly isReverse: boolean;
}

/** Throws BAD_USER_INPUT when the arguments violate a rule. */
export async function readEntryPage(
  args: QueryScanArgs,
  context: GraphqlContext,
  info: GraphQLResolveInfo,
): Promise<EntryPage> {
  const request = pageRequest(args, context.services.bounds.pageEntries);
  const { count, isReverse } = request;
  // A page of zero entries still reports whether there are any.
  const found = await scan({ ...request, limit: Math.max(count, 1) }, context, info);
  const entries = [...context.lists.pay(found.entries.slice(0, count))];
  const hasMore = found.hasMore || found.entries.length > count;
  if (isReverse) entries.reverse();
  const edges = entries.map((node) => ({ __typename: "EntryEdge" as const, cursor: encodeCursor(node.key), node }));
  const isPastBound = (): Promise<boolean> => hasEntryPastBound(request, context, info);
  return {
    edges,
    pageInfo: {
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
      hasNextPage: isReverse ? isPastBound : () => hasMore,
      hasPreviousPage: isReverse ? () => hasMore : isPastBound,
    },
    unavailableShards: found.unavailableShards.map((shard) => context.services.membership.shardOf(shard)),
  };
}

/**
 * Every shard is read for its part of the page, and once more when the client asks whether there are entries before its
 * start.
 */
export function costOfScan(
  { first, after, last, before }: QueryScanArgs,
  { bounds, shardCount, isSelected }: CostFacts,
): number {
  const count = first ?? last ?? Math.min(pageEntriesDefault, bounds.pageEntries);
  // `pageRequest` will refuse this.
  if (count < 0 || count > bounds.pageEntries) return 0;
  const page = count + shardCount;
  const isPastStart = last == null ? "hasPreviousPage" : "hasNextPage";
  const start = last == null ? after : before;
  return start != null && isSelected("pageInfo", isPastStart) ? page + 1 + shardCount : page;
}

function scan(
  { limit, ...page }: Omit<PageRequest, "count"> & { readonly limit: number },
  { services: { router, membership }, route, receipt }: GraphqlContext,
  info: GraphQLResolveInfo,
): ReturnType<typeof scanShards> {
  const { shardCount } = membership;
  const { prefix, after, before, isReverse } = page;
  const request = { shardCount, prefix, after, before, limit, isReverse };
  if (receipt === null) return scanShards(router, request, route);
  const recorded: ScanRouter = {
    execute: (scans, context) => router.execute(scans, { ...context, recorder: receipt.runs(info, scans) }),
  };
  return scanShards(recorded, request, route);
}

/** Whether there are entries at the bound at which the page began, or beyond it: the direction of the way back. */
async function hasEntryPastBound(
  { prefix, after, before, isReverse }: PageRequest,
  context: GraphqlContext,
  info: GraphQLResolveInfo,
): Promise<boolean> {
  const bound = isReverse ? before : after;
  if (bound === null) return false;
  const isThere = await context.loaders.read([bound], info, ([outcome]) => outcome?.kind === "found");
  if (isThere && bound.startsWith(prefix)) return true;
  const beyond = isReverse ? { after: bound, before: null } : { after: null, before: bound };
  const { entries } = await scan({ prefix, ...beyond, limit: 1, isReverse: !isReverse }, context, info);
  return entries.length > 0;
}

function pageRequest({ prefix, first, after, last, before }: QueryScanArgs, entriesMax: number): PageRequest {
  if (first != null && last != null) throw badInput("Pass `first` or `last`, not both");
  const problem = prefixProblem(prefix);
  if (problem !== null) throw badInput(`\`prefix\` ${problem}`);
  return {
    prefix,
    after: after == null ? null : decodeCursor(after, "after"),
    before: before == null ? null : decodeCursor(before, "before"),
    count: pageSize(
      first ?? last ?? Math.min(pageEntriesDefault, entriesMax),
      last == null ? "first" : "last",
      entriesMax,
    ),
    isReverse: last != null,
  };
}

function pageSize(count: number, name: string, entriesMax: number): number {
  if (count < 0 || count > entriesMax) throw badInput(`\`${name}\` is ${count}; it must be 0 to ${entriesMax}`);
  return count;
}

/** Distinguishes cursors from other texts, and from cursors in a later form. */
const cursorForm = "1:";

function encodeCursor(key: string): string {
  return Buffer.from(cursorForm + key, "utf8").toString("base64url");
}

function decodeCursor(cursor: string, name: string): Key {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const key = text.slice(cursorForm.length);
  // Base64 decoders skip unknown characters: only the canonical text is accepted.
  const isOurs = text.startsWith(cursorForm) && keyProblem(key) === null && encodeCursor(key) === cursor;
  if (!isOurs) throw badInput(`\`${name}\` is not a cursor returned by a scan`);
  return parseKey(key);
}

function badInput(message: string): ShardgateError {
  return new ShardgateError("BAD_USER_INPUT", `${message}.`);
}
