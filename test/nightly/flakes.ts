/**
 * `npm run nightly:flakes`: the tests of the compiled program again and again, in another order each time and beside
 * processes that take the processors from them, since a test that depends on luck fails under load first. Prints which
 * tests failed, how often, and what they said; then it ends with 1. Names of files or folders run those only.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { flakesOf, type RoundReport } from "./flake-tally.js";

const { values, positionals: files } = parseArgs({
  args: process.argv.slice(3),
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "10" },
    seed: { type: "string" },
    busy: { type: "string", default: "4" },
    output: { type: "string", default: "data/nightly" },
  },
});
const rounds = Number(values.rounds);
const firstSeed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
const report = path.join(values.output, "flakes.json");
mkdirSync(values.output, { recursive: true });

const busy = Array.from({ length: Number(values.busy) }, () => spawn(process.execPath, ["-e", "for (;;);"]));
process.on("exit", () => {
  for (const child of busy) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const reports: RoundReport[] = [];
for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
  console.log(`round ${reports.length + 1} of ${rounds}, seed ${seed}`);
  reports.push(await run(seed));
}
const flakes = flakesOf(reports);
for (const { test, failures, message } of flakes) console.log(`\nfailed ${failures} of ${rounds}: ${test}\n${message}`);
console.log(flakes.length === 0 ? "no test failed" : `\n${flakes.length} tests failed at least once`);
process.exit(flakes.length === 0 ? 0 : 1);

async function run(seed: number): Promise<RoundReport> {
  rmSync(report, { force: true });
  const order = ["--sequence.shuffle.files", `--sequence.seed=${seed}`];
  const reporting = ["--reporter=json", `--outputFile=${report}`];
  const args = ["vitest", "run", "--project=system", ...order, ...reporting, ...files];
  await once(spawn("npx", args, { stdio: ["ignore", "ignore", "inherit"] }), "exit");
  if (!existsSync(report)) throw new Error(`Vitest wrote no report in round ${reports.length + 1}.`);
  const found = JSON.parse(readFileSync(report, "utf8")) as RoundReport;
  if (found.testResults.length === 0) throw new Error(`No test of the compiled program is in ${files.join(", ")}.`);
  return found;
}
