/** Empty shards that an operator assigns to another storage node while their first keys are being written. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { shardOfKey } from "../../src/core/shard.js";
import type { Key } from "../../src/core/key.js";
import { assignShard, shardRows } from "../support/cluster-calls.js";
import { getEntry, putEntry } from "../support/data-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";

const shards = 64;
const keysPerShard = 3;
/** The last shards stay empty. */
const shardsWritten = 56;

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 2, shards });
});
afterAll(() => cluster.stop());

it("a shard that is assigned under writes loses no acknowledged write, whether the shard moves or stays", async () => {
  const { origin } = cluster;
  const rows = (await shardRows(origin)).slice(0, shardsWritten);
  const acknowledged = new Map<string, number>();
  const statuses: number[] = [];
  await inParts(rows, 8, async ({ shardId, nodeId }) => {
    const other = nodeId === "node1" ? "node2" : "node1";
    const writes = keysOf(shardId).map(async (key, index) => {
      // Some begin with the move, some during it and some after it.
      for (let call = 0; call < 4 * index + 12 * (shardId % 4); call++) await shardRows(origin);
      const { version } = await putEntry(origin, key, { value: key });
      if (version !== null) acknowledged.set(key, version);
    });
    const [{ status }] = await Promise.all([assignShard(origin, shardId, other), ...writes]);
    statuses.push(status);
  });
  expect(acknowledged.size).toBeGreaterThan(shardsWritten);
  for (const [key, version] of acknowledged) expect(await getEntry(origin, key)).toMatchObject({ value: key, version });
  expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([]);
});

it("an empty shard is assigned to another storage node without force and without a new lineage", async () => {
  const { origin } = cluster;
  const rows = await shardRows(origin);
  const empty = shards - 1;
  const before = rows[empty];
  const other = before?.nodeId === "node1" ? "node2" : "node1";
  expect(await assignShard(origin, empty, other)).toMatchObject({ status: 200, body: { nodeId: other } });
  const after = (await shardRows(origin))[empty];
  expect(after).toMatchObject({ nodeId: other, lineage: before?.lineage });
  expect(after?.epoch).toBeGreaterThan(before?.epoch ?? Infinity);
});

/** The first keys `k0`, `k1` and so on of the shard. */
function keysOf(shard: number): readonly string[] {
  const keys: string[] = [];
  for (let index = 0; keys.length < keysPerShard; index++) {
    if (shardOfKey(`k${index}` as Key, shards) === shard) keys.push(`k${index}`);
  }
  return keys;
}

async function inParts<T>(items: readonly T[], size: number, work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += size)
    await Promise.all(items.slice(start, start + size).map(work));
}
