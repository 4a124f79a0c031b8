/** What is fuzzed: a gateway with two storage nodes, the same gateway with Yoga alone, and a storage node alone. */
import { startLiveCluster, startLiveNode, type LiveCluster } from "../live-cluster.js";

export interface FuzzCluster extends Pick<LiveCluster, "origin" | "yogaOrigin" | "log" | "close"> {
  /** Of the storage node that stands alone. */
  readonly nodeOrigin: string;
  /** Gives every shard back to the storage node that had it, and forgets all storage nodes that are not there. */
  restore(): Promise<void>;
}

export async function startFuzzCluster(): Promise<FuzzCluster> {
  const cluster = await startLiveCluster(4, [{ name: "alpha" }, { name: "beta" }]);
  const { registry, membership, log } = cluster;
  const alone = await startLiveNode({ name: "alone" }, null, log);
  const owners = registry.map.shards.map(({ primary }) => primary);
  return {
    ...cluster,
    nodeOrigin: alone.url,
    async restore() {
      for (const { shard, primary } of registry.map.shards) {
        const node = owners[shard] ?? null;
        if (node === null || node === primary) continue;
        await membership.assign({ shard, node, isPrimary: true, ifEpoch: null, isForced: true });
      }
      const strangers = [...registry.map.nodes.keys()].filter((name) => !owners.includes(name));
      for (const name of strangers) await membership.remove(name, true);
    },
    async close() {
      await alone.drain();
      await cluster.close();
    },
  };
}
