/** What a store has of each shard, as its storage node reports it to gateways. */
import type { StorageEngine } from "../../storage/engine.js";
import type { HostedShard } from "../../wire/membership.js";

/** Every shard that was claimed or has data, in the order of their numbers. */
export async function hostedShards(
  engine: Pick<StorageEngine, "state" | "stats">,
  nowMs: number,
): Promise<readonly HostedShard[]> {
  // Claims first: the figures of a shard that was sealed by then change no more.
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

/** Of a shard that an engine has claimed only. */
const noStats = { keyCount: 0, sizeBytes: 0, sequence: 0 };
