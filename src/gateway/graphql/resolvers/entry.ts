/** Reading entries: `get`, `entries`, `scan`, and the fields of an entry. */
import type { GraphQLResolveInfo } from "graphql";
import type { Entry } from "../../../core/entry.js";
import { ShardgateError } from "../../../core/error.js";
import { parseKey, utf8Bytes, type Key } from "../../../core/key.js";
import { checkBatchSize } from "../batch-bound.js";
import type { GraphqlContext } from "../context.js";
import { readEntryPage } from "../entry-page.js";
import type { EntryResolvers, PageInfoResolvers, QueryResolvers, ResolversTypes } from "../generated/resolver-types.js";
import { encodeGlobalId } from "../global-id.js";
import type { ReadOutcome } from "../loaders.js";
import { invalidKey, keyNotFound, problemInstead, readProblem } from "../problems.js";

/** The entry of `key`; null when there is none. Throws the refusal's code, for example SHARD_UNAVAILABLE. */
export async function readEntry(key: Key, context: GraphqlContext, info: GraphQLResolveInfo): Promise<Entry | null> {
  context.receipt?.asks(info, key);
  return entryIn(await context.loaders.entries.load(key), key, context);
}

function entryIn(outcome: ReadOutcome, key: Key, { services }: GraphqlContext): Entry | null {
  if (outcome.kind === "found") return outcome.entry;
  if (outcome.kind === "notFound") return null;
  const place = outcome.code === "FORBIDDEN" ? {} : { shard: services.membership.shardOfKey(key).shard };
  throw new ShardgateError(outcome.code, outcome.message, { key, ...place });
}

type Result = ResolversTypes["GetResult"];

function readResult(text: string, context: GraphqlContext, info: GraphQLResolveInfo): Result | Promise<Result> {
  const ahead = context.loaders.ahead(text);
  if (ahead !== undefined) return resultIn(ahead, text as Key, context);
  const key = problemInstead(
    "INVALID_KEY",
    () => parseKey(text),
    (message) => invalidKey(text, message),
  );
  if (typeof key !== "string") return key;
  context.receipt?.asks(info, key);
  return context.loaders.entries.load(key).then((outcome) => resultIn(outcome, key, context));
}

function resultIn(outcome: ReadOutcome, key: Key, { services }: GraphqlContext): Result {
  if (outcome.kind === "found") return outcome.entry;
  if (outcome.kind === "notFound") return keyNotFound(key);
  return readProblem(outcome, key, () => services.membership.shardOfKey(key));
}

export const entryQueries = {
  get: (_root, { key }, context, info) => {
    const ahead = context.loaders.ahead(key);
    return ahead === undefined ? readEntry(parseKey(key), context, info) : entryIn(ahead, key as Key, context);
  },
  entries: (_root, { keys }, context, info) => {
    checkBatchSize(keys, "keys", context);
    context.lists.pay(keys);
    const results = keys.map((key) => readResult(key, context, info));
    return results.some((result) => result instanceof Promise) ? Promise.all(results) : (results as Result[]);
  },
  scan: (_root, args, context, info) => readEntryPage(args, context, info),
} satisfies QueryResolvers;

export const entryFields = {
  id: ({ key }) => encodeGlobalId("Entry", key),
  valueText: ({ value }) => value,
  createdAt: ({ createdAtMs }) => createdAtMs,
  updatedAt: ({ updatedAtMs }) => updatedAtMs,
  expiresAt: ({ expiresAtMs }) => expiresAtMs,
  sizeBytes: ({ value }) => utf8Bytes(value),
  shard: ({ key }, _args, { services }) => services.membership.shardOfKey(key),
} satisfies EntryResolvers;

export const pageInfoFields = {
  hasNextPage: (page) => page.hasNextPage(),
  hasPreviousPage: (page) => page.hasPreviousPage(),
} satisfies PageInfoResolvers;
