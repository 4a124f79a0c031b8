/**
 * `npm run bench` from the repository's root: CPU time per request of the gateway beside its peers' over the same storage
 * nodes, with throughput and latency. `--quick` takes two minutes; `-- --suite clients` (repeatable) runs others
 * than the default. Writes bench/results/<suite>.json and .svg, and the report over all of them. README.md here says more.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { startCluster } from "./cluster.mjs";
import { contestants } from "./contestants.mjs";
import { fill } from "./fill.mjs";
import { measure } from "./measure.mjs";
import { plot } from "./plot.mjs";
import { findPostgres } from "./postgres.mjs";
import { writeReport } from "./report.mjs";
import { resultsFolder, saveResult } from "./results.mjs";
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
const seconds = Number(options.seconds ?? (options.quick ? 0.6 : 3));
const warmUpSeconds = Math.min(1, seconds / 2);
const startedMs = performance.now();
const names = options.suite ?? (options.quick ? ["quick"] : ["peers", "ceiling", "clients", "keys", "shards", "ycsb"]);

for (const name of names) {
  const suite = suites[name];
  if (suite === undefined) throw new Error(`There is no suite ${name}; there are ${Object.keys(suites).join(", ")}.`);
  const rows = [];
  for (const part of suite.parts) await runPart(part, rows);
  if (!options["no-save"]) save(name, rows);
}
if (!options["no-save"]) writeReport();
console.log(`This took ${Math.round((performance.now() - startedMs) / 1000)} s.`);

async function runPart({ nodes, shards, delayMs, contestants: able, workloads, clients }, rows) {
  const taking = takingPart(able);
  const scripts = Object.fromEntries(
    Object.values(taking).flatMap(({ process: name, script }) => (script === undefined ? [] : [[name, script]])),
  );
  const basePort = Number(options.port);
  const hasPostgres = "postgraphile" in taking;
  const cluster = await startCluster({ nodes, shards, delayMs, scripts, hasPostgres, basePort });
  try {
    await fill(cluster.originOf("gateway"));
    for (const workload of workloads) {
      for (const count of clients) {
        const extent = { clients: count, rounds, seconds, warmUpSeconds };
        const measured = await measure({ cluster, contestants: taking, workload, ...extent });
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

function takingPart(names) {
  const isThere = (name) => name !== "postgraphile" || findPostgres() !== null;
  if (!names.every(isThere)) console.warn("PostGraphile is left out: there is no PostgreSQL server on this machine.");
  return Object.fromEntries(names.filter(isThere).map((name) => [name, contestants[name]]));
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
  const result = saveResult(name, { rounds, seconds, rows });
  writeFileSync(path.join(resultsFolder, `${name}.svg`), plot(result));
}
