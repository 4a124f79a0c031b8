/** How many requests the mailboxes save, by the gateway's own counters. */
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { counter, graphqlData } from "../support/gateway-calls.js";
import { eventually } from "../support/processes.js";
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
  // On a busy machine a batch may be late and sent again.
  const write = (): Promise<unknown> => graphqlData(cluster.origin, putMany, { items });
  await eventually(async () => expect(await batchesOf(write)).toBe(3));

  const entries = "query ($keys: [String!]!) { entries(keys: $keys) { ... on Entry { value } } }";
  const read = async (): Promise<void> => {
    const data = await graphqlData<{ entries: { value: number }[] }>(cluster.origin, entries, { keys });
    expect(data.entries.map(({ value }) => value)).toEqual(keys.map((_, index) => index));
  };
  await eventually(async () => expect(await batchesOf(read)).toBe(3));
});

/** Sends one request on a connection that the agent keeps open; resolves to the answer's body. */
function send(agent: Agent, path: string, body?: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const sent = request(`${cluster.origin}${path}`, { agent, method: body ? "POST" : "GET", headers }, (answer) => {
      text(answer).then(resolve, reject);
    });
    sent.on("error", reject).end(body);
  });
}

it("serves 200 concurrent single gets with far fewer node requests", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const asked = keys.slice(0, 200);
  // All connections are open before the first get is sent, as those of real clients are.
  await Promise.all(asked.map(() => send(agent, "/health")));
  let answers: readonly string[] = [];
  const batches = await batchesOf(async () => {
    const bodies = asked.map((key) => JSON.stringify({ query: `{ get(key: "${key}") { value } }` }));
    answers = await Promise.all(bodies.map((body) => send(agent, "/graphql", body)));
  });
  agent.destroy();
  expect(answers).toEqual(asked.map((_, index) => `{"data":{"get":{"value":${index}}}}`));
  expect(batches).toBeGreaterThanOrEqual(3);
  expect(batches).toBeLessThan(100);
});
