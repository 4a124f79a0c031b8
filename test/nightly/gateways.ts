/**
 * `npm run nightly:gateways`: every scenario of several gateways with long outages, over PostgreSQL and etcd. Prints how long after the
 * death of the leader the cluster map changed again. Ends with 1 when anything is lost or wrong, or that took too long.
 */
import { parseArgs } from "node:util";
import { GatewayGroup } from "../gateways/gateway-group.js";
import { GroupLoad } from "../gateways/group-load.js";
import { engines, startPostgres, type RegistryEngine } from "../gateways/registry-engine.js";
import { rewindings, scenarios, type Scenario } from "../gateways/scenarios.js";

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    seed: { type: "string" },
    seconds: { type: "string", default: "60" },
    rounds: { type: "string", default: "3" },
    engine: { type: "string" },
    workers: { type: "string", default: "1" },
  },
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

/** From the death of the leader until a change of the map is acknowledged through each other gateway. */
const takeoverMsMax = 7_000;
const firstSeed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
const outageMs = Number(values.seconds) * 1_000;
let wrong = 0;

for (const [name, isInstalled, start] of engines) {
  if (values.engine !== undefined && values.engine.toLowerCase() !== name.toLowerCase()) continue;
  if (!isInstalled) console.log(`${name} is not installed: left out.`);
  else await runAll(name, start);
}
console.log(wrong === 0 ? "nothing is lost or wrong" : `${wrong} scenarios went wrong`);
process.exit(wrong === 0 ? 0 : 1);

async function runAll(name: string, start: () => Promise<RegistryEngine>): Promise<void> {
  const engine = await start();
  const gatewayArgs = ["--workers", values.workers];
  const group = await GatewayGroup.start({ engine, gateways: 3, nodes: 2, shards: 8, gatewayArgs });
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const scenario of scenarios) await play({ scenario, engine, group, name, seed: firstSeed + round });
  }
  await group.stop();
  await engine.stop();
  if (name === "PostgreSQL") await rewindAll(gatewayArgs);
}

/** With the history of a registry that loses it, later scenarios could not be judged. */
async function rewindAll(gatewayArgs: readonly string[]): Promise<void> {
  const engine = await startPostgres();
  const group = await GatewayGroup.start({ engine, gateways: 3, nodes: 2, shards: 8, gatewayArgs });
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const scenario of rewindings) {
      await play({ scenario, engine, group, name: "PostgreSQL", seed: firstSeed + round });
    }
  }
  await group.stop();
  await engine.stop();
}

async function play<Engine extends RegistryEngine>(parts: {
  readonly scenario: Scenario<Engine>;
  readonly engine: Engine;
  readonly group: GatewayGroup;
  readonly name: string;
  readonly seed: number;
}): Promise<void> {
  const { scenario, engine, group, name, seed } = parts;
  const prefix = `${scenario.title} ${seed}`;
  const load = await GroupLoad.start(group, { seed, prefix, pauseMs: 50, changePauseMs: 500 });
  const complaints: string[] = [];
  const onTakeover = (ms: number): void => {
    console.log(`  the cluster map changed again ${Math.round(ms)} ms after the death of the leader`);
    if (ms > takeoverMsMax) complaints.push(`That is more than ${takeoverMsMax} ms.`);
  };
  console.log(`${name}, seed ${seed}: ${scenario.title}`);
  await scenario.run({ group, load, engine, outageMs, onTakeover });
  complaints.push(...(await load.end(scenario.losesHistory !== true)));
  const { operations, acknowledgedWrites, changes } = load.figures;
  console.log(`  ${operations} operations, ${acknowledgedWrites} writes, ${changes} changes of the cluster map`);
  for (const complaint of complaints) console.log(`  WRONG: ${complaint}`);
  if (complaints.length > 0) wrong++;
}
