/** `node bench/report.mjs`: writes bench/results/README.md from the results there. Nothing in it is written by hand. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { isPlotted } from "./plot.mjs";
import { readResults, resultsFolder } from "./results.mjs";
import { checksOf, measurementsOf } from "./targets.mjs";

if (process.argv[1] === import.meta.filename) writeReport();

export function writeReport() {
  writeFileSync(path.join(resultsFolder, "README.md"), reportOf(readResults()));
}

/** Markdown; `results` is a map from suite to result. */
export function reportOf(results) {
  const measured = [...results.values()].filter(({ rows }) => rows !== undefined);
  return [
    "# Results",
    "Made by `node bench/report.mjs` from the files beside it. What is measured and how: [bench/README.md](../README.md).",
    "## Aims",
    table(["aim", "measured", "holds"], checksOf(results).map(checkCells)),
    ...measured.flatMap(suiteParts),
    ...(results.has("storage") ? storageParts(results.get("storage")) : []),
    "",
  ].join("\n\n");
}

function checkCells({ what, figure, isHeld }) {
  return [what, figure, { true: "holds", false: "**does not hold**", null: "" }[String(isHeld)]];
}

function suiteParts(result) {
  const { suite, rounds, seconds, rows } = result;
  const head = [
    "contestant",
    "capacity per core",
    "CPU µs",
    "upstream CPU µs",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "first p99 ms",
  ];
  const hasDatabase = rows.some(({ databaseCpuPerRequestMs = 0 }) => databaseCpuPerRequestMs > 0);
  const databaseHead = hasDatabase ? ["of that PostgreSQL"] : [];
  const databaseCells = ({ databaseCpuPerRequestMs }) => (hasDatabase ? [microseconds(databaseCpuPerRequestMs)] : []);
  const cells = measurementsOf(rows).flatMap(({ label, rows: members }) =>
    members.map((row, index) => [index === 0 ? label : "", ...figureCells(row), ...databaseCells(row)]),
  );
  const plotText = isPlotted(result) ? ` [Plot](${suite}.svg).` : "";
  return [
    `## ${suite}`,
    `${conditionsOf(result)}; medians of ${rounds} rounds of ${seconds} s.${plotText}`,
    table(["workload", ...head, ...databaseHead], cells),
  ];
}

function figureCells(row) {
  return [
    row.contestant,
    row.capacityPerCore === null ? "" : `×${row.capacityPerCore.toFixed(2)}`,
    microseconds(row.cpuPerRequestMs),
    microseconds(row.nodesCpuPerRequestMs),
    row.requestsPerSecond.toFixed(0),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.firstP99Ms?.toFixed(2) ?? "",
  ];
}

function microseconds(ms) {
  return (ms * 1000).toFixed(0);
}

function storageParts(result) {
  const ways = Object.keys(result.reads[0].microsecondsPerKey);
  const cells = result.reads.map(({ bytes, microsecondsPerKey }) => [
    `${bytes} B`,
    ...ways.map((way) => microsecondsPerKey[way].toFixed(2)),
  ]);
  const { single, grouped } = result.writesPerSecond;
  return [
    "## storage",
    `${conditionsOf(result)}; microseconds of CPU per key read in batches of ${result.reads[0].batchSize}.`,
    table(["values", ...ways], cells),
    ...singlesParts(result.singles),
    `Synced writes a second: one after another ${single.toFixed(0)}, many at once ${grouped.toFixed(0)}.`,
  ];
}

/** `singles`: build to the CPU time at both ends of a batch of one get. */
function singlesParts(singles) {
  if (singles === undefined) return [];
  const cells = Object.entries(singles).map(([build, { node, caller }]) => [build, node.toFixed(1), caller.toFixed(1)]);
  return [
    "Batches of one get over the wire, of eight callers at once; microseconds of CPU:",
    table(["build", "storage node", "its caller"], cells),
  ];
}

function conditionsOf({ date, node, processor, cores }) {
  return `${date}, Node ${node}, ${processor}, ${cores} cores`;
}

function table(head, rows) {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
