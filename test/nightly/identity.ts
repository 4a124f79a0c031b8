/**
 * `npm run nightly:identity`: 200 rounds of processes that are killed or started twice, folders that are emptied, copied and
 * put back, a registry that is put back, foreign gateways and clocks that jump, under acknowledged writes that are checked
 * key by key. Prints the seed first, and each round. Ends with 1 when a promise was broken.
 */
import { parseArgs } from "node:util";
import { runIdentity } from "../identity/identity-run.js";

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    seed: { type: "string" },
    rounds: { type: "string", default: "200" },
    nodes: { type: "string", default: "8" },
    writers: { type: "string", default: "6" },
  },
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
const [rounds, nodes, writers] = [Number(values.rounds), Number(values.nodes), Number(values.writers)];
if (!(rounds > 0)) throw new Error(`--rounds ${values.rounds} is no number of rounds.`);
console.log(`seed ${seed}: ${rounds} rounds; --seed ${seed} --rounds ${rounds} draws the same mishaps`);
const startMs = performance.now();
const run = await runIdentity({ seed, rounds, nodes, writers, onRound: (text) => console.log(text) });
for (const [kind, count] of Object.entries(run.answers)) console.log(`${kind}: ${count}`);
const seconds = Math.round((performance.now() - startMs) / 1000);
console.log(`${run.acknowledged} writes acknowledged, ${run.keysChecked} keys read in the end, ${seconds} s`);
for (const complaint of run.complaints) console.log(`BROKEN: ${complaint}`);
console.log(run.complaints.length === 0 ? "every promise kept" : "promises BROKEN");
process.exit(run.complaints.length === 0 ? 0 : 1);
