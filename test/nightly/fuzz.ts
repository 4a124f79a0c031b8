/**
 * `npm run nightly:fuzz`: the fuzz run of the tests at full length, with a seed of its own. Prints the seed first, and the
 * smallest request that breaks a rule when there is one; then it ends with 1.
 */
import { parseArgs } from "node:util";
import { runFuzz } from "../support/fuzz/fuzz-run.js";

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { seed: { type: "string" }, requests: { type: "string", default: "100000" } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const requests = Number(values.requests);
if (!Number.isSafeInteger(seed)) throw new Error(`--seed ${values.seed} is no whole number.`);
if (!(requests > 0)) throw new Error(`--requests ${values.requests} is no number of requests.`);
console.log(`seed ${seed}: ${requests} requests; --seed ${seed} --requests ${requests} sends the same ones`);
const startMs = performance.now();
try {
  const report = await runFuzz({ seed, requests });
  const statuses = [...report.statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status} ${count}`);
  console.log(`${report.requests} requests, ${report.executedBothWays} executed both ways with the same bytes`);
  console.log(`answers by status (0: none): ${statuses.join(", ")}`);
  console.log(`no fault in ${Math.round((performance.now() - startMs) / 1000)} s`);
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
