/**
 * `npm run nightly:shared-store`: every scenario of storage nodes over one database, in rounds until so many operations are checked, then
 * the primary of a database under Patroni killed again and again. Prints how long keys of a lost storage node are not served. Ends with 1
 * when anything is lost or wrong, or that took too long.
 */
import { parseArgs } from "node:util";
import { patroniLacks } from "../support/patroni.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { playPatroni, type PatroniRound } from "../shared-store/patroni-rounds.js";
import { play } from "../shared-store/play.js";
import { rebalancings, scenarios, type Scenario, type Stage } from "../shared-store/scenarios.js";
import { makeDatabase } from "../shared-store/store-database.js";
import { StoreGroup } from "../shared-store/store-group.js";

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    seed: { type: "string" },
    operations: { type: "string", default: "50000" },
    gateways: { type: "string", default: "3" },
    nodes: { type: "string", default: "4" },
    seconds: { type: "string", default: "10" },
    scenario: { type: "string", default: "" },
    /** Where the logs of all processes are written. */
    output: { type: "string", default: "data/nightly/shared-store" },
    "patroni-rounds": { type: "string", default: "10" },
  },
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

/** From the promotion of the new primary until every key is written again. */
const afterPromotionMsMax = 1_000;
const firstSeed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
const wanted = [...scenarios, ...rebalancings].filter(({ title }) => title.includes(values.scenario));
let wrong = 0;

if (hasPostgres && Number(values.operations) > 0) await playAll();
else if (!hasPostgres) console.log("PostgreSQL is not installed: left out.");
if (patroniLacks === null) await playWithPatroni();
else console.log(`${patroniLacks}: left out.`);
console.log(wrong === 0 ? "nothing is lost or wrong" : `${wrong} scenarios went wrong`);
process.exit(wrong === 0 ? 0 : 1);

async function playAll(): Promise<void> {
  const server = await PostgresServer.start();
  await makeDatabase(server);
  const sizes = { gateways: Number(values.gateways), nodes: Number(values.nodes), shards: 32 };
  const shape = {
    databasePorts: [server.port],
    registry: "database",
    gatewayArgs: ["--auto-rebalance"],
    ...sizes,
  } as const;
  const group = await StoreGroup.start(shape);
  process.on("exit", () => group.writeLogs(values.output));
  const stage = { group, server, outageMs: Number(values.seconds) * 1_000 };
  let operations = 0;
  for (let seed = firstSeed; operations < Number(values.operations); seed++) {
    for (const scenario of wanted) operations += await playOne(scenario, stage, seed);
  }
  console.log(`${operations} operations were checked`);
  await group.stop();
  await server.stop();
}

async function playOne(scenario: Scenario, stage: Omit<Stage, "load" | "onServed">, seed: number): Promise<number> {
  console.log(`seed ${seed}: ${scenario.title}`);
  const { complaints, servedMs, figures } = await play(scenario, stage, { seed, pauseMs: 5, operationsMin: 1_000 });
  report(complaints, figures);
  if (servedMs !== null) console.log(`  every key was written again after ${Math.round(servedMs)} ms`);
  const isLate = servedMs !== null && scenario.aimMs !== undefined && servedMs > scenario.aimMs;
  if (isLate) console.log(`  LATE: the aim is ${scenario.aimMs} ms`);
  if (complaints.length > 0 || isLate) wrong++;
  return figures.operations;
}

async function playWithPatroni(): Promise<void> {
  const rounds = Number(values["patroni-rounds"]);
  if (rounds === 0) return;
  console.log(`seed ${firstSeed}: when the primary of a database under Patroni is killed, ${rounds} times`);
  let late = 0;
  const onRound = ({ promotedMs, acceptsMs, servedMs }: PatroniRound): void => {
    const after = Math.round(servedMs - Math.max(promotedMs, acceptsMs));
    const moments = `promoted after ${Math.round(promotedMs)} ms, accepts writes after ${Math.round(acceptsMs)} ms`;
    console.log(`  ${moments}; every key was written ${after} ms later`);
    if (after > afterPromotionMsMax) late++;
  };
  const output = `${values.output}/patroni`;
  const { complaints, figures } = await playPatroni({ rounds, seed: firstSeed, onRound, output });
  report(complaints, figures);
  if (late > 0) console.log(`  LATE: ${late} times later than ${afterPromotionMsMax} ms`);
  if (complaints.length > 0 || late > 0) wrong++;
}

function report(complaints: readonly string[], figures: Awaited<ReturnType<typeof play>>["figures"]): void {
  const { operations, acknowledgedWrites, refused, unknown } = figures;
  const failed = `${refused} refused, ${unknown} of unknown outcome`;
  console.log(`  ${operations} operations, ${acknowledgedWrites} writes acknowledged to writers, ${failed}`);
  for (const complaint of complaints) console.log(`  WRONG: ${complaint}`);
}
