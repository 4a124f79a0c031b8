/** Two gateways and three storage nodes over one database, as processes under load, while one of them or the database fails. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { play } from "./play.js";
import { scenarios, type Scenario } from "./scenarios.js";
import { makeDatabase } from "./store-database.js";
import { StoreGroup } from "./store-group.js";

const outageMs = 2_000;

describe.skipIf(!hasPostgres)("three storage nodes over one database", () => {
  let server: PostgresServer;
  let group: StoreGroup;
  beforeAll(async () => {
    server = await PostgresServer.start();
    await makeDatabase(server);
    const sizes = { gateways: 2, nodes: 3, shards: 8 };
    group = await StoreGroup.start({ databasePorts: [server.port], registry: "database", ...sizes });
  });
  afterAll(async () => {
    await group.stop();
    await server.stop();
  });

  async function run(scenario: Scenario): Promise<void> {
    const { complaints } = await play(
      scenario,
      { group, server, outageMs },
      { seed: 7, pauseMs: 20, operationsMin: 100 },
    );
    expect(complaints).toEqual([]);
  }

  const harmless = scenarios.filter(({ isHarmless }) => isHarmless === true);
  it.each(harmless.map((scenario) => [scenario.title, scenario] as const))("fail no request %s", (_, scenario) =>
    run(scenario),
  );

  const harmful = scenarios.filter(({ isHarmless }) => isHarmless !== true);
  it.each(harmful.map((scenario) => [scenario.title, scenario] as const))(
    "lose nothing, and answer nothing old, %s",
    (_, scenario) => run(scenario),
  );
});
