/**
 * `npm run nightly:linearizability`: many long runs against real processes, each with a seed of its own, or the check of a
 * history that was kept. Prints what replays a run that failed. Ends with 1 when a history is not linearizable.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { checkHistory, type Violation } from "../linearizability/check-history.js";
import { historyFromText, historyToText } from "../linearizability/history.js";
import { runProcesses } from "../linearizability/process-run.js";

const command = "npm run nightly:linearizability --";
const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    seed: { type: "string" },
    runs: { type: "string", default: "20" },
    operations: { type: "string", default: "20000" },
    clients: { type: "string", default: "16" },
    workers: { type: "string", default: "1" },
    gateways: { type: "string", default: "1" },
    check: { type: "string" },
    output: { type: "string", default: "data/nightly" },
  },
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

if (values.check === undefined) await runAll();
else end(check(readFileSync(values.check, "utf8")));

async function runAll(): Promise<void> {
  const operations = Number(values.operations);
  const clients = Number(values.clients);
  const workers = Number(values.workers);
  const gateways = Number(values.gateways);
  const firstSeed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
  const runs = values.seed === undefined ? Number(values.runs) : 1;
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const shape = `--workers ${workers} --gateways ${gateways}`;
    const replay = `${command} --seed ${seed} --operations ${operations} --clients ${clients} ${shape}`;
    console.log(`seed ${seed}: ${operations} operations of ${clients} clients, ${shape}`);
    const { calls, faults } = await runProcesses({ seed, operations, clients, workers, gateways }).catch(
      (error: unknown) => {
        console.log(`The run itself failed. Replay: ${replay}`);
        throw error;
      },
    );
    const text = historyToText(calls);
    const violations = check(text);
    console.log(`  ${calls.length} operations, ${faults.length} faults, ${violations.length} keys in disorder`);
    if (violations.length === 0) continue;
    const file = path.join(values.output, `history-${seed}.ndjson`);
    mkdirSync(values.output, { recursive: true });
    writeFileSync(file, text);
    console.log(`The history is in ${file}.\nReplay: ${replay}\nCheck again: ${command} --check ${file}`);
    return end(violations);
  }
  end([]);
}

function check(text: string): readonly Violation[] {
  const violations = checkHistory(historyFromText(text));
  for (const violation of violations) console.log(violation.text);
  return violations;
}

function end(violations: readonly Violation[]): never {
  console.log(violations.length === 0 ? "linearizable" : "NOT linearizable");
  process.exit(violations.length === 0 ? 0 : 1);
}
