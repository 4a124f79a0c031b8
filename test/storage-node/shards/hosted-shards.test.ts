import { expect, it } from "vitest";
import { hostedShards } from "../../../src/storage-node/shards/hosted-shards.js";
import { shardOf } from "../operations.js";

it("reports data that were never claimed, and claims without data", async () => {
  const claim = { releasedEpoch: 0, lineage: 0, sealedFor: null };
  const claims = new Map([
    [shardOf(7), { shard: shardOf(7), epoch: 3, ...claim }],
    [shardOf(2), { shard: shardOf(2), epoch: 0, ...claim }],
  ]);
  const figures = { keyCount: 4, sizeBytes: 40, tombstoneCount: 1, sequence: 9, digest: "d" };
  const engine = {
    state: async () => ({ document: null, claims, shared: null, damagedShards: [] }),
    stats: async () => new Map([[shardOf(2), figures]]),
  };
  expect(await hostedShards(engine, 0)).toEqual([
    { shardId: 2, epoch: null, keyCount: 4, sizeBytes: 40, sequence: 9, ...claim },
    { shardId: 7, epoch: 3, keyCount: 0, sizeBytes: 0, sequence: 0, ...claim },
  ]);
});
