/** SIGTERM: a storage node finishes what it accepted, and exits 0; nothing acknowledged is lost. */
import { afterEach, expect, it } from "vitest";
import { graphql, graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually } from "../support/processes.js";

const put = `mutation ($key: String!) {
  put(key: $key, value: 1) { ... on PutSuccess { entry { version } } ... on Problem { code isRetryable } }
}`;

interface PutAnswer {
  readonly put: {
    readonly entry?: { readonly version: string };
    readonly code?: string;
    readonly isRetryable?: boolean;
  };
}

let cluster: ProcessCluster | null = null;
afterEach(async () => cluster?.stop());

it("ends every process with 0 while clients write, and loses nothing that was acknowledged", async () => {
  cluster = await ProcessCluster.start({ nodes: 2, shards: 8 });
  const { origin } = cluster;
  const acknowledged: string[] = [];
  const codes = new Set<string>();
  let isWriting = true;
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let index = 0; isWriting; index++) {
      const key = `${writer}:${index}`;
      const answer = await graphql<PutAnswer>(origin, put, { key }).catch(() => null);
      const outcome = answer?.data?.put;
      if (outcome?.entry !== undefined) acknowledged.push(key);
      if (outcome?.code !== undefined) codes.add(`${outcome.code} ${outcome.isRetryable}`);
    }
  });
  await eventually(() => expect(acknowledged.length).toBeGreaterThan(200));
  expect(await cluster.run("node1").stop("SIGTERM")).toBe(0);
  await eventually(() => expect([...codes]).toContain("SHARD_UNAVAILABLE true"));
  isWriting = false;
  await Promise.all(writers);

  cluster.startNode("node1");
  for (let start = 0; start < acknowledged.length; start += 500) {
    const keys = acknowledged.slice(start, start + 500);
    await eventually(async () => {
      const { entries } = await graphqlData<{ entries: { key?: string }[] }>(
        origin,
        "query ($keys: [String!]!) { entries(keys: $keys) { ... on Entry { key } ... on Problem { code } } }",
        { keys },
      );
      expect(entries.map(({ key }) => key)).toEqual(keys);
    });
  }
  expect(await cluster.run("gateway").stop("SIGTERM")).toBe(0);
  expect(await cluster.run("node2").stop("SIGTERM")).toBe(0);
});
