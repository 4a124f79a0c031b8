/** Starts what a benchmark needs as processes on loopback, and ends them by their ids. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const program = path.resolve(import.meta.dirname, "../dist/cli/main.js");
const delayedServer = path.resolve(import.meta.dirname, "delayed-server.mjs");

/**
 * Storage nodes, a gateway, and one process for each of `scripts` (peer name to file) over the same nodes; resolves when
 * all of them answer. `delayMs` is how much later than it arrived a storage node sees each request.
 */
export async function startCluster({ nodes, shards, delayMs = 0, scripts = {}, basePort }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "shardgate-bench-"));
  const children = new Map();
  let nextPort = basePort;
  const start = (name, args, env = {}) => {
    const settings = { ...process.env, SHARDGATE_LOG_LEVEL: "error", NODE_ENV: "production", ...env };
    children.set(name, spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"], env: settings }));
  };

  const gatewayPort = nextPort++;
  const origins = new Map([["gateway", `http://127.0.0.1:${gatewayPort}`]]);
  const registry = path.join(folder, "registry.json");
  start("gateway", [
    ...[program, "gateway", "--port", gatewayPort, "--registry", registry].map(String),
    ...["--shards", shards, "--nodes", nodes].map(String),
  ]);
  const nodeNames = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
  for (const name of nodeNames) {
    const port = nextPort++;
    origins.set(name, `http://127.0.0.1:${port}`);
    const delay = delayMs === 0 ? [] : ["--import", delayedServer];
    const args = ["node", "--id", name, "--port", String(port), "--gateway", origins.get("gateway"), "--data", folder];
    start(name, [...delay, program, ...args], { BENCH_DELAY_MS: String(delayMs) });
  }
  const stop = async () => {
    const ends = [...children.values()].map(
      (child) => new Promise((resolve) => (child.exitCode === null ? child.once("exit", resolve) : resolve())),
    );
    for (const child of children.values()) child.kill("SIGTERM");
    await Promise.all(ends);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilAnswering(`${origins.get("gateway")}/ready`, (status) => status === 200);
    for (const [name, script] of Object.entries(scripts)) {
      const port = nextPort++;
      origins.set(name, `http://127.0.0.1:${port}`);
      start(name, [path.resolve(import.meta.dirname, script), String(port), origins.get("gateway")]);
      await untilAnswering(origins.get(name), (status) => status > 0);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    originOf: (name) => origins.get(name),
    nodeNames,
    /** CPU time of one process so far: user and system, milliseconds, by the kernel's accounting. */
    cpuMs: (name) => cpuMs(children.get(name).pid),
    stop,
  };
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

function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  // Fields 14 and 15 of proc(5), in ticks of 10 ms; the command's name and the two fields before it are cut off.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
