/** Refetching by global ID: `node` and `nodes`. */
import type { GraphQLResolveInfo } from "graphql";
import { unreachable } from "../../../core/error.js";
import { parseKey } from "../../../core/key.js";
import { checkBatchSize } from "../batch-bound.js";
import type { GraphqlContext } from "../context.js";
import type {
  NodeResolvers,
  QueryResolvers,
  ResolversInterfaceTypes,
  ResolversTypes,
} from "../generated/resolver-types.js";
import { decodeGlobalId } from "../global-id.js";
import { readEntry } from "./entry.js";

type Refetched = ResolversInterfaceTypes<ResolversTypes>["Node"];

export const nodeQueries = {
  node: (_root, { id }, context, info) => refetch(id, context, info),
  nodes: (_root, { ids }, context, info) => {
    checkBatchSize(ids, "ids", context);
    context.lists.pay(ids);
    // A list of promises: each ID that fails is an error of its own place. The generated types know no promise of null.
    return ids.map((id) => refetch(id, context, info) as Promise<Refetched>);
  },
} satisfies QueryResolvers;

export const nodeType = {
  __resolveType: (object) => {
    if ("value" in object) return "Entry";
    if ("url" in object) return "StorageNode";
    return "shardCount" in object ? "Cluster" : "Shard";
  },
} satisfies NodeResolvers;

/** Null when the object is gone. Throws BAD_USER_INPUT for an ID that is none, and what reading an entry throws. */
async function refetch(id: string, context: GraphqlContext, info: GraphQLResolveInfo): Promise<Refetched | null> {
  const { type, local } = decodeGlobalId(id);
  const { membership } = context.services;
  switch (type) {
    case "Entry":
      return readEntry(parseKey(local), context, info);
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
