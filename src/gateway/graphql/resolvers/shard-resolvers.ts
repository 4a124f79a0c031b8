/** Shards: the queries, and the fields of a shard, an assignment and a change of it. */
import { ShardgateError } from "../../../core/error.js";
import { parseKey } from "../../../core/key.js";
import type { NodeRecord, ShardRecord } from "../../../registry/cluster-map.js";
import type { HostedShard } from "../../../wire/membership.js";
import type { GraphqlContext } from "../execution/context.js";
import type {
  AssignmentCause,
  AssignmentChangeResolvers,
  QueryResolvers,
  ShardResolvers,
} from "../generated/resolver-types.js";
import { encodeGlobalId } from "../values/global-id.js";

export const shardQueries = {
  shardForKey: (_root, { key }, { services }) => services.membership.shardOfKey(parseKey(key)),
  shard: (_root, { number }, { services }) => services.membership.map.shards[number] ?? null,
  shards: (_root, { state }, { lists, services: { membership } }) =>
    lists.pay(membership.map.shards.filter(({ shard }) => state == null || membership.shardState(shard) === state)),
} satisfies QueryResolvers;

export const shardFields = {
  id: ({ shard }) => encodeGlobalId("Shard", shard),
  number: ({ shard }) => shard,
  state: ({ shard }, _args, { services }) => services.membership.shardState(shard),
  primary: (shard, _args, context) => holdersOf(shard, context)[0] ?? null,
  replicas: (shard, _args, context) => holdersOf(shard, context).slice(1),
  assignments: (shard, _args, context) =>
    holdersOf(shard, context).map((storageNode, index) => {
      return { __typename: "ShardAssignment" as const, shard, storageNode, isPrimary: index === 0 };
    }),
  keyCount: async (shard, _args, context) => (await figuresOf(shard, context))?.keyCount.toString() ?? null,
  sizeBytes: async (shard, _args, context) => (await figuresOf(shard, context))?.sizeBytes.toString() ?? null,
  history: async ({ shard }, { first }, { lists, services }) => {
    if (first < 0) throw new ShardgateError("BAD_USER_INPUT", `\`first\` is ${first}; it must be at least 0.`);
    return lists.pay((await services.membership.history(shard)).slice(0, first));
  },
} satisfies ShardResolvers;

export const assignmentChangeFields = {
  storageNodeName: ({ node }) => node,
  // Without replicas, only primaries are assigned.
  isPrimary: () => true,
  at: ({ atMs }) => atMs,
  cause: ({ cause }) => causes[cause],
} satisfies AssignmentChangeResolvers;

const causes = {
  operator: "OPERATOR",
  automatic: "AUTOMATIC",
  registration: "REGISTRATION",
} as const satisfies Readonly<Record<string, AssignmentCause>>;

/** The primary; without replicas there are no others. */
function holdersOf({ primary }: ShardRecord, { services }: GraphqlContext): readonly NodeRecord[] {
  const record = primary === null ? undefined : services.membership.map.nodes.get(primary);
  return record === undefined ? [] : [record];
}

/** Null when the primary does not answer. A shard that its primary does not list has no data there. */
async function figuresOf(
  { shard, primary }: ShardRecord,
  { loaders }: GraphqlContext,
): Promise<Pick<HostedShard, "keyCount" | "sizeBytes"> | null> {
  const figures = primary === null ? null : await loaders.shardFigures(primary);
  return figures === null ? null : (figures.get(shard) ?? { keyCount: 0, sizeBytes: 0 });
}
