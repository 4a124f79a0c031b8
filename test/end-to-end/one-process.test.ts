/** Data folders and registry files belong to one process. A second process is refused and the first continues. */
import { lstatSync, readFileSync, renameSync, statSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { getEntry, putEntry, untilAnswered } from "../support/data-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, freePorts, shardgate } from "../support/processes.js";

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4 });
  // On a slow disk, a storage node may take longer to store its acknowledged start than a request is retried.
  await eventually(async () => expect((await putEntry(cluster.origin, "a", { value: 1 })).status).toBe(201));
});
afterAll(() => cluster.stop());

it("refuses a second storage node on a data folder in one line, until the first has ended", async () => {
  const [port] = await freePorts(1);
  const args = ["node", "--id", "node1", "--port", String(port), "--gateway", cluster.origin, "--data", cluster.folder];
  const second = shardgate(args);
  expect(await second.ended()).toBe(1);
  expect(second.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(second.stderr).toContain(`${cluster.folder}/node1`);
  expect(second.stderr).toMatch(/in use by another process/);
  expect(await putEntry(cluster.origin, "a", { value: 2 })).toMatchObject({ status: 200 });

  await cluster.run("node1").stop("SIGKILL");
  cluster.startNode("node1");
  await cluster.ready();
  expect(await untilAnswered(cluster.origin, "a")).toMatchObject({ status: 200, value: 2 });
});

it("refuses a second gateway on a registry file in one line, until the first has ended", async () => {
  const args = ["gateway", "--port", "0", "--shards", "4", "--registry", cluster.registryFile];
  const second = shardgate(args);
  expect(await second.ended()).toBe(1);
  expect(second.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(second.stderr).toContain(cluster.registryFile);
  expect(second.stderr).toMatch(/in use by another process/);
  expect(await getEntry(cluster.origin, "a")).toMatchObject({ status: 200 });

  await cluster.run("gateway").stop("SIGKILL");
  cluster.startGateway();
  await cluster.ready();
});

it("writes to the target of a registry's symbolic link, and leaves the link", async () => {
  await cluster.run("gateway").stop();
  const target = `${cluster.folder}/elsewhere.json`;
  renameSync(cluster.registryFile, target);
  symlinkSync(target, cluster.registryFile);
  const before = readFileSync(target, "utf8");
  cluster.startGateway();
  await cluster.run("node1").stop();
  cluster.startNode("node1");
  await cluster.ready();
  expect(lstatSync(cluster.registryFile).isSymbolicLink()).toBe(true);
  expect(statSync(target).isFile()).toBe(true);
  expect(readFileSync(target, "utf8")).not.toBe(before);
});
