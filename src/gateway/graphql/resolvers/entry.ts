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
import { invalidKey, keyNotFound, problemInstead, readProblem } from "../problems.js";

/** The entry of `key`; null when there is none. Throws the refusal's code, for example SHARD_UNAVAILABLE. */
export async function readEntry(
  key: Key,
  { loaders, services, receipt }: GraphqlContext,
  info: GraphQLResolveInfo,
): Promise<Entry | null> {
  receipt?.asks(info, key);
  const outcome = await loaders.entries.load(key);
  if (outcome.kind === "found") return outcome.entry;
  if (outcome.kind === "notFound") return null;
  const place = outcome.code === "FORBIDDEN" ? {} : { shard: services.membership.shardOfKey(key).shard };
  throw new ShardgateError(outcome.code, outcome.message, { key, ...place });
}

async function readResult(
  text: string,
  { loaders, services, receipt }: GraphqlContext,
  info: GraphQLResolveInfo,
): Promise<ResolversTypes["GetResult"]> {
  const key = problemInstead(
    "INVALID_KEY",
    () => parseKey(text),
    (message) => invalidKey(text, message),
  );
  if (typeof key !== "string") return key;
  receipt?.asks(info, key);
  const outcome = await loaders.entries.load(key);
  if (outcome.kind === "found") return outcome.entry;
  if (outcome.kind === "notFound") return keyNotFound(key);
  return readProblem(outcome, key, () => services.membership.shardOfKey(key));
}

export const entryQueries = {
  get: (_root, { key }, context, info) => readEntry(parseKey(key), context, info),
  entries: (_root, { keys }, context, info) => {
    checkBatchSize(keys, "keys", context);
    context.lists.pay(keys);
    return Promise.all(keys.map((key) => readResult(key, context, info)));
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
