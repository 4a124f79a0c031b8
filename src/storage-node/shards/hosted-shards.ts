/** What the store has of each shard, as the storage node reports it to gateways. */
import type { StorageEngine } from "../../storage/engine.js";
import type { HostedShard } from "../../wire/membership.js";

/** Every shard that was claimed or has data, by number. */
export async function hostedShards(
  engine: Pick<StorageEngine, "state" | "stats">,
  nowMs: number,
): Promise<readonly HostedShard[]> {
  // Claims are read first: the figures of a shard that was sealed by then no longer change.
  const { claims } = await engine.state();
  const stats = await engine.stats(nowMs);
  return [...claims.values()]
    .toSorted((a, b) => a.shard - b.shard)
    .map(({ shard, epoch, releasedEpoch, lineage, sealedFor }) => {
      const { keyCount, sizeBytes, sequence } = stats.get(shard) ?? noStats;
      const figures = { shardId: shard, epoch: epoch === 0 ? null : epoch, keyCount, sizeBytes };
      return { ...figures, releasedEpoch, lineage, sequence, sealedFor };
    });
}

/** The figures of a shard that was claimed but never written. */
const noStats = { keyCount: 0, sizeBytes: 0, sequence: 0 };
