/** Three gateways of one registry, as processes under load, while one of them, the registry or a way between them fails. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { GatewayGroup } from "./gateway-group.js";
import { GroupLoad } from "./group-load.js";
import { engines, startPostgres, type RegistryEngine } from "./registry-engine.js";
import { rewindings, scenarios, type Scenario } from "./scenarios.js";

const outageMs = 3_000;
const silence = ["--suspect-after", "1500", "--down-after", "2500"];

let group: GatewayGroup;
let load: GroupLoad | null = null;
afterEach(async () => {
  await load?.stop();
  load = null;
});

async function startGroup(engine: RegistryEngine): Promise<void> {
  group = await GatewayGroup.start({ engine, gateways: 3, nodes: 2, shards: 8, gatewayArgs: silence });
}

async function play<Engine extends RegistryEngine>(scenario: Scenario<Engine>, engine: Engine): Promise<void> {
  load = await GroupLoad.start(group, { seed: 7, prefix: scenario.title, pauseMs: 20, changePauseMs: 200 });
  await scenario.run({ group, load, engine, outageMs, onTakeover: () => {} });
  expect(await load.end(scenario.losesHistory !== true)).toEqual([]);
  // That the run was a test of something.
  const { operations, acknowledgedWrites, changes } = load.figures;
  expect(operations).toBeGreaterThan(40);
  expect(acknowledgedWrites).toBeGreaterThan(10);
  expect(changes).toBeGreaterThan(1);
}

describe.skipIf(!engines[0][1])("three gateways with their registry in PostgreSQL", () => {
  let engine: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    engine = await startPostgres();
    await startGroup(engine);
  });
  afterAll(async () => {
    await group.stop();
    await engine.stop();
  });

  it.each(scenarios.map((scenario) => [scenario.title, scenario] as const))(
    "lose nothing, and serve on where they can, %s",
    (_, scenario) => play(scenario, engine),
  );

  it.each(rewindings.map((scenario) => [scenario.title, scenario] as const))("lose nothing %s", (_, scenario) =>
    play(scenario, engine),
  );
});
