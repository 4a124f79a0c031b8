/** A scan over a large store during writes and deletes: every lasting key exactly once, in order. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { compareKeys } from "../../src/core/key.js";
import { graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";

const lasting = 100_000;
const document = `query ($after: String) { scan(prefix: "user:", first: 1000, after: $after) {
  edges { node { key } } pageInfo { hasNextPage endCursor } unavailableShards { number } } }`;
const putMany = "mutation ($items: [PutInput!]!) { putMany(items: $items) { __typename } }";
const deleteMany = "mutation ($items: [DeleteInput!]!) { deleteMany(items: $items) { __typename } }";

interface Page {
  readonly scan: {
    readonly edges: readonly { readonly node: { readonly key: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
    readonly unavailableShards: readonly unknown[];
  };
}

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 3, shards: 64 });
});
afterAll(async () => cluster.stop());

/** A profile of realistic size: about 400 bytes, with text beyond ASCII. */
function profile(index: number): unknown {
  return {
    name: `Žofia Müller ${index}`,
    email: `user${index}@example.org`,
    address: { street: "Längenstraße 12", city: "Zürich", postalCode: String(8000 + (index % 100)) },
    tags: ["reader", "writer", `group-${index % 17}`],
    balance: index / 100,
    note: "x".repeat(200),
  };
}

it(
  "pages through 100,000 entries exactly once while others are written and deleted",
  { timeout: 300_000 },
  async () => {
    const { origin } = cluster;
    const expected = Array.from({ length: lasting }, (_, index) => `user:${index}`);
    for (let start = 0; start < lasting; start += 1000) {
      const items = expected.slice(start, start + 1000).map((key, offset) => ({ key, value: profile(start + offset) }));
      await graphqlData(origin, putMany, { items });
    }

    let isScanning = true;
    const churn = (async () => {
      for (let round = 0; isScanning; round++) {
        const passing = Array.from({ length: 100 }, (_, index) => ({ key: `user:${index * 997}:passing${round % 7}` }));
        await graphqlData(origin, putMany, { items: passing.map(({ key }) => ({ key, value: round })) });
        await graphqlData(origin, deleteMany, { items: passing });
      }
      return true;
    })();

    const seen: string[] = [];
    for (let after: string | null = null; ;) {
      const { scan }: Page = await graphqlData<Page>(origin, document, { after });
      expect(scan.unavailableShards).toEqual([]);
      seen.push(...scan.edges.map(({ node }) => node.key));
      if (!scan.pageInfo.hasNextPage) break;
      after = scan.pageInfo.endCursor;
    }
    isScanning = false;
    expect(await churn).toBe(true);

    for (let index = 1; index < seen.length; index++) {
      if (compareKeys(seen[index - 1] ?? "", seen[index] ?? "") >= 0) throw new Error(`Out of order at ${seen[index]}`);
    }
    const lastingSeen = seen.filter((key) => !key.includes("passing"));
    expect(lastingSeen.length).toBe(lasting);
    expect(new Set(lastingSeen).size).toBe(lasting);
  },
);
