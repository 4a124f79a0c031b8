/** kill -9 loses nothing that was acknowledged. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, shardgate } from "../support/processes.js";
import { expectKept, startWriters } from "../support/writers.js";

interface ShardRow {
  readonly shardId: number;
  readonly nodeId: string | null;
  readonly epoch: number;
}

const putDocument = `mutation ($key: String!, $value: JSON!) {
  put(key: $key, value: $value) { ... on PutSuccess { entry { version } } ... on Problem { code } }
}`;

async function shardRows(origin: string): Promise<{ version: number; shards: readonly ShardRow[] }> {
  const answer = await fetch(`${origin}/shards`);
  return (await answer.json()) as { version: number; shards: readonly ShardRow[] };
}

describe("a crash", () => {
  let cluster: ProcessCluster | null = null;
  afterEach(async () => {
    await cluster?.stop();
    cluster = null;
  });

  it("of all storage nodes during writes loses no acknowledged write and repeats no version", async () => {
    cluster = await ProcessCluster.start({ nodes: 3, shards: 8 });
    const { origin } = cluster;
    const { acknowledged, stop } = startWriters(origin);
    await eventually(() => expect(acknowledged.size).toBeGreaterThan(300));
    await Promise.all(cluster.nodeNames.map((name) => cluster?.run(name).stop("SIGKILL")));
    await stop();

    for (const name of cluster.nodeNames) cluster.startNode(name);
    await cluster.ready();
    await expectKept(origin, acknowledged);
  });

  it("after an uncaught error during commits is immediate, and leaves the data intact for the next start", async () => {
    // If it ended normally, lmdb would wait for its own thread for ever.
    const script = 'process.once("SIGUSR2", () => { throw new Error("A bug."); });';
    cluster = await ProcessCluster.start({
      nodes: 1,
      shards: 4,
      environment: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` },
    });
    const { origin } = cluster;
    const { acknowledged, stop } = startWriters(origin);
    for (let round = 1; round <= 3; round++) {
      const before = acknowledged.size;
      await eventually(() => expect(acknowledged.size).toBeGreaterThan(before + 100));
      const node = cluster.run("node1");
      node.child.kill("SIGUSR2");
      await eventually(() => expect(node.isRunning).toBe(false));
      expect(node.stderr).toContain("Error: A bug.");
      cluster.startNode("node1");
    }
    await stop();
    await expectKept(origin, acknowledged);
  });
});

describe("a crash or stop of the gateway", () => {
  let cluster: ProcessCluster;
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ nodes: 3, shards: 8 });
  });
  afterAll(() => cluster.stop());

  it("keeps map and epochs, and the storage nodes register again by themselves", async () => {
    const before = await shardRows(cluster.origin);
    await graphqlData(cluster.origin, putDocument, { key: "user123", value: 1 });
    await cluster.run("gateway").stop("SIGKILL");
    cluster.startGateway();
    await cluster.ready();
    const after = await shardRows(cluster.origin);
    // The gateway that starts takes the lead, which is a version of the map.
    expect({ ...after, version: 0 }).toEqual({ ...before, version: 0 });
    const data = await graphqlData(cluster.origin, '{ get(key: "user123") { value } }');
    expect(data).toEqual({ get: { value: 1 } });
    await eventually(async () => {
      const answer = await graphqlData<{ storageNodes: { name: string; state: string; lastSeenAt: string }[] }>(
        cluster.origin,
        "{ storageNodes { name state lastSeenAt } }",
      );
      expect(answer.storageNodes.map(({ name, state }) => `${name} ${state}`)).toEqual([
        "node1 UP",
        "node2 UP",
        "node3 UP",
      ]);
    });
  });

  it("with a loss of the registry file gives each shard back to the node that has its data", async () => {
    for (let index = 0; index < 64; index++) {
      await graphqlData(cluster.origin, putDocument, { key: `key${index}`, value: index });
    }
    const before = await shardRows(cluster.origin);
    await cluster.run("gateway").stop("SIGKILL");
    rmSync(cluster.registryFile);
    cluster.startGateway();
    await cluster.ready();
    const after = await shardRows(cluster.origin);
    expect(after.shards.map(({ nodeId }) => nodeId)).toEqual(before.shards.map(({ nodeId }) => nodeId));
    for (const [index, { epoch }] of after.shards.entries()) {
      expect(epoch).toBeGreaterThan(before.shards[index]?.epoch ?? 0);
    }
    const data = await graphqlData(cluster.origin, '{ get(key: "key7") { value } }');
    expect(data).toEqual({ get: { value: 7 } });
  });

  it("keeps the shard count, which is fixed at creation: a start with another one is refused", async () => {
    await cluster.run("gateway").stop();
    const run = shardgate(["gateway", "--port", "0", "--shards", "16", "--registry", cluster.registryFile]);
    expect(await run.ended()).toBe(1);
    expect(run.stderr).toMatch(/8 shards/);
  });

  it("that leaves half of the registry file makes the next start refuse it with advice, and leave it unchanged", async () => {
    await cluster.run("gateway").stop("SIGKILL");
    const half = readFileSync(cluster.registryFile).subarray(0, 200);
    writeFileSync(cluster.registryFile, half);

    const run = cluster.startGateway();
    expect(await run.ended()).toBe(1);
    expect(run.stderr).toContain(cluster.registryFile);
    expect(run.stderr).toMatch(/restore|move it away/i);
    expect(readFileSync(cluster.registryFile)).toEqual(half);
  });
});
