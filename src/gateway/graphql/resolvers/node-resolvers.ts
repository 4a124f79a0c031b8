/** Refetching by global ID: `node` and `nodes`. */
import type { GraphQLResolveInfo } from "graphql";
import { unreachable } from "../../../core/error.js";
import type { GraphqlContext } from "../execution/context.js";
import { asking, costOfBatch } from "../execution/plan/field-demand.js";
import type {
  NodeResolvers,
  QueryResolvers,
  ResolversInterfaceTypes,
  ResolversTypes,
} from "../generated/resolver-types.js";
import { decodeGlobalId } from "../values/global-id.js";
import { checkBatchSize } from "../execution/list-budget.js";
import { entryIn } from "./entry-resolvers.js";

type Refetched = ResolversInterfaceTypes<ResolversTypes>["Node"];

export const nodeQueries = {
  node: asking({ cost: () => 1 }, (_root, { id }, context, info) => refetch(id, context, info)),
  nodes: asking({ cost: ({ ids }, facts) => costOfBatch(ids, facts) }, (_root, { ids }, context, info) => {
    checkBatchSize(ids, "ids", context);
    context.lists.pay(ids);
    // A list of promises, so that each ID that fails is an error at its own position. The generated types lack promises
    // of null.
    return ids.map((id) => refetch(id, context, info) as Promise<Refetched>);
  }),
} satisfies QueryResolvers;

export const nodeType = {
  __resolveType: (object) => {
    if ("value" in object) return "Entry";
    if ("url" in object) return "StorageNode";
    return "shardCount" in object ? "Cluster" : "Shard";
  },
} satisfies NodeResolvers;

/**
 * Null when the object no longer exists. Throws BAD_USER_INPUT for an invalid ID, and the errors of reading an entry.
 */
async function refetch(id: string, context: GraphqlContext, info: GraphQLResolveInfo): Promise<Refetched | null> {
  const { type, local } = decodeGlobalId(id);
  const { membership } = context.services;
  switch (type) {
    case "Entry":
      return context.loaders.read([local], info, (outcomes) => entryIn(outcomes, local, context));
    case "Shard":
      return membership.map.shards.find(({ shard }) => String(shard) === local) ?? null;
    case "StorageNode":
      return membership.map.nodes.get(local) ?? null;
    case "Cluster":
      return membership.map.clusterId === local ? membership.map : null;
    default:
      return unreachable(type);
  }
}
