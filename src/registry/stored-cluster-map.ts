/** The cluster map in its store: how it gets there at a cluster's first start, and what every later start must agree with. */
import { ShardgateError } from "../core/error.js";
import { registryAttemptsMax, shardCountDefault } from "../core/limits.js";
import { hashName } from "../core/shard.js";
import { clusterMapFromText, clusterMapToText } from "./cluster-map-text.js";
import type { ClusterMap } from "./cluster-map.js";
import { createClusterMap } from "./commands.js";
import type { RegistryStore, StoredDocument } from "./registry-store.js";

/** What a start asks for; null takes what is stored, or the default for a new cluster. */
export interface WantedCluster {
  readonly shardCount: number | null;
  readonly clusterName: string | null;
}

/**
 * The map in the store, or a new one, stored, when there is none. Throws SHARD_COUNT_MISMATCH, CLUSTER_MISMATCH,
 * BAD_REQUEST for a new cluster that is not allowed, REGISTRY_CONFLICT, and the store's errors.
 */
export async function loadOrCreate(
  store: RegistryStore,
  wanted: WantedCluster,
  newClusterId: () => string,
): Promise<ClusterMap> {
  for (let attempt = 1; attempt <= registryAttemptsMax; attempt++) {
    const document = await store.load();
    if (document !== null) {
      const map = mapOf(document);
      refuseOther(map, wanted);
      return map;
    }
    const map = createClusterMap({
      clusterId: newClusterId(),
      clusterName: wanted.clusterName ?? "shardgate",
      shardCount: wanted.shardCount ?? shardCountDefault,
    });
    if (await store.compareAndSet(null, documentOf(map))) return map;
  }
  throw new ShardgateError("REGISTRY_CONFLICT", "The registry store has no cluster map and lets none be created.");
}

/** The map as a store keeps it. */
export function documentOf(map: ClusterMap): StoredDocument {
  return { version: map.version, text: clusterMapToText(map) };
}

/** The map in a stored document. Throws REGISTRY_CORRUPT. */
export function mapOf({ version, text }: StoredDocument): ClusterMap {
  const map = clusterMapFromText(text);
  if (map.version === version) return map;
  throw new ShardgateError(
    "REGISTRY_CORRUPT",
    `The registry store says version ${version} and its cluster map ${map.version}. Restore a copy, or move it away.`,
  );
}

/** What is fixed at creation: the hash and the number of shards decide where every key is. */
function refuseOther(map: ClusterMap, wanted: WantedCluster): void {
  if (wanted.shardCount !== null && wanted.shardCount !== map.shardCount) {
    const message = `The cluster has ${map.shardCount} shards; ${wanted.shardCount} were asked for.`;
    throw new ShardgateError("SHARD_COUNT_MISMATCH", message, { shardCount: map.shardCount });
  }
  if (map.hash !== hashName) {
    const message = `The cluster's keys are hashed with ${JSON.stringify(map.hash)}; this shardgate has ${hashName}.`;
    throw new ShardgateError("SHARD_COUNT_MISMATCH", message, { hash: map.hash });
  }
  if (wanted.clusterName !== null && wanted.clusterName !== map.clusterName) {
    const message = `The registry is that of cluster ${map.clusterName}; ${wanted.clusterName} was asked for.`;
    throw new ShardgateError("CLUSTER_MISMATCH", message);
  }
}
