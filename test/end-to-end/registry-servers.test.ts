/** A gateway whose registry is on servers: it is killed, its servers are suspended, and its password is seen nowhere. */
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ask, assignShard, shardRows } from "../support/cluster-calls.js";
import { getEntry, putEntry } from "../support/data-calls.js";
import { etcdPath, startEtcd } from "../support/etcd.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, shardgate } from "../support/processes.js";

interface Engine {
  readonly place: string;
  pause(): Promise<void>;
  goOn(): Promise<void>;
  stop(): Promise<void>;
}

const password = "hush-7f3a";
let cluster: ProcessCluster | null = null;
afterEach(async () => {
  await cluster?.stop();
  cluster = null;
});

describe.each([
  ["PostgreSQL", hasPostgres, startPostgres],
  ["etcd", etcdPath !== undefined, startOneEtcd],
])("a gateway with its registry in %s", (name, isInstalled, start) => {
  let engine: Engine;
  beforeAll(async () => {
    if (isInstalled) engine = await start();
  });
  afterAll(async () => {
    if (isInstalled) await engine.stop();
  });

  function startCluster(suffix: string, gatewayArgs: readonly string[] = []): Promise<ProcessCluster> {
    const joiner = name === "etcd" ? "/" : "?schema=";
    return ProcessCluster.start({
      nodes: 2,
      shards: 4,
      gatewayArgs: ["--registry", `${engine.place}${joiner}${suffix}`, "--log-level", "debug", ...gatewayArgs],
      environment: { SHARDGATE_REGISTRY_PASSWORD: password },
    });
  }

  it.skipIf(!isInstalled)("has the same cluster after it was killed", async () => {
    cluster = await startCluster("killed");
    const { origin } = cluster;
    const before = await shardRows(origin);
    expect(await putEntry(origin, "k", { value: 1 })).toMatchObject({ status: 201 });
    await cluster.run("gateway").stop("SIGKILL");
    cluster.startGateway();
    await cluster.ready();
    expect((await shardRows(origin)).map(({ nodeId }) => nodeId)).toEqual(before.map(({ nodeId }) => nodeId));
    expect(await getEntry(origin, "k")).toMatchObject({ status: 200, value: 1 });
  });

  it.skipIf(!isInstalled)(
    "serves data while the servers are suspended, and changes the map again when they go on",
    async () => {
      cluster = await startCluster("paused");
      const { origin } = cluster;
      const [{ nodeId } = { nodeId: null }] = await shardRows(origin);
      const other = nodeId === "node1" ? "node2" : "node1";
      await engine.pause();
      try {
        // By force, so that nothing but the registry decides it.
        expect(await assignShard(origin, 0, other, true)).toMatchObject({
          status: 503,
          body: { code: "REGISTRY_UNAVAILABLE" },
        });
        expect(await putEntry(origin, "k", { value: 1 })).toMatchObject({ status: 201 });
        expect(await getEntry(origin, "k")).toMatchObject({ status: 200, value: 1 });
      } finally {
        await engine.goOn();
      }
      await eventually(async () => expect((await assignShard(origin, 0, other)).status).toBe(200));
      expect((await shardRows(origin))[0]).toMatchObject({ nodeId: other });
    },
  );

  it.skipIf(!isInstalled).each([[[]], [["--workers", "2"]]])(
    "shows its password in no log, answer or list of processes (%j)",
    async (gatewayArgs) => {
      cluster = await startCluster(`secret${gatewayArgs.length}`, gatewayArgs);
      const { origin } = cluster;
      await engine.pause();
      const failed = await assignShard(origin, 0, "node1", true).finally(() => engine.goOn());
      const { child, stdout, stderr } = cluster.run("gateway");
      const pages = await Promise.all(
        ["/ready", "/health", "/metrics"].map(async (page) => (await fetch(origin + page)).text()),
      );
      const processes = [child.pid, ...childrenOf(child.pid)].map((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, "utf8"),
      );
      expect(processes.length).toBeGreaterThan(gatewayArgs.length);
      for (const text of [stdout, stderr, JSON.stringify(failed), ...pages, ...processes]) {
        expect(text).not.toContain(password);
      }
    },
  );
});

it("a gateway is not started with a password on its command line", async () => {
  const run = shardgate(["gateway", "--port", "0", "--registry", `postgres://sg:${password}@127.0.0.1/shardgate`]);
  expect(await run.ended()).toBe(2);
  expect(run.stderr).toContain("--registry-password-file");
  expect(run.stderr).not.toContain(password);
});

function childrenOf(pid = 0): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

async function startPostgres(): Promise<Engine> {
  const server = await PostgresServer.start();
  await server.sql(`ALTER ROLE sg PASSWORD '${password}'`);
  return {
    place: `postgres://sg@127.0.0.1:${server.port}/postgres`,
    pause: () => server.signal("SIGSTOP"),
    goOn: () => server.signal("SIGCONT"),
    stop: () => server.stop(),
  };
}

async function startOneEtcd(): Promise<Engine> {
  const [member] = await startEtcd();
  if (member === undefined) throw new Error("etcd has no member.");
  const { origin, run } = member;
  await ask(origin, "POST", "/v3/auth/user/add", { name: "root", password });
  await ask(origin, "POST", "/v3/auth/user/grant", { user: "root", role: "root" });
  await ask(origin, "POST", "/v3/auth/enable", {});
  return {
    place: origin.replace("http://", "etcd://root@"),
    pause: async () => void run.child.kill("SIGSTOP"),
    goOn: async () => void run.child.kill("SIGCONT"),
    stop: async () => void (await run.stop()),
  };
}
