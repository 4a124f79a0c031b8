/** `shardgate gateway --workers`: the whole command, primary and workers, inside the test's process. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../../../../src/cli/program.js";
import type { WorkerExit, WorkerProcess } from "../../../../src/cli/environment/worker-process.js";
import { linePair } from "../../../support/line-pair.js";
import { testEnvironment, type TestEnvironment } from "../../test-environment.js";

let running: { readonly environment: TestEnvironment; readonly done: Promise<number> } | null = null;
afterEach(async () => {
  running?.environment.send("SIGTERM");
  expect(await running?.done).toBe(0);
  expect(running?.environment.handlers.size).toBe(0);
  running = null;
});

/** Starts the command; with port 0 each worker has a port of its own here. Resolves to where they serve. */
async function start(...options: string[]): Promise<readonly string[]> {
  const argv = ["gateway", "--workers", "2", "--port", "0", "--registry", "memory", "--shards", "4", ...options];
  const environment: TestEnvironment = testEnvironment({
    openSeat: async () => ({ kind: "primary", hand: () => undefined, fork: () => fork(argv, environment) }),
  });
  running = { environment, done: runCli([...argv, "--log-level", "debug"], environment) };
  await vi.waitFor(() => expect(environment.written.out).toMatch(/^listening /));
  return lines(environment)
    .filter(({ msg }) => msg === "A worker is serving requests.")
    .map(({ url }) => String(url));
}

function lines({ written }: TestEnvironment): readonly Readonly<Record<string, unknown>>[] {
  return written.err
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** A worker that runs here; what it writes goes where its primary's goes. */
function fork(argv: readonly string[], { stderr }: TestEnvironment): WorkerProcess {
  const { ends } = linePair();
  const environment = testEnvironment({
    stderr,
    openSeat: async () => ({ kind: "worker", line: ends[1], leave: () => undefined }),
  });
  const exited = runCli(argv, environment).then((code): WorkerExit => ({ code, how: `exit code ${code}` }));
  return { pid: 1, line: ends[0], exited, kill: (signal) => environment.send(signal) };
}

async function json(url: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) });
  return (await answer.json()) as Readonly<Record<string, unknown>>;
}

describe("a gateway of two workers", () => {
  it("ends without its drain delay when a person stops it with Ctrl-C", async () => {
    await start("--drain-delay", "600000");
    running?.environment.send("SIGINT");
    expect(await running?.done).toBe(0);
  });

  it("is one gateway: a storage node that registers at one is known to the other, and metrics are those of both", async () => {
    const [first = "", second = ""] = await start();
    expect(first).not.toBe(second);
    const node = { id: "node1", url: "http://127.0.0.1:9", incarnation: "i1", shards: [] };
    expect(await json(`${first}/nodes`, node)).toMatchObject({ mapVersion: 4 });
    expect(await json(`${second}/shards`)).toMatchObject({ version: 4 });
    expect(await json(`${second}/nodes`)).toMatchObject({ nodes: [{ id: "node1", state: "UP" }] });
    expect(await json(`${second}/nodes/node1/heartbeat`, { incarnation: "i1" })).toMatchObject({ mapVersion: 4 });
    for (const url of [first, second]) await fetch(`${url}/health`);
    const text = await (await fetch(`${first}/metrics`)).text();
    expect(text).toContain('shardgate_requests_total{route="/health",method="GET",status="200"} 2');
    expect(text).toContain('shardgate_storage_nodes{state="UP"} 1');
    expect(text).toContain("shardgate_cluster_map_version 4");
  });

  it("names the worker in each line of its log", async () => {
    await start();
    const served = lines(running?.environment ?? expect.fail()).filter(
      ({ msg }) => msg === "The gateway is listening.",
    );
    expect(served.map(({ worker }) => worker).toSorted()).toEqual([1, 2]);
  });

  it("divides among them what all may have at once", async () => {
    const [first = ""] = await start("--limit", "connections=2");
    expect((await fetch(`${first}/health`)).status).toBe(200);
    // One connection each, and the first is kept.
    const other = fetch(`${first}/health`, { headers: { connection: "close" } });
    await expect(
      Promise.all([other, fetch(`${first}/health`, { headers: { connection: "close" } })]),
    ).rejects.toThrow();
  });

  it("says when one of them has too little for the largest request", async () => {
    await start("--limit", "bodies-bytes=40000000");
    const warnings = lines(running?.environment ?? expect.fail()).filter(({ level }) => level === 40);
    expect(warnings).toMatchObject([{ workers: 2, "bodies-bytes": 40_000_000, "body-bytes": 16_777_216 }]);
  });
});
