/** Changes of the cluster by hand: `assignShard`, `registerStorageNode`, `removeStorageNode`. */
import type { MutationResolvers } from "../generated/resolver-types.js";
import { encodeGlobalId } from "../global-id.js";

export const administrationMutations = {
  assignShard: async (_root, { input }, { services: { membership } }) => {
    const shard = await membership.assign({
      shard: input.shard,
      node: input.storageNode,
      isPrimary: input.isPrimary,
      ifEpoch: input.ifEpoch ?? null,
      isForced: input.force,
    });
    return { __typename: "AssignShardPayload" as const, shard };
  },
  registerStorageNode: async (_root, { input: { name, url } }, { services: { membership } }) => {
    await membership.register({ id: name, url });
    const storageNode = membership.map.nodes.get(name);
    if (storageNode === undefined) throw new Error(`Storage node ${name} is missing right after its registration.`);
    return { __typename: "RegisterStorageNodePayload" as const, storageNode };
  },
  removeStorageNode: async (_root, { input: { name, force } }, { services: { membership } }) => {
    const shards = await membership.remove(name, force);
    return {
      __typename: "RemoveStorageNodePayload" as const,
      removedId: encodeGlobalId("StorageNode", name),
      unassignedShards: shards.map((shard) => membership.shardOf(shard)),
    };
  },
} satisfies MutationResolvers;
