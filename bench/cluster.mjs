/** Starts what a benchmark needs as processes on loopback, and ends them by their ids. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { preparePostgres } from "./postgres.mjs";
import { readShardMap } from "./shard-map.mjs";

const program = path.resolve(import.meta.dirname, "../dist/cli/main.js");
const delayedServer = path.resolve(import.meta.dirname, "delayed-server.mjs");
/** Hive does not end on SIGTERM. */
const graceMs = 3000;

/**
 * Storage nodes, a gateway, and one process for each of `scripts` (peer name to file) over the same nodes; resolves when
 * all of them answer. `delayMs` is how much later than it arrived a storage node sees each request. With `hasPostgres`
 * there is a PostgreSQL server too, and scripts get its address as their third argument.
 */
export async function startCluster({ nodes, shards, delayMs = 0, scripts = {}, hasPostgres = false, basePort }) {
  const folders = [mkdtempSync(path.join(os.tmpdir(), "shardgate-bench-"))];
  const children = new Map();
  let nextPort = basePort;
  const start = (name, args, env = {}) => {
    const production = { SHARDGATE_LOG_LEVEL: "error", NODE_ENV: "production", GRAPHILE_ENV: "production" };
    const settings = { ...process.env, ...production, ...env };
    children.set(name, spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"], env: settings }));
  };

  const gatewayPort = nextPort++;
  const origins = new Map([["gateway", `http://127.0.0.1:${gatewayPort}`]]);
  const registry = path.join(folders[0], "registry.json");
  start("gateway", [
    ...[program, "gateway", "--port", gatewayPort, "--registry", registry].map(String),
    ...["--shards", shards, "--nodes", nodes].map(String),
  ]);
  const nodeNames = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
  for (const name of nodeNames) {
    const port = nextPort++;
    origins.set(name, `http://127.0.0.1:${port}`);
    const delay = delayMs === 0 ? [] : ["--import", delayedServer];
    const args = ["node", "--id", name, "--port", String(port), "--gateway", origins.get("gateway")];
    start(name, [...delay, program, ...args, "--data", folders[0]], { BENCH_DELAY_MS: String(delayMs) });
  }
  const stop = async () => {
    const ends = [...children.values()].map(
      (child) => new Promise((resolve) => (isRunning(child) ? child.once("exit", resolve) : resolve())),
    );
    // PostgreSQL takes SIGTERM as a wish to wait for its clients, who are ended beside it, and SIGINT as one to stop.
    for (const [name, child] of children) child.kill(name === "postgres" ? "SIGINT" : "SIGTERM");
    const overdue = setTimeout(() => {
      for (const child of children.values()) child.kill("SIGKILL");
    }, graceMs);
    await Promise.all(ends);
    clearTimeout(overdue);
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilAnswering(`${origins.get("gateway")}/ready`, (status) => status === 200);
    let postgresUrl = "";
    if (hasPostgres) {
      const { folder, url, command, args, options } = preparePostgres(nextPort++);
      folders.push(folder);
      postgresUrl = url;
      children.set("postgres", spawn(command, args, { ...options, stdio: ["ignore", "ignore", "inherit"] }));
    }
    for (const [name, script] of Object.entries(scripts)) {
      const port = nextPort++;
      origins.set(name, `http://127.0.0.1:${port}`);
      start(name, [path.resolve(import.meta.dirname, script), String(port), origins.get("gateway"), postgresUrl]);
      await untilAnswering(origins.get(name), (status) => status > 0);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    shardMap: await readShardMap(origins.get("gateway")),
    originOf: (name) => origins.get(name),
    pidsOf: (names) => names.map((name) => children.get(name).pid),
    nodeNames,
    stop,
  };
}

function isRunning(child) {
  return child.exitCode === null && child.signalCode === null;
}

async function untilAnswering(url, isGood) {
  for (let attempt = 0; attempt < 600; attempt++) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    );
    if (isGood(status)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} did not answer as it should within 30 s.`);
}
