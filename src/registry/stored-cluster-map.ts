/**
 * The cluster map in its store: its creation at a cluster's first start, the checks at every later start, and the mark
 * of a copy that an operator restored.
 */
import { ShardgateError } from "../core/error.js";
import { registryAttemptsMax } from "../core/limits.js";
import { hashName } from "../core/shard.js";
import { clusterMapToText, readClusterMap } from "./text/cluster-map-text.js";
import type { AssignmentChange, ClusterMap } from "./cluster-map.js";
import { createClusterMap } from "./commands.js";
import { markPutBack } from "./commands/put-back.js";
import type { RegistryStore, StoredDocument, StoredRegistry } from "./registry-store.js";

/** Default number of shards of a new cluster: enough to spread over dozens of storage nodes. */
const shardCountDefault = 64;

/** What a start asks for; null takes what is stored, or the default for a new cluster. */
export interface WantedCluster {
  readonly shardCount: number | null;
  readonly clusterName: string | null;
}

/** A stored map, with the store's beat. */
export interface ReadMap {
  readonly map: ClusterMap;
  readonly text: string;
  readonly beat: number;
  /** The history that a document of 0.1.0 has in it. */
  readonly changes: readonly AssignmentChange[];
}

/**
 * The map in the store; a new one is written when there is none. Throws SHARD_COUNT_MISMATCH, CLUSTER_MISMATCH, BAD_REQUEST
 * for a new cluster that is not allowed, REGISTRY_CONFLICT, and the store's errors.
 */
export async function readOrCreate(
  store: RegistryStore,
  wanted: WantedCluster,
  newClusterId: () => string,
): Promise<ReadMap> {
  for (let attempt = 1; attempt <= registryAttemptsMax; attempt++) {
    const stored = await store.load();
    if (stored !== null) {
      const read = readMap(stored);
      refuseOther(read.map, wanted);
      return { ...read, text: stored.text, beat: stored.beat };
    }
    const map = newMap(wanted, newClusterId);
    const document = documentOf(map);
    if (await store.compareAndSet(null, document, null)) return { map, text: document.text, beat: 0, changes: [] };
  }
  throw new ShardgateError(
    "REGISTRY_CONFLICT",
    "The registry store changed during every attempt to create the cluster. Try again.",
  );
}

/** The map as a store keeps it. */
export function documentOf(map: ClusterMap): StoredDocument {
  return { version: map.version, text: clusterMapToText(map) };
}

/** The map in a stored document. Throws REGISTRY_CORRUPT. */
export function mapOf(document: StoredDocument): ClusterMap {
  return readMap(document).map;
}

/**
 * The older document that an operator restores: its map at a version above its own and `versionAbove`, marked with
 * `newMark` (drawn at random), so that nothing is assigned or served before every storage node has registered anew or
 * is given up. Throws REGISTRY_CORRUPT.
 */
export function putBackDocument(document: StoredDocument, newMark: string, versionAbove = 0): StoredDocument {
  // Any time will do: it is the time of changes in the log, and there are none before a storage node registers.
  return documentOf(markPutBack(mapOf(document), newMark, versionAbove, 0).map);
}

function readMap({ version, text }: StoredDocument | StoredRegistry): {
  readonly map: ClusterMap;
  readonly changes: readonly AssignmentChange[];
} {
  const read = readClusterMap(text);
  if (read.map.version === version) return read;
  throw new ShardgateError(
    "REGISTRY_CORRUPT",
    `The registry store has version ${version}, but its cluster map has version ${read.map.version}. Restore a backup, or move the store away.`,
  );
}

function newMap(wanted: WantedCluster, newClusterId: () => string): ClusterMap {
  return createClusterMap({
    clusterId: newClusterId(),
    clusterName: wanted.clusterName ?? "shardgate",
    shardCount: wanted.shardCount ?? shardCountDefault,
  });
}

/** What is fixed at creation: the hash and the number of shards decide where every key is. */
function refuseOther(map: ClusterMap, wanted: WantedCluster): void {
  if (wanted.shardCount !== null && wanted.shardCount !== map.shardCount) {
    const message = `The cluster has ${map.shardCount} shards; ${wanted.shardCount} were requested.`;
    throw new ShardgateError("SHARD_COUNT_MISMATCH", message, { shardCount: map.shardCount });
  }
  if (map.hash !== hashName) {
    const message = `The cluster's keys are hashed with ${JSON.stringify(map.hash)}; this version of shardgate uses ${hashName}.`;
    throw new ShardgateError("SHARD_COUNT_MISMATCH", message, { hash: map.hash });
  }
  if (wanted.clusterName !== null && wanted.clusterName !== map.clusterName) {
    const message = `The registry belongs to cluster ${map.clusterName}; cluster ${wanted.clusterName} was requested.`;
    throw new ShardgateError("CLUSTER_MISMATCH", message);
  }
}
