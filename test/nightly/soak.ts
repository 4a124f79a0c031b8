/**
 * `npm run nightly:soak`: half an hour of mixed load on a gateway whose storage nodes are killed, paused and restarted, and
 * a verdict on what it left behind. Writes soak.json and soak.txt. Ends with 1 when the verdict is bad.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { soakReport } from "../soak/report.js";
import { soak } from "../soak/soak-run.js";

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    minutes: { type: "string", default: "30" },
    seed: { type: "string" },
    output: { type: "string", default: "data/nightly" },
  },
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is no length of time.`);
const result = await soak({ seed, minutes, onProgress: (text) => console.log(text) });
const report = soakReport(result);
mkdirSync(values.output, { recursive: true });
writeFileSync(path.join(values.output, "soak.json"), `${JSON.stringify(result, null, 1)}\n`);
writeFileSync(path.join(values.output, "soak.txt"), report);
console.log(`${report}\nAll samples are in ${path.join(values.output, "soak.json")}.`);
process.exit(result.isGood ? 0 : 1);
