/** Starts what a benchmark needs as processes on loopback, and ends them by their ids. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const program = path.resolve(import.meta.dirname, "../dist/cli/main.js");

/** Storage nodes, a gateway and the bare proxy over the same nodes; resolves when all of them answer. */
export async function startCluster({ nodes, shards, basePort }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "shardgate-bench-"));
  const origin = `http://127.0.0.1:${basePort}`;
  const children = new Map();
  const start = (name, args) => {
    children.set(
      name,
      spawn(process.execPath, args, {
        stdio: ["ignore", "ignore", "inherit"],
        env: { ...process.env, SHARDGATE_LOG_LEVEL: "error" },
      }),
    );
  };
  start("gateway", [
    program,
    "gateway",
    "--port",
    String(basePort),
    "--shards",
    String(shards),
    "--nodes",
    String(nodes),
    "--registry",
    path.join(folder, "registry.json"),
  ]);
  for (let index = 1; index <= nodes; index++) {
    start(`node${index}`, [
      program,
      "node",
      "--id",
      `node${index}`,
      "--port",
      String(basePort + index),
      "--gateway",
      origin,
      "--data",
      folder,
    ]);
  }
  await untilOk(`${origin}/ready`);
  const proxyOrigin = `http://127.0.0.1:${basePort + nodes + 1}`;
  start("proxy", [path.resolve(import.meta.dirname, "bare-proxy.mjs"), String(basePort + nodes + 1), origin]);
  await untilOk(`${proxyOrigin}/health`);
  return {
    origin,
    proxyOrigin,
    /** CPU time of one process so far: user and system, milliseconds, by the kernel's accounting. */
    cpuMs: (name) => cpuMs(children.get(name).pid),
    nodeNames: Array.from({ length: nodes }, (_, index) => `node${index + 1}`),
    stop: async () => {
      for (const child of children.values()) child.kill("SIGTERM");
      await Promise.all(
        [...children.values()].map(
          (child) => new Promise((resolve) => (child.exitCode === null ? child.once("exit", resolve) : resolve())),
        ),
      );
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilOk(url) {
  for (let attempt = 0; attempt < 600; attempt++) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} did not answer 200 within 30 s.`);
}

function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  // Fields 14 and 15 of proc(5), in ticks of 10 ms; the command's name and the two fields before it are cut off.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
