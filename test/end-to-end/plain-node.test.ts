/** A storage node in another language, with only the three plain routes, is adopted with two REST calls. */
import { afterEach, expect, it } from "vitest";
import { graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { Run, repository } from "../support/processes.js";

let cluster: ProcessCluster | null = null;
let plain: Run | null = null;
afterEach(async () => {
  await plain?.stop("SIGKILL");
  await cluster?.stop();
});

async function post(origin: string, path: string, body: unknown): Promise<Response> {
  return fetch(`${origin}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

it("serves reads, writes and batches of a Python node that does not know shardgate", async () => {
  plain = new Run("python3", [`${repository}/test/support/plain-node.py`, "0"]);
  const [, port] = await plain.prints(/listening (\d+)/);
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4, engine: "memory" });
  const { origin } = cluster;

  expect((await post(origin, "/nodes", { id: "python", url: `http://127.0.0.1:${port}` })).status).toBe(201);
  const assigned = await post(origin, "/shards/assign", { shardId: 2, nodeId: "python", isPrimary: true, force: true });
  expect(assigned.status).toBe(200);

  // user123 is in shard 2 of 4; the other keys are spread over both nodes.
  const keys = ["user123", ...Array.from({ length: 40 }, (_, index) => `a/b ${index}`)];
  const written = await graphqlData<{
    putMany: { isNew: boolean; entry: { version: string | null; shard: { number: number } } }[];
  }>(
    origin,
    `mutation ($items: [PutInput!]!) {
      putMany(items: $items) { ... on PutSuccess { isNew entry { version shard { number } } } ... on Problem { code message } }
    }`,
    { items: keys.map((key, index) => ({ key, value: { index } })) },
  );
  for (const { isNew, entry } of written.putMany) {
    expect(isNew).toBe(true);
    if (entry.shard.number === 2) expect(entry.version).toBeNull();
    else expect(entry.version).toMatch(/^\d+$/);
  }
  expect(new Set(written.putMany.map(({ entry }) => entry.shard.number)).size).toBe(4);

  const direct = await fetch(`http://127.0.0.1:${port}/shard/2/store/user123`);
  expect(await direct.text()).toBe('{"index":0}');

  const read = await graphqlData(
    origin,
    `query ($keys: [String!]!) {
      get(key: "user123") { value version createdAt }
      entries(keys: $keys) { ... on Entry { key value } ... on Problem { code } }
    }`,
    { keys: [...keys, "absent"] },
  );
  expect(read).toEqual({
    get: { value: { index: 0 }, version: null, createdAt: null },
    entries: [...keys.map((key, index) => ({ key, value: { index } })), { code: "KEY_NOT_FOUND" }],
  });

  const refused = await graphqlData(
    origin,
    `mutation {
      conditional: put(key: "user123", value: 1, condition: { ifAbsent: true }) { ... on Problem { code } }
      expiring: put(key: "user123", value: 1, expiry: { ttlSeconds: 60 }) { ... on Problem { code } }
      deleted: delete(key: "user123") { ... on DeleteSuccess { key version } }
      again: delete(key: "user123") { ... on Problem { code } }
    }`,
  );
  expect(refused).toEqual({
    conditional: { code: "NOT_SUPPORTED" },
    expiring: { code: "NOT_SUPPORTED" },
    deleted: { key: "user123", version: null },
    again: { code: "KEY_NOT_FOUND" },
  });

  const scanned = await graphqlData<{ scan: { edges: unknown[]; unavailableShards: { number: number }[] } }>(
    origin,
    '{ scan(prefix: "a/b", first: 100) { edges { cursor } unavailableShards { number } } }',
  );
  expect(scanned.scan.unavailableShards).toEqual([{ number: 2 }]);
  expect(scanned.scan.edges.length).toBe(
    written.putMany.slice(1).filter(({ entry }) => entry.shard.number !== 2).length,
  );
});
