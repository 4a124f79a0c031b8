/** The cluster and its storage nodes: queries, and the fields of both types. */
import { compareKeys } from "../../../core/key.js";
import type { ClusterMap, NodeRecord } from "../../../registry/cluster-map.js";
import { ownedShards } from "../../../routing/owned-shards.js";
import type {
  ClusterResolvers,
  GatewayResolvers,
  QueryResolvers,
  StorageNodeProblemResolvers,
  StorageNodeResolvers,
} from "../generated/resolver-types.js";
import { encodeGlobalId } from "../values/global-id.js";

export const clusterQueries = {
  storageNode: (_root, { name }, { services }) => services.membership.map.nodes.get(name) ?? null,
  storageNodes: (_root, _args, { lists, services }) => lists.pay(nodesByName(services.membership.map)),
  cluster: (_root, _args, { services }) => services.membership.map,
} satisfies QueryResolvers;

export const clusterFields = {
  id: ({ clusterId }) => encodeGlobalId("Cluster", clusterId),
  name: ({ clusterName }) => clusterName,
  mapVersion: ({ version }) => version,
  shards: ({ shards }, _args, { lists }) => lists.pay(shards),
  storageNodes: (map, _args, { lists }) => lists.pay(nodesByName(map)),
  gateways: async (_map, _args, { lists, services }) => lists.pay(await services.membership.gateways()),
  isHealthy: (_map, _args, { services }) => services.membership.isReady(),
} satisfies ClusterResolvers;

export const gatewayFields = {
  lastSeenAt: ({ lastSeenAtMs }) => lastSeenAtMs,
} satisfies GatewayResolvers;

export const storageNodeFields = {
  id: ({ name }) => encodeGlobalId("StorageNode", name),
  state: ({ name }, _args, { services }) => services.membership.nodeState(name),
  shards: ({ name }, _args, { lists, services }) => lists.pay(ownedShards(services.membership.map, name)),
  lastSeenAt: ({ name }, _args, { services }) => services.membership.nodeStatus(name).lastSeenAtMs,
  latencyMs: ({ name }, _args, { services }) => services.membership.nodeStatus(name).latencyMs,
  problem: ({ name }, _args, { services }) => services.membership.nodeStatus(name).problem,
  staleShards: ({ name }, _args, { lists, services }) => lists.pay(services.membership.nodeStatus(name).staleShards),
} satisfies StorageNodeResolvers;

export const storageNodeProblemFields = {
  shards: ({ shards }, _args, { lists }) => lists.pay(shards),
} satisfies StorageNodeProblemResolvers;

function nodesByName({ nodes }: ClusterMap): readonly NodeRecord[] {
  return [...nodes.values()].toSorted((a, b) => compareKeys(a.name, b.name));
}
