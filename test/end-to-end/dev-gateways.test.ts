/** `shardgate dev --gateways`: several gateways over a PostgreSQL of their own, all of them real processes. */
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { postgresPrograms } from "../../src/cli/serve/dev/postgres-programs.js";
import { graphqlData } from "../support/gateway-calls.js";
import { eventually, freePorts, shardgate, temporaryFolder, type Run } from "../support/processes.js";

let folder: ReturnType<typeof temporaryFolder>;
let ports: readonly number[];
const runs: Run[] = [];

beforeEach(async () => {
  folder = temporaryFolder();
  // PostgreSQL does not run as root; its user has to reach the data.
  chmodSync(folder.path, 0o755);
  ports = await freePorts(4);
});
afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.stop()));
  folder.remove();
});

/** The first gateway, the storage node, the second gateway and PostgreSQL have one port each, in this order. */
const origin = (index: 0 | 1 | 2): string => `http://127.0.0.1:${ports[index]}`;

async function dev(gateways: number): Promise<Run> {
  const args = ["--port", String(ports[0]), "--gateways", String(gateways), "--nodes", "1", "--shards", "4"];
  const run = shardgate(["dev", ...args, "--data", folder.path]);
  runs.push(run);
  await run.prints(new RegExp(`^ready ${origin(gateways === 2 ? 2 : 0)}/graphql$`, "m"), 60_000);
  return run;
}

function pidOf(run: Run, name: string): number {
  return Number(new RegExp(`^${name} +(\\d+) `, "m").exec(run.stdout)?.[1]);
}

/** Of the process of PostgreSQL itself. */
function serverPid(): number {
  return Number(readFileSync(`${folder.path}/postgres/database/postmaster.pid`, "utf8").split("\n")[0]);
}

async function put(at: string, key: string): Promise<number> {
  return (await fetch(`${at}/data/${key}`, { method: "PUT", body: `"${key}"` })).status;
}

async function get(at: string, key: string): Promise<string> {
  return (await fetch(`${at}/data/${key}`)).text();
}

async function allPortsFree(): Promise<void> {
  await eventually(async () => {
    for (const port of ports) await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow("fetch failed");
  });
}

describe.runIf(postgresPrograms() !== null)("shardgate dev --gateways 2", { timeout: 180_000 }, () => {
  it("goes on with the data of one gateway, serves it also when a gateway is killed, and leaves it to one gateway", async () => {
    const single = await dev(1);
    expect(await put(origin(0), "a")).toBe(201);
    expect(await single.stop("SIGINT")).toBe(0);

    const both = await dev(2);
    expect(existsSync(`${folder.path}/registry.json`)).toBe(false);
    expect([await get(origin(0), "a"), await get(origin(2), "a")]).toEqual(['"a"', '"a"']);
    process.kill(pidOf(both, "gateway1"), "SIGKILL");
    await eventually(() =>
      expect(both.stderr).toContain("gateway1 ended (SIGKILL); the other processes keep running."),
    );
    expect(await put(origin(2), "b")).toBe(201);
    // The storage node has gone over to the other gateway, which leads now.
    await eventually(async () => {
      const { cluster } = await graphqlData<{ cluster: { isHealthy: boolean } }>(
        origin(2),
        "{ cluster { isHealthy } }",
      );
      expect(cluster.isHealthy).toBe(true);
    }, 60_000);
    expect(await both.stop("SIGINT")).toBe(0);
    await allPortsFree();

    await dev(1);
    expect([await get(origin(0), "a"), await get(origin(0), "b")]).toEqual(['"a"', '"b"']);
  });

  it("ends all processes when it is killed, and starts over what is left when PostgreSQL is not ended", async () => {
    const first = await dev(2);
    expect(await put(origin(2), "a")).toBe(201);
    const registry = pidOf(first, "registry");
    const server = serverPid();
    process.kill(registry, "SIGKILL");
    await first.stop("SIGKILL");
    await dev(2);
    expect(await get(origin(0), "a")).toBe('"a"');
    expect(serverPid()).not.toBe(server);
  });
});
