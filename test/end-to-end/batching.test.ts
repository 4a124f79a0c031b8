/** What the mailboxes save, shown by the gateway's own counters. */
import { once } from "node:events";
import net from "node:net";
import { text } from "node:stream/consumers";
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

/** Opens one connection per body, and only then sends all of them at once: as concurrent as clients can be. */
async function postTogether(bodies: readonly string[]): Promise<readonly string[]> {
  const { hostname, port } = new URL(cluster.origin);
  const sockets = bodies.map(() => net.connect(Number(port), hostname));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const answers = sockets.map(async (socket, index) => {
    const body = bodies[index] ?? "";
    const head = `POST /graphql HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\nconnection: close\r\n`;
    socket.write(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    return text(socket);
  });
  return Promise.all(answers);
}

it("answers 200 concurrent single gets with far fewer requests", async () => {
  const bodies = keys.slice(0, 200).map((key) => JSON.stringify({ query: `{ get(key: "${key}") { value } }` }));
  let answers: readonly string[] = [];
  const batches = await batchesOf(async () => {
    answers = await postTogether(bodies);
  });
  for (const [index, answer] of answers.entries()) expect(answer).toContain(`{"data":{"get":{"value":${index}}}}`);
  expect(batches).toBeGreaterThanOrEqual(3);
  expect(batches).toBeLessThan(100);
});
