/**
 * `npm run bench` from the repository's root: CPU time per request of the gateway beside its peers' over the same storage
 * nodes, with throughput and latency. `--quick` takes two minutes; `--verdict --before FOLDER` holds what is built here
 * against an earlier commit that was built in FOLDER, and says line by line which aims hold; `--suite clients` (repeatable)
 * runs others, and `--contestant`, `--workload` and `--clients` (repeatable) leave out who is not named. Writes bench/results/<suite>.json and .svg, and the report over all of them. README.md here says more.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { startCluster } from "./cluster.mjs";
import { takingPart } from "./contestants.mjs";
import { fill } from "./fill.mjs";
import { settingOf } from "./label.mjs";
import { measure } from "./measure.mjs";
import { isPlotted, plot } from "./plot.mjs";
import { vacuum } from "./postgres.mjs";
import { writeReport } from "./report.mjs";
import { resultOf, resultsFolder, saveResult } from "./results.mjs";
import { runs, suites } from "./suites.mjs";
import { checksOf } from "./targets.mjs";
import { verdictText } from "./verdict.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    verdict: { type: "boolean", default: false },
    before: { type: "string" },
    suite: { type: "string", multiple: true },
    rounds: { type: "string" },
    seconds: { type: "string" },
    port: { type: "string", default: "14100" },
    contestant: { type: "string", multiple: true },
    workload: { type: "string", multiple: true },
    clients: { type: "string", multiple: true },
    profile: { type: "string" },
    "no-save": { type: "boolean", default: false },
  },
});
const isShort = options.quick || options.verdict;
const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
const seconds = Number(options.seconds ?? (isShort ? 0.6 : 3));
const usualWarmUpSeconds = Math.min(1, seconds / 2);
const startedMs = performance.now();
const run = options.quick ? "quick" : options.verdict ? "verdict" : "usual";
const names = options.suite ?? runs[run];
const unknown = names.find((name) => suites[name] === undefined && name !== "storage");
if (unknown !== undefined)
  throw new Error(`There is no suite ${unknown}; there are ${Object.keys(suites).join(", ")} and storage.`);
if (options.verdict && options.before === undefined)
  throw new Error("--verdict compares with an earlier commit: give the folder where it is built with --before.");

const results = new Map();
for (const name of names) {
  const figures = name === "storage" ? await storageFigures() : { rounds, seconds, rows: await rowsOf(suites[name]) };
  results.set(name, resultOf(name, figures));
  if (!options["no-save"]) save(results.get(name));
}
if (!options["no-save"]) writeReport();
console.log(verdictText(checksOf(results).filter(({ figure }) => figure !== "not measured")));
console.log(`This took ${Math.round((performance.now() - startedMs) / 1000)} s.`);

async function storageFigures() {
  const { measureStorage } = await import("./storage.mjs");
  return measureStorage({ before: options.before, basePort: Number(options.port) });
}

async function rowsOf({ parts }) {
  const rows = [];
  for (const part of parts) await runPart(chosenOf(part), rows);
  return rows;
}

/** What the options leave of a part. */
function chosenOf({ contestants, workloads, clients, ...part }) {
  const isChosen = (option, name) => option === undefined || option.includes(String(name));
  return {
    ...part,
    contestants: contestants.filter((name) => isChosen(options.contestant, name)),
    workloads: workloads.filter(({ name }) => isChosen(options.workload, name)),
    clients: clients.filter((count) => isChosen(options.clients, count)),
  };
}

async function runPart({ clusters: settings, contestants, workloads, clients, warmUpSeconds }, rows) {
  const taking = takingPart(contestants, { before: options.before, say: console.warn });
  const scripts = Object.fromEntries(
    Object.values(taking).flatMap(({ process: name, script }) => (script === undefined ? [] : [[name, script]])),
  );
  const hasBuild = (name) => Object.values(taking).some(({ build }) => build === name);
  const hasPostgres = "postgraphile" in taking;
  const parts = { scripts, hasPostgres, hasSharedStore: hasBuild("postgres"), profile: options.profile };
  const entrants = [];
  const clusters = [];
  try {
    for (const { areNodesTogether, ...setting } of settings) {
      // Each has up to 30 ports.
      const basePort = Number(options.port) + 30 * clusters.length;
      const before = hasBuild("before") ? options.before : undefined;
      const cluster = await startCluster({ ...setting, areNodesTogether, ...parts, before, basePort });
      clusters.push(cluster);
      for (const origin of cluster.gateways) await fill(origin);
      if (cluster.postgresUrl !== "") await vacuum(cluster.postgresUrl);
      for (const [name, contestant] of Object.entries(taking)) entrants.push({ name, contestant, cluster, setting });
    }
    for (const workload of workloads) {
      for (const count of clients) {
        const extent = { clients: count, rounds, seconds, warmUpSeconds: warmUpSeconds ?? usualWarmUpSeconds };
        for (const row of await measure({ entrants, workload, ...extent })) {
          rows.push(row);
          console.log(lineOf(row));
        }
      }
    }
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  }
}

function lineOf(row) {
  const figures = [
    `${row.cpuPerRequestMs.toFixed(4)} ms CPU`,
    `nodes ${row.nodesCpuPerRequestMs.toFixed(4)}`,
    `${row.requestsPerSecond.toFixed(0)}/s`,
    `p50 ${row.p50Ms.toFixed(2)} ms`,
    `p99 ${row.p99Ms.toFixed(2)} ms`,
    `first p99 ${row.firstP99Ms.toFixed(1)} ms`,
    row.databaseCpuPerRequestMs === 0 ? "" : `PostgreSQL ${row.databaseCpuPerRequestMs.toFixed(4)}`,
    row.capacityPerCore === null ? "" : `capacity per core ×${row.capacityPerCore.toFixed(2)}`,
  ];
  return `${row.workload.padEnd(22)} ${settingOf(row).padEnd(32)} ${row.contestant.padEnd(15)} ${figures.filter(Boolean).join(" | ")}`;
}

function save(result) {
  saveResult(result);
  if (isPlotted(result)) writeFileSync(path.join(resultsFolder, `${result.suite}.svg`), plot(result));
}
