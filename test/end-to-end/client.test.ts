/** The typed client with real processes, imported as applications import it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type * as Shardgate from "../../src/client/index.js";
import { counter } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { Run } from "../support/processes.js";

// By the package's own name, so that its `exports` are tested too. A variable, because tsc runs before dist/ is built.
const packageName = "shardgate/client";

let cluster: ProcessCluster;
let client: Shardgate.Client<number>;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 3, shards: 64, engine: "memory" });
  const { createClient } = (await import(packageName)) as typeof Shardgate;
  client = createClient<number>({ endpoint: `${cluster.origin}/graphql` });
});
afterAll(async () => cluster.stop());

const keys = Array.from({ length: 1000 }, (_, index) => `user${index}`);

interface Cost {
  readonly requests: number;
  readonly batches: number;
}

async function costOf(action: () => Promise<unknown>): Promise<Cost> {
  const read = async (): Promise<Cost> => ({
    requests: await counter(cluster.origin, "shardgate_requests_total", /\/graphql/),
    batches: await counter(cluster.origin, "shardgate_node_batches_total"),
  });
  const before = await read();
  await action();
  const after = await read();
  return { requests: after.requests - before.requests, batches: after.batches - before.batches };
}

it("makes one HTTP request and three node requests for a thousand gets of one tick", async () => {
  const putAll = () => client.putMany(keys.map((key, value) => ({ key, value })));
  expect(await costOf(putAll)).toEqual({ requests: 1, batches: 3 });
  const getAll = async () => {
    const outcomes = await Promise.all(keys.map((key) => client.get(key)));
    expect(outcomes.map((outcome) => outcome.kind === "found" && outcome.value)).toEqual(keys.map((_, value) => value));
  };
  expect(await costOf(getAll)).toEqual({ requests: 1, batches: 3 });
});

it("scans, updates and deletes", async () => {
  const found: string[] = [];
  for await (const { key } of client.scan({ prefix: "user99", pageSize: 5 })) found.push(key);
  expect(found).toEqual(["user99", ...Array.from({ length: 10 }, (_, index) => `user99${index}`)]);
  const updates = Array.from({ length: 5 }, () => client.update("counter", (n = 0) => n + 1, { attemptsMax: 50 }));
  expect((await Promise.all(updates)).map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => "written"));
  expect(await client.delete("counter")).toMatchObject({ kind: "deleted" });
  expect(await client.shardFor("user123")).toMatchObject({ number: 6, state: "ACTIVE" });
});

it("can read the keys of other nodes when one is killed, and never loses a write in an update", async () => {
  const { primary } = await client.shardFor("user0");
  await cluster.run(String(primary?.name)).stop("SIGKILL");
  const outcomes = await client.getMany(keys);
  const kinds = new Set(outcomes.map(({ kind }) => kind));
  expect(kinds).toEqual(new Set(["found", "unavailable"]));
  expect(outcomes[0]).toMatchObject({ kind: "unavailable", code: "SHARD_UNAVAILABLE", isRetryable: true });
  expect(await client.update("user0", (n = 0) => n + 1)).toMatchObject({ kind: "unavailable" });
});

it("does not keep a finished script running", async () => {
  const script = `
    import { createClient } from "${packageName}";
    const client = createClient({ endpoint: "${cluster.origin}/graphql" });
    console.log((await client.get("none-of-these")).kind);`;
  const run = new Run(process.execPath, ["--input-type=module", "--eval", script]);
  expect(await run.ended()).toBe(0);
  expect(run.stdout).toMatch(/^(notFound|unavailable)\n$/);
});
