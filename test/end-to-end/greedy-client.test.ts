/**
 * One client asks for far more than others, until the gateway is busy with its answers alone. Other clients then wait
 * longer, but no storage node becomes unavailable: its breaker stays closed, because neither the load nor the client's
 * requests are its failure.
 */
import { request } from "node:http";
import { afterEach, expect, it } from "vitest";
import { counter, graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";

let cluster: ProcessCluster | null = null;
afterEach(async () => cluster?.stop());

const keys = Array.from({ length: 1_000 }, (_, index) => `large-${index}`);
const value = "x".repeat(64 * 1024 - 2);

async function fill(origin: string): Promise<void> {
  const document = "mutation ($items: [PutInput!]!) { putMany(items: $items) { __typename } }";
  for (let first = 0; first < keys.length; first += 100) {
    const items = keys.slice(first, first + 100).map((key) => ({ key, value }));
    await graphqlData(origin, document, { items });
  }
}

/** Requests all values at once for a client with an address of its own; resolves to the length of the answer. */
function askForAll(origin: string): Promise<number> {
  const query = "query ($keys: [String!]!) { entries(keys: $keys) { __typename ... on Entry { value } } }";
  return new Promise((resolve, reject) => {
    const options = { method: "POST", localAddress: "127.0.0.2", headers: { "content-type": "application/json" } };
    const sent = request(`${origin}/graphql`, options, (response) => {
      let length = 0;
      response.on("data", (chunk: Buffer) => (length += chunk.length));
      response.on("end", () => resolve(length)).on("error", reject);
    });
    sent.on("error", reject).end(JSON.stringify({ query, variables: { keys } }));
  });
}

/** Reads one key after the other until `isOver`; resolves to the codes of refused reads. */
async function readModestly(origin: string, isOver: () => boolean): Promise<ReadonlySet<string>> {
  const codes = new Set<string>();
  for (let read = 0; !isOver(); read++) {
    const answer = await fetch(`${origin}/data/small-${read % 20}`);
    const { code } = (await answer.json()) as { readonly code?: string };
    codes.add(code ?? "none");
  }
  return codes;
}

it("a client that repeatedly asks for 1,000 values of 64 KB makes no storage node unavailable", async () => {
  cluster = await ProcessCluster.start({ nodes: 3, shards: 12 });
  const { origin } = cluster;
  await fill(origin);
  let isOver = false;
  const codes = readModestly(origin, () => isOver);
  const lengths = await Promise.all(Array.from({ length: 8 }, () => askForAll(origin)));
  isOver = true;
  expect([...(await codes)].filter((code) => ["OVERLOADED", "TOO_MANY_REQUESTS"].includes(code))).toEqual([]);
  expect(Math.max(...lengths)).toBeGreaterThan(keys.length * value.length * 0.1);
  expect(await counter(origin, "shardgate_node_unsent_operations_total", /breakerOpen/)).toBe(0);
  expect(cluster.run("gateway").stderr).not.toContain("its requests are refused for a moment");
  const { entries } = await graphqlData<{ entries: { __typename: string }[] }>(
    origin,
    "query ($keys: [String!]!) { entries(keys: $keys) { __typename } }",
    { keys: keys.slice(0, 100) },
  );
  expect(entries.every(({ __typename }) => __typename === "Entry")).toBe(true);
});
