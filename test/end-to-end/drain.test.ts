/** After SIGTERM a storage node finishes accepted requests and exits with 0; nothing acknowledged is lost. */
import { afterEach, expect, it } from "vitest";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually } from "../support/processes.js";
import { expectKept, startWriters } from "../support/writers.js";

let cluster: ProcessCluster | null = null;
afterEach(async () => cluster?.stop());

it("ends every process with exit code 0 while clients write, and loses no acknowledged write", async () => {
  cluster = await ProcessCluster.start({ nodes: 2, shards: 8 });
  const { origin } = cluster;
  const { acknowledged, codes, stop } = startWriters(origin);
  await eventually(() => expect(acknowledged.size).toBeGreaterThan(200));
  expect(await cluster.run("node1").stop("SIGTERM")).toBe(0);
  await eventually(() => expect([...codes]).toContain("SHARD_UNAVAILABLE true"));
  await stop();

  cluster.startNode("node1");
  await expectKept(origin, acknowledged);
  expect(await cluster.run("gateway").stop("SIGTERM")).toBe(0);
  expect(await cluster.run("node2").stop("SIGTERM")).toBe(0);
});
