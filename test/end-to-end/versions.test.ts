/** The versions of a key grow, whichever node owns its shard, even when its data are left behind or lost. */
import { afterEach, expect, it } from "vitest";
import { graphql, graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually } from "../support/processes.js";

interface PutAnswer {
  readonly put: { readonly entry?: { readonly version: string } } | null;
}

let cluster: ProcessCluster | null = null;
afterEach(async () => {
  await cluster?.stop();
  cluster = null;
});

/** Writes until a write succeeds; resolves to its version. */
async function put(origin: string): Promise<bigint> {
  let version: string | undefined;
  await eventually(async () => {
    const document = 'mutation { put(key: "user123", value: 1) { ... on PutSuccess { entry { version } } } }';
    version = (await graphql<PutAnswer>(origin, document)).data?.put?.entry?.version;
    expect(version).toBeDefined();
  });
  return BigInt(version ?? 0);
}

function expectGrowing(versions: readonly bigint[]): void {
  for (const [index, version] of versions.entries()) expect(version).toBeGreaterThan(versions[index - 1] ?? 0n);
}

it("versions of a key grow from owner to owner when its shard is forced to move and back", async () => {
  cluster = await ProcessCluster.start({ nodes: 2, shards: 1 });
  const { origin } = cluster;
  const versions = [await put(origin), await put(origin)];
  for (const node of ["node2", "node1", "node2"]) {
    const input = { shard: 0, storageNode: node, force: true };
    await graphqlData(origin, "mutation ($input: AssignShardInput!) { assignShard(input: $input) { __typename } }", {
      input,
    });
    versions.push(await put(origin), await put(origin));
  }
  expectGrowing(versions);
});

it("versions of a key grow over the restart of a storage node that keeps its data in memory", async () => {
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4, engine: "memory" });
  const { origin } = cluster;
  const versions = [await put(origin), await put(origin)];
  for (let restart = 0; restart < 2; restart++) {
    await cluster.run("node1").stop("SIGKILL");
    cluster.startNode("node1");
    versions.push(await put(origin), await put(origin));
  }
  expectGrowing(versions);
});
