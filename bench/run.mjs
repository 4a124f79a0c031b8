/**
 * `npm run bench` from the repository's root: CPU time per request of the gateway beside its peers' over the same storage
 * nodes, with throughput and latency. `--quick` takes about two minutes; `-- --suite clients` (repeatable) runs others
 * than the default. Writes bench/results/<suite>.json and .svg. Machines are noisy: read the ratios of medians.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { startCluster } from "./cluster.mjs";
import { contestants } from "./contestants.mjs";
import { fill } from "./fill.mjs";
import { measure } from "./measure.mjs";
import { plot } from "./plot.mjs";
import { suites } from "./suites.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    suite: { type: "string", multiple: true },
    rounds: { type: "string" },
    seconds: { type: "string" },
    port: { type: "string", default: "14100" },
    "no-save": { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
const seconds = Number(options.seconds ?? (options.quick ? 1 : 3));
const names = options.suite ?? (options.quick ? ["quick"] : ["peers", "clients", "keys", "shards", "ycsb"]);

for (const name of names) {
  const suite = suites[name];
  if (suite === undefined) throw new Error(`There is no suite ${name}; there are ${Object.keys(suites).join(", ")}.`);
  const rows = [];
  for (const part of suite.parts) await runPart(part, rows);
  if (!options["no-save"]) save(name, rows);
}

async function runPart({ nodes, shards, delayMs, contestants: able, workloads, clients }, rows) {
  const taking = Object.fromEntries(able.map((name) => [name, contestants[name]]));
  const scripts = Object.fromEntries(
    Object.values(taking).flatMap(({ process: name, script }) => (script === undefined ? [] : [[name, script]])),
  );
  const cluster = await startCluster({ nodes, shards, delayMs, scripts, basePort: Number(options.port) });
  try {
    await fill(cluster.originOf("gateway"));
    for (const workload of workloads) {
      for (const count of clients) {
        const measured = await measure({ cluster, contestants: taking, workload, clients: count, rounds, seconds });
        for (const figures of measured) {
          const row = { workload: workload.name, clients: count, nodes, shards, delayMs, ...figures };
          rows.push(row);
          console.log(lineOf(row));
        }
      }
    }
  } finally {
    await cluster.stop();
  }
}

function lineOf(row) {
  const { workload, contestant, clients, nodes, shards, delayMs } = row;
  const set = `${clients} clients, ${nodes} nodes, ${shards} shards${delayMs > 0 ? `, ${delayMs} ms away` : ""}`;
  const figures = [
    `${row.cpuPerRequestMs.toFixed(4)} ms CPU`,
    `nodes ${row.nodesCpuPerRequestMs.toFixed(4)}`,
    `${row.requestsPerSecond.toFixed(0)}/s`,
    `p50 ${row.p50Ms.toFixed(2)} ms`,
    `p99 ${row.p99Ms.toFixed(2)} ms`,
    row.capacityPerCore === null ? "" : `capacity per core ×${row.capacityPerCore.toFixed(2)}`,
  ];
  return `${workload.padEnd(22)} ${set.padEnd(32)} ${contestant.padEnd(15)} ${figures.join(" | ")}`;
}

function save(name, rows) {
  const folder = path.resolve(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "package.json"), "utf8"));
  const report = {
    suite: name,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    processor: os.cpus()[0]?.model ?? "unknown",
    cores: os.cpus().length,
    versions: dependencies,
    rounds,
    seconds,
    rows,
  };
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(path.join(folder, `${name}.svg`), plot(report));
}
