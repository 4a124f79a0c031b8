/** When a storage node dies or hangs, only its own keys are unavailable, and it is used again when it is back. */
import { afterEach, expect, it } from "vitest";
import { counter, graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually } from "../support/processes.js";

let cluster: ProcessCluster | null = null;
afterEach(async () => {
  await cluster?.stop();
  cluster = null;
});

const keys = Array.from({ length: 60 }, (_, index) => `key${index}`);
type Result = {
  readonly value?: unknown;
  readonly code?: string;
  readonly shard: { readonly primary: { readonly name: string } };
};

async function readAll(origin: string): Promise<readonly Result[]> {
  const { entries } = await graphqlData<{ entries: Result[] }>(
    origin,
    `query ($keys: [String!]!) { entries(keys: $keys) {
      ... on Entry { value shard { primary { name } } }
      ... on ShardUnavailable { code isRetryable shard { primary { name } } }
    } }`,
    { keys },
  );
  return entries;
}

it.each(["SIGKILL", "SIGSTOP"] as const)(
  "%s of one node makes only its own keys unavailable, until it is back",
  async (signal) => {
    cluster = await ProcessCluster.start({ nodes: 3, shards: 12 });
    const { origin } = cluster;
    const items = keys.map((key) => ({ key, value: key }));
    let before: readonly Result[] = [];
    await eventually(async () => {
      await graphqlData(origin, "mutation ($items: [PutInput!]!) { putMany(items: $items) { __typename } }", { items });
      before = await readAll(origin);
      expect(before.map(({ value }) => value)).toEqual(keys);
    });
    const expectOnlyNode2Fails = (results: readonly Result[]): void => {
      for (const [index, result] of results.entries()) {
        if (before[index]?.shard.primary.name === "node2") expect(result.code).toBe("SHARD_UNAVAILABLE");
        else expect(result).toEqual(before[index]);
      }
    };

    const { child } = cluster.run("node2");
    child.kill(signal);
    expectOnlyNode2Fails(await readAll(origin));

    // Once its breaker is open, requests to the node are refused without being sent.
    await eventually(async () => {
      const sentBefore = await counter(origin, "shardgate_node_batches_total", /node2/);
      expectOnlyNode2Fails(await readAll(origin));
      expect(await counter(origin, "shardgate_node_batches_total", /node2/)).toBe(sentBefore);
    });

    if (signal === "SIGKILL") cluster.startNode("node2");
    else child.kill("SIGCONT");
    await eventually(async () => expect(await readAll(origin)).toEqual(before));
  },
);
