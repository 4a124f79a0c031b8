/** `shardgate dev --engine postgres`: registry and data in one PostgreSQL, all of it real processes. */
import { chmodSync, existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { postgresPrograms } from "../../src/cli/serve/dev/postgres-programs.js";
import { eventually, freePorts, shardgate, temporaryFolder, type Run } from "../support/processes.js";

let folder: ReturnType<typeof temporaryFolder>;
let ports: readonly number[];
const runs: Run[] = [];

beforeEach(async () => {
  folder = temporaryFolder();
  // PostgreSQL does not run as root; its user has to reach the data.
  chmodSync(folder.path, 0o755);
  ports = await freePorts(6);
});
afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.stop()));
  folder.remove();
});

/** The first gateway, three storage nodes, the second gateway and PostgreSQL have one port each, in this order. */
const origin = (index: number): string => `http://127.0.0.1:${ports[index]}`;

async function dev(gateways: number, ...more: readonly string[]): Promise<Run> {
  const args = ["--port", String(ports[0]), "--gateways", String(gateways), "--nodes", "3", "--shards", "16"];
  const run = shardgate(["dev", ...args, "--data", folder.path, ...more]);
  runs.push(run);
  return run;
}

async function ready(gateways: number): Promise<Run> {
  const run = await dev(gateways, "--engine", "postgres");
  await run.prints(new RegExp(`^ready ${origin(gateways === 2 ? 4 : 0)}/graphql$`, "m"), 60_000);
  return run;
}

function pidOf(run: Run, name: string): number {
  return Number(new RegExp(`^${name} +(\\d+) `, "m").exec(run.stdout)?.[1]);
}

const keys = Array.from({ length: 40 }, (_, index) => `key${index}`);

async function putAll(at: string): Promise<void> {
  for (const key of keys) {
    const { status } = await fetch(`${at}/data/${key}`, { method: "PUT", body: JSON.stringify(key) });
    expect([key, status]).toEqual([key, 201]);
  }
}

/** All keys, of which those with another answer than their value are listed with it. */
async function wrongAnswers(at: string): Promise<readonly string[]> {
  const answers = await Promise.all(
    keys.map(async (key) => {
      const text = await (await fetch(`${at}/data/${key}`)).text();
      return text === JSON.stringify(key) ? [] : [`${key}: ${text}`];
    }),
  );
  return answers.flat();
}

describe.runIf(postgresPrograms() !== null)("shardgate dev --engine postgres", { timeout: 240_000 }, () => {
  it("loses no key when a storage node is killed, ends at Ctrl-C, and starts again with all of them", async () => {
    const first = await ready(2);
    await putAll(origin(0));
    expect(await wrongAnswers(origin(4))).toEqual([]);
    process.kill(pidOf(first, "node2"), "SIGKILL");
    await eventually(() => expect(first.stderr).toContain("node2 ended (SIGKILL); the other processes keep running."));
    expect(await wrongAnswers(origin(4))).toEqual([]);
    expect(await first.stop("SIGINT")).toBe(0);
    await eventually(async () => {
      for (const port of ports) await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow("fetch failed");
    });
    expect(existsSync(`${folder.path}/node1`)).toBe(false);

    const second = await ready(1);
    expect(await wrongAnswers(origin(0))).toEqual([]);
    expect(await second.stop("SIGINT")).toBe(0);
    const other = await dev(2, "--engine", "lmdb");
    expect(await other.ended()).toBe(2);
    expect(other.stderr).toContain(`The data of ${folder.path} are kept by the engine postgres`);
  });
});
