/** Several real processes as one gateway and as one storage node, each of which may be killed. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, createServer, request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { counter } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, shardgate, temporaryFolder } from "../support/processes.js";
import { freshCall, isAlive, logLines, workerPids } from "../support/worker-calls.js";
import { expectKept, startWriters } from "../support/writers.js";

/** For tests that start many processes one after the other. */
const slow = { timeout: 240_000 };
const several = ["--workers", "2", "--log-level", "debug"];
const shape = { shards: 8, gatewayArgs: several, nodeArgs: several };

/**
 * Waits until the cluster is ready and every process has all its workers: the first of them serves before the others
 * exist.
 */
async function startAll(nodes: number): Promise<ProcessCluster> {
  const cluster = await ProcessCluster.start({ ...shape, nodes });
  for (const name of ["gateway", ...cluster.nodeNames]) await cluster.run(name).prints(/^listening /m);
  return cluster;
}

interface ShardRow {
  readonly shardId: number;
  readonly nodeId: string;
  readonly epoch: number;
}

async function shardRow(origin: string, shard: number): Promise<ShardRow> {
  const { shards } = JSON.parse((await freshCall(`${origin}/shards`)).text) as { shards: readonly ShardRow[] };
  const row = shards.find(({ shardId }) => shardId === shard);
  if (row === undefined) throw new Error(`Shard ${shard} is missing.`);
  return row;
}

/** The workers that logged a request of `route`. */
function workersOf(cluster: ProcessCluster, name: string, route: string): readonly (number | undefined)[] {
  const lines = logLines(cluster.run(name)) as readonly { readonly route?: string; readonly worker?: number }[];
  return [...new Set(lines.filter((line) => line.route === route).map(({ worker }) => worker))].toSorted();
}

describe("a gateway and storage nodes of two workers each", () => {
  let cluster: ProcessCluster;
  beforeAll(async () => {
    cluster = await startAll(2);
  });
  afterAll(() => cluster.stop());

  it("serve from all of them, and their metrics include all of them", async () => {
    const { origin } = cluster;
    const keys = Array.from({ length: 20 }, (_, index) => `key${index}`);
    for (const key of keys) {
      expect((await freshCall(`${origin}/data/${key}`, { method: "PUT", body: `"${key}"` })).status).toBe(201);
    }
    for (const key of keys) expect((await freshCall(`${origin}/data/${key}`)).text).toBe(`"${key}"`);
    expect(await counter(origin, "shardgate_requests_total", /\/data\/:key/)).toBe(2 * keys.length);
    expect(await counter(origin, "shardgate_node_operations_total")).toBe(2 * keys.length);
    expect(await counter(origin, "shardgate_shards", /ACTIVE/)).toBe(8);
    await eventually(() => expect(workersOf(cluster, "gateway", "/data/:key")).toEqual([1, 2]));
    for (const name of cluster.nodeNames) {
      const entries = await counter(cluster.nodeOrigin(name), "shardgate_storage_entries");
      expect(entries).toBeGreaterThan(0);
      expect(entries).toBeLessThan(keys.length);
    }
  });

  it("notice every sign of life, whichever worker received it", async () => {
    for (let round = 0; round < 6; round++) {
      const { nodes } = JSON.parse((await freshCall(`${cluster.origin}/nodes`)).text) as {
        nodes: readonly { id: string; state: string; lastSeenAt: string }[];
      };
      expect(nodes.map(({ id, state }) => `${id} ${state}`).toSorted()).toEqual(["node1 UP", "node2 UP"]);
      // This worker has heard from the node too, after its own start.
      for (const { lastSeenAt } of nodes) expect(Date.parse(lastSeenAt)).toBeGreaterThan(0);
    }
  });

  it("use a new assignment, all of them, before it is answered", async () => {
    const { origin } = cluster;
    for (let round = 0; round < 10; round++) {
      const nodeId = `node${1 + (round % 2)}`;
      const before = await shardRow(origin, 3);
      const body = JSON.stringify({ shardId: 3, nodeId, isPrimary: true, force: true });
      const answer = await freshCall(`${origin}/shards/assign`, { method: "POST", body });
      expect(answer.status, answer.text).toBe(200);
      const seen = await Promise.all([1, 2, 3, 4].map(() => shardRow(origin, 3)));
      const { epoch } = JSON.parse(answer.text) as ShardRow;
      expect(seen).toEqual(seen.map(() => expect.objectContaining({ nodeId, epoch })));
      // No worker of either storage node accepts the old epoch any more, for reads or writes.
      for (const name of cluster.nodeNames) {
        const url = `${cluster.nodeOrigin(name)}/shard/3/store/fenced`;
        const headers = { "shard-epoch": String(before.epoch) };
        const calls = ["PUT", "PUT", "GET", "GET"].map((method) =>
          freshCall(url, { method, headers, ...(method === "PUT" && { body: "1" }) }),
        );
        if (epoch === before.epoch) continue;
        expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([409, 409, 409, 409]);
      }
    }
  });

  it("give each version of a shard once, in the order of the commits", async () => {
    const { nodeId } = await shardRow(cluster.origin, 1);
    const store = `${cluster.nodeOrigin(nodeId)}/shard/1/store`;
    const versions = await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        const own: number[] = [];
        for (let index = 0; index < 25; index++) {
          const answer = await freshCall(`${store}/w${writer}-${index % 5}`, { method: "PUT", body: String(index) });
          own.push(Number(String(answer.headers["etag"]).replaceAll('"', "")));
        }
        return own;
      }),
    );
    for (const own of versions) expect(own).toEqual(own.toSorted((a, b) => a - b));
    expect(new Set(versions.flat()).size).toBe(200);
    expect(Math.max(...versions.flat()) - Math.min(...versions.flat())).toBe(199);
    await eventually(() => expect(workersOf(cluster, nodeId, "/shard/:shard/store/:key")).toEqual([1, 2]));
  });

  it(
    "lose no acknowledged write when one of each kind is killed, and are complete again by themselves",
    slow,
    async () => {
      const { origin } = cluster;
      const acknowledged = new Map<string, string>();
      let isWriting = true;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let index = 0; isWriting; index++) {
          const key = `killed${writer}:${index}`;
          const answer = await freshCall(`${origin}/data/${key}`, { method: "PUT", body: "1" }).catch(() => null);
          if (answer?.status === 201) acknowledged.set(key, String(answer.headers["etag"]));
        }
      });
      const names = ["gateway", ...cluster.nodeNames];
      const grown = async (): Promise<void> => {
        const before = acknowledged.size;
        await eventually(() => expect(acknowledged.size).toBeGreaterThan(before + 50));
      };
      await grown();
      // The first worker of a storage node sends its heartbeats and sweeps, so both kinds of workers must be killed
      // once.
      for (const worker of [1, 2]) {
        const before = new Map(names.map((name) => [name, workerPids(cluster.run(name)).get(worker)]));
        for (const pid of before.values()) if (pid !== undefined) process.kill(pid, "SIGKILL");
        await grown();
        await eventually(() => {
          for (const name of names) expect(workerPids(cluster.run(name)).get(worker)).not.toBe(before.get(name));
        });
      }
      isWriting = false;
      await Promise.all(writers);
      await cluster.ready();
      for (const [key, etag] of acknowledged) {
        const answer = await freshCall(`${origin}/data/${key}`);
        expect([key, answer.status, answer.headers["etag"]]).toEqual([key, 200, etag]);
      }
      expect(await counter(origin, "shardgate_requests_total", /"PUT",status="201"/)).toBeGreaterThan(0);
      for (const name of names) expect(cluster.run(name).isRunning).toBe(true);
    },
  );

  it("keep reading by the last map while the primary hangs, and refuse changes of it", async () => {
    const { origin } = cluster;
    await freshCall(`${origin}/data/hang`, { method: "PUT", body: "1" });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const call = (path: string, body?: string): Promise<{ status: number | undefined; text: string }> =>
      new Promise((resolve, reject) => {
        const headers = { "content-type": "application/json" };
        const asked = request(`${origin}${path}`, { agent, headers, method: body === undefined ? "GET" : "POST" });
        asked.once("error", reject).once("response", (response: IncomingMessage) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          response.once("end", () => resolve({ status: response.statusCode, text }));
        });
        asked.end(body);
      });
    expect((await call("/data/hang")).text).toBe("1");
    const { child } = cluster.run("gateway");
    child.kill("SIGSTOP");
    try {
      expect((await call("/data/hang")).text).toBe("1");
      const refused = await call("/shards/assign", '{"shardId":0,"nodeId":"node1","isPrimary":true}');
      expect(refused.status).toBe(503);
      expect(JSON.parse(refused.text)).toMatchObject({ code: "REGISTRY_UNAVAILABLE", isRetryable: true });
      expect((await call("/data/hang")).text).toBe("1");
    } finally {
      child.kill("SIGCONT");
      agent.destroy();
    }
    await cluster.ready();
  });
});

describe("the end of a command of several workers", () => {
  let cluster: ProcessCluster | null = null;
  afterEach(async () => {
    await cluster?.stop();
    cluster = null;
  });

  it("has exit code 0 after SIGTERM while clients write, and loses no acknowledged write", slow, async () => {
    cluster = await startAll(1);
    const { origin } = cluster;
    const { acknowledged, codes, stop } = startWriters(origin);
    await eventually(() => expect(acknowledged.size).toBeGreaterThan(100));
    expect(await cluster.run("node1").stop("SIGTERM")).toBe(0);
    await eventually(() => expect([...codes]).toContain("SHARD_UNAVAILABLE true"));
    await stop();
    // On a busy machine an attempt may time out. But the connection of a write must never be cut.
    const isLate = (await counter(origin, "shardgate_node_failures_total", /"timeout"/)) > 0;
    const expected = ["SHARD_UNAVAILABLE true", ...(isLate ? ["OUTCOME_UNKNOWN false"] : [])];
    expect([...codes].filter((code) => !expected.includes(code))).toEqual([]);

    cluster.startNode("node1");
    await expectKept(origin, acknowledged);
    expect(await cluster.run("gateway").stop("SIGTERM")).toBe(0);
    expect(await cluster.run("node1").stop("SIGTERM")).toBe(0);
  });

  it("includes the workers when the primary is killed", slow, async () => {
    cluster = await startAll(1);
    const names = ["gateway", "node1"];
    const pids = names.flatMap((name) => [...workerPids(cluster?.run(name) ?? expect.fail()).values()]);
    expect(pids.map(isAlive)).toEqual([true, true, true, true]);
    // During commits, when a process with lmdb must not end normally.
    const store = `${cluster.nodeOrigin("node1")}/shard/1/store`;
    let written = 0;
    let isWriting = true;
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      while (isWriting) {
        const put = { method: "PUT", body: "1" };
        const answer = await freshCall(`${store}/key${writer}`, put).catch(() => null);
        if (answer !== null && answer.status < 300) written++;
      }
    });
    for (let round = 1; round <= 3; round++) {
      const before = written;
      await eventually(() => expect(written).toBeGreaterThan(before + 50));
      const run = cluster.run("node1");
      const workers = [...workerPids(run).values()];
      run.child.kill("SIGKILL");
      await eventually(() => expect(workers.map(isAlive)).toEqual([false, false]));
      await cluster.startNode("node1").prints(/^listening /m);
    }
    isWriting = false;
    await Promise.all(writers);
    cluster.run("gateway").child.kill("SIGKILL");
    await eventually(() => expect(pids.map(isAlive)).toEqual([false, false, false, false]));
    cluster.startGateway();
    await cluster.ready();
  });
});

describe("a command of several workers that cannot start", () => {
  const folder = temporaryFolder();
  const occupant = createServer();
  let port = "";
  beforeAll(async () => {
    occupant.listen(0, "127.0.0.1");
    await once(occupant, "listening");
    port = String((occupant.address() as AddressInfo).port);
  });
  afterAll(() => {
    occupant.close();
    folder.remove();
  });

  const workers = ["--workers", "2", "--data", folder.path, "--log-level", "silent"];

  it.each(["gateway", "node"])(
    "reports once that the port is in use, and ends with exit code 1: %s",
    async (command) => {
      const run = shardgate([command, ...workers, "--port", port]);
      expect(await run.ended()).toBe(1);
      expect(run.stderr).toMatch(/^shardgate: Cannot listen on port \d+ of 127\.0\.0\.1: it is in use[^\n]*\n$/);
      expect(run.stdout).toBe("");
    },
  );

  it("reports once that the registry or the data cannot be used, leaves them unchanged, and ends with exit code 1", async () => {
    const registry = `${folder.path}/broken.json`;
    writeFileSync(registry, "{");
    const gateway = shardgate(["gateway", ...workers, "--port", "0", "--registry", registry]);
    expect(await gateway.ended()).toBe(1);
    expect(gateway.stderr).toMatch(/^shardgate: [^\n]*broken\.json[^\n]*\n$/);
    expect(readFileSync(registry, "utf8")).toBe("{");
    writeFileSync(`${folder.path}/file`, "");
    const node = shardgate(["node", ...workers, "--port", "0", "--id", "file"]);
    expect(await node.ended()).toBe(1);
    expect(node.stderr).toMatch(/^shardgate: Cannot use [^\n]*\n$/);
  });

  it.each([
    ["node", ["--engine", "memory"], /'--engine memory'/],
    ["gateway", ["--limit", "requests=1"], /'--workers 2' needs .* for requests/],
    ["gateway", ["--workers", "0"], /'--workers <number>'/],
  ] as const)("refuses invalid options with exit code 2: %s %s", async (command, options, text) => {
    const run = shardgate([command, ...workers, "--port", "0", ...options]);
    expect(await run.ended()).toBe(2);
    expect(run.stderr).toMatch(text);
    expect(run.stderr.trim().split("\n")).toHaveLength(1);
  });
});
