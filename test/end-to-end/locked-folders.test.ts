/**
 * Locks of data folders and registries held by the real program: its workers, its offline commands, other pid
 * namespaces.
 */
import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, program, Run, shardgate, temporaryFolder } from "../support/processes.js";
import { isAlive, workerPids } from "../support/worker-calls.js";

/** Another pid namespace, in which the process is pid 1, if this machine allows creating one. */
const inOtherNamespace = ["--pid", "--fork", "--mount-proc", "--kill-child"];
const hasNamespaces = spawnSync("unshare", [...inOtherNamespace, "true"]).status === 0;

async function put(origin: string, key: string): Promise<number> {
  return (await fetch(`${origin}/data/${key}`, { method: "PUT", body: `"${key}"` })).status;
}

async function read(origin: string, key: string): Promise<string> {
  return (await fetch(`${origin}/data/${key}`)).text();
}

/** The line that a storage node prints when the process `pid` uses its folder. */
function inUse(folder: string, pid: number | undefined): string {
  return (
    `shardgate: The data folder ${folder} is in use by another process (pid ${pid} on host ${hostname()}, as its lock ` +
    "file says). Stop that process first, or choose another folder.\n"
  );
}

describe("a running cluster", () => {
  let cluster: ProcessCluster;
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ nodes: 1, shards: 4 });
  });
  afterAll(() => cluster.stop());

  it("refuses its data folder to a second storage node and to `node verify`, in one line", async () => {
    const { origin, folder } = cluster;
    for (const command of [
      ["node", "--port", "0"],
      ["node", "verify"],
    ]) {
      const second = shardgate([...command, "--id", "node1", "--data", folder]);
      expect(await second.ended()).toBe(1);
      expect(second.stderr).toBe(inUse(`${folder}/node1`, cluster.run("node1").child.pid));
      expect(second.stdout).toBe("");
    }
    expect(await put(origin, "after")).toBe(201);
  });

  it("refuses its registry to a second gateway of two workers and to `registry restore`, in one line", async () => {
    const { origin, registryFile } = cluster;
    const pid = cluster.run("gateway").child.pid;
    const start = `shardgate: The registry ${registryFile} is in use by another process (pid ${pid} on host ${hostname()},`;
    for (const command of [
      ["gateway", "--port", "0", "--workers", "2"],
      ["registry", "restore", registryFile],
    ]) {
      const second = shardgate([...command, "--registry", registryFile]);
      expect(await second.ended()).toBe(1);
      expect(second.stderr.startsWith(start), second.stderr).toBe(true);
      expect(second.stderr.trim().split("\n")).toHaveLength(1);
    }
    expect(await put(origin, "still")).toBe(201);
  });
});

describe("kill -9 of the primary of a storage node with two workers", () => {
  let cluster: ProcessCluster | null = null;
  afterEach(() => cluster?.stop());

  it("keeps its folder locked until the last worker has ended, and then releases it", async () => {
    cluster = await ProcessCluster.start({ nodes: 1, shards: 4, nodeArgs: ["--workers", "2", "--log-level", "debug"] });
    const { origin, folder } = cluster;
    const first = cluster.run("node1");
    await first.prints(/^listening /m);
    expect(await put(origin, "kept")).toBe(201);
    const workers = [...workerPids(first).values()];
    expect(workers).toHaveLength(2);
    // Paused, so that they do not notice that their primary has ended.
    for (const pid of workers) process.kill(pid, "SIGSTOP");
    try {
      first.child.kill("SIGKILL");
      await eventually(() => expect(first.isRunning).toBe(false));
      const second = shardgate(["node", "--id", "node1", "--data", folder, "--port", "0"]);
      expect(await second.ended()).toBe(1);
      expect(second.stderr).toBe(inUse(`${folder}/node1`, first.child.pid));
    } finally {
      for (const pid of workers) process.kill(pid, "SIGKILL");
    }
    await eventually(() => expect(workers.map(isAlive)).toEqual([false, false]));
    cluster.startNode("node1");
    await eventually(async () => expect(await read(origin, "kept")).toBe('"kept"'));
  });
});

describe.skipIf(!hasNamespaces)("storage nodes that are each pid 1 of a pid namespace", () => {
  const folder = temporaryFolder();
  afterEach(() => folder.remove());

  it("are refused a folder that another one has open, and can use it after kill -9", async () => {
    const start = (): Run => {
      const args = ["node", "--id", "node1", "--data", folder.path, "--port", "0"];
      return new Run("unshare", [...inOtherNamespace, process.execPath, program, ...args]);
    };
    const listening = /^listening (\S+)$/m;
    const first = start();
    const [, url = ""] = await first.prints(listening);
    expect((await fetch(`${url}/shard/1/store/kept`, { method: "PUT", body: "1" })).status).toBe(201);
    const second = start();
    expect(await second.ended()).toBe(1);
    expect(second.stderr).toBe(inUse(`${folder.path}/node1`, 1));
    expect((await fetch(`${url}/shard/1/store/kept`)).status).toBe(200);

    await first.stop("SIGKILL");
    const third = start();
    const [, newUrl = ""] = await third.prints(listening);
    expect(await (await fetch(`${newUrl}/shard/1/store/kept`)).text()).toBe("1");
    await third.stop("SIGKILL");
  });
});
