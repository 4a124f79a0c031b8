/** The figures of README.md: those of the last full run of the benchmark, with its date. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { repository } from "../../support/processes.js";
import { table, type Regions } from "./page.js";

interface Result {
  readonly date: string;
  readonly cores: number;
  readonly rows: readonly Row[];
}

interface Row {
  readonly workload: string;
  readonly clients: number;
  readonly contestant: string;
  readonly capacityPerCore: number | null;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
}

const contestants = ["shardgate", "mercurius", "apollo"];

export function figureRegions(): Regions {
  const { date, cores, rows } = readResult();
  const workloads = [
    ...new Set(rows.filter(({ contestant }) => contestant === "shardgate").map(({ workload }) => workload)),
  ];
  const cells = workloads.map((workload) => {
    const of = (name: string): Row | undefined =>
      rows.find((row) => row.workload === workload && row.contestant === name);
    const ours = of("shardgate");
    const capacities = contestants.map((name) => of(name)?.capacityPerCore?.toFixed(2) ?? "");
    return [workload, ...capacities, ours?.requestsPerSecond.toFixed(0) ?? "", ours?.p99Ms.toFixed(0) ?? ""];
  });
  const head = [
    "64 clients, 3 storage nodes",
    "shardgate",
    "Mercurius",
    "Apollo Server",
    "shardgate requests/s",
    "p99 ms",
  ];
  const conditions = `Measured ${date}, all processes on one machine with ${cores} cores; values of the size named.`;
  return { figures: `${table(head, cells)}\n\n${conditions}` };
}

function readResult(): Result {
  return JSON.parse(readFileSync(path.join(repository, "bench/results/peers.json"), "utf8")) as Result;
}
