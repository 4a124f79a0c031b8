/** What the mailboxes save, shown by the gateway's own counters. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { counter, graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 3, shards: 64 });
});
afterAll(async () => cluster.stop());

const keys = Array.from({ length: 1000 }, (_, index) => `user${index}`);

async function batchesOf(action: () => Promise<unknown>): Promise<number> {
  const before = await counter(cluster.origin, "shardgate_node_batches_total");
  await action();
  return (await counter(cluster.origin, "shardgate_node_batches_total")) - before;
}

it("writes and reads 1000 keys over 64 shards on 3 nodes with 3 requests each", async () => {
  const putMany = "mutation ($items: [PutInput!]!) { putMany(items: $items) { __typename } }";
  const items = keys.map((key, index) => ({ key, value: index }));
  expect(await batchesOf(() => graphqlData(cluster.origin, putMany, { items }))).toBe(3);

  const entries = "query ($keys: [String!]!) { entries(keys: $keys) { ... on Entry { value } } }";
  const batches = await batchesOf(async () => {
    const data = await graphqlData<{ entries: { value: number }[] }>(cluster.origin, entries, { keys });
    expect(data.entries.map(({ value }) => value)).toEqual(keys.map((_, index) => index));
  });
  expect(batches).toBe(3);
});

it("answers 200 concurrent single gets with far fewer requests", async () => {
  const batches = await batchesOf(() =>
    Promise.all(keys.slice(0, 200).map((key) => graphqlData(cluster.origin, `{ get(key: "${key}") { value } }`))),
  );
  expect(batches).toBeGreaterThanOrEqual(3);
  expect(batches).toBeLessThan(100);
});
