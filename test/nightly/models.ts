/**
 * `npm run nightly:models`: explores every variant of every model, the long ones too, and prints the trace of each break.
 * With words behind it, only those variants whose name has them. Ends with 1 when one comes out otherwise than expected.
 */
import { parseArgs } from "node:util";
import { models } from "../models/models.js";

const { positionals } = parseArgs({ args: process.argv.slice(3), allowPositionals: true });
const wanted = positionals.join(" ");
let unexpected = 0;
for (const { subject, variants } of models) {
  console.log(`\n${subject}`);
  for (const { name, expected, run } of variants) {
    if (!`${subject}: ${name}`.includes(wanted)) continue;
    const startMs = performance.now();
    const { kind, states, why, trace } = run();
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    if (kind !== expected) unexpected++;
    console.log(`${kind === expected ? " " : "!"} ${kind}, ${states} states, ${seconds} s: ${name}`);
    if (kind === "holds") continue;
    console.log(`    ${why}`);
    for (const [index, step] of trace.entries()) console.log(`    ${index + 1}. ${step}`);
  }
}
console.log(unexpected === 0 ? "\nas expected" : `\n${unexpected} NOT as expected`);
process.exit(unexpected === 0 ? 0 : 1);
