/**
 * Mutations that change the cluster: assign shards, add, drain and remove storage nodes, and accept the loss of their
 * data.
 */
import type { ClusterMap, NodeRecord } from "../../../registry/cluster-map.js";
import type { MutationResolvers } from "../generated/resolver-types.js";
import { encodeGlobalId } from "../values/global-id.js";

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
    return { __typename: "RegisterStorageNodePayload" as const, storageNode: nodeAfterwards(membership.map, name) };
  },
  acceptStorageNodeLoss: async (_root, { input: { name } }, { services: { membership } }) => {
    await membership.acceptLoss(name);
    return { __typename: "AcceptStorageNodeLossPayload" as const, storageNode: nodeAfterwards(membership.map, name) };
  },
  drainStorageNode: async (_root, { input: { name, undo } }, { services: { membership } }) => {
    await membership.drain(name, undo);
    return { __typename: "DrainStorageNodePayload" as const, storageNode: nodeAfterwards(membership.map, name) };
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

function nodeAfterwards({ nodes }: ClusterMap, name: string): NodeRecord {
  const record = nodes.get(name);
  if (record === undefined) throw new Error(`Storage node ${name} is missing right after it was changed.`);
  return record;
}
