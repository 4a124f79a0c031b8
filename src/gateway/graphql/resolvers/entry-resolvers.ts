/** Reading entries: `get`, `entries`, `scan`, and the fields of an entry. */
import type { JsonEntry } from "../../../core/entry.js";
import { ShardgateError } from "../../../core/error.js";
import { utf8Bytes, type Key } from "../../../core/key.js";
import type { GraphqlContext } from "../execution/context.js";
import { costOfScan, readEntryPage } from "./entry-page.js";
import { asking } from "../execution/plan/field-demand.js";
import type { EntryResolvers, PageInfoResolvers, QueryResolvers, ResolversTypes } from "../generated/resolver-types.js";
import { encodeGlobalId } from "../values/global-id.js";
import { checkBatchSize } from "../execution/list-budget.js";
import type { LoadOutcome } from "../execution/loaders.js";
import { keyNotFound, readProblem } from "../values/problems.js";

type Result = ResolversTypes["GetResult"];

/** Null when there is no entry. Throws the refusal's code, for example SHARD_UNAVAILABLE. */
export function entryIn(
  [outcome]: readonly LoadOutcome[],
  key: string,
  { services }: GraphqlContext,
): JsonEntry | null {
  if (outcome?.kind === "found") return outcome.entry;
  if (outcome?.kind !== "refused") return null;
  const { code, message } = outcome;
  if (code === "INVALID_KEY") throw new ShardgateError(code, message);
  const place = code === "FORBIDDEN" ? {} : { shard: services.membership.shardOfKey(key as Key).shard };
  throw new ShardgateError(code, message, { key, ...place });
}

function resultIn(outcome: LoadOutcome, key: string, { services }: GraphqlContext): Result {
  if (outcome.kind === "found") return outcome.entry;
  if (outcome.kind === "notFound") return keyNotFound(key);
  return readProblem(outcome, key, () => services.membership.shardOfKey(key as Key));
}

export const entryQueries = {
  get: asking({ keys: ({ key }) => [key] }, (_root, { key }, context, info) =>
    context.loaders.read([key], info, (outcomes) => entryIn(outcomes, key, context)),
  ),
  entries: asking({ keys: ({ keys }) => keys }, (_root, { keys }, context, info) => {
    checkBatchSize(keys, "keys", context);
    context.lists.pay(keys);
    return context.loaders.read(keys, info, (outcomes) =>
      outcomes.map((outcome, index) => resultIn(outcome, keys[index] ?? "", context)),
    );
  }),
  scan: asking({ cost: costOfScan }, (_root, args, context, info) => readEntryPage(args, context, info)),
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
