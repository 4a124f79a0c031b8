/** PostgresEngine over a database that loses replies and fails over, and shared by several storage nodes. */
import { afterAll, beforeAll, describe } from "vitest";
import { PostgresEngine } from "../../../src/storage/postgres/postgres-engine.js";
import { describeSharedStore } from "../../conformance/shared-store.js";
import { describeUnknownOutcomes } from "../../conformance/storage-outcomes.js";
import { hasPostgres, PostgresServer } from "../../support/postgres.js";
import { FaultyPool, PoolFaults } from "./faulty-pool.js";
import { openEmptied, optionsAt } from "./postgres-stores.js";

let server: PostgresServer;
beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start();
});
afterAll(async () => {
  if (hasPostgres) await server.stop();
});

describe.skipIf(!hasPostgres)("on a real PostgreSQL (skipped where `npm ci` brings none and none is installed)", () => {
  describeUnknownOutcomes("PostgresEngine", async () => {
    const faults = new PoolFaults();
    const openPool = (options: ConstructorParameters<typeof FaultyPool>[0]) => new FaultyPool(options, faults);
    const engine = await openEmptied(server, optionsAt(server, { schema: "outcomes", openPool }));
    return {
      engine,
      setCommits: (fate) => (faults.fate = fate),
      failOver: () => faults.failovers++,
    };
  });

  describeSharedStore(
    "PostgresEngine",
    async () => {
      const faults = new PoolFaults();
      const openPool = (options: ConstructorParameters<typeof FaultyPool>[0]) => new FaultyPool(options, faults);
      const options = optionsAt(server, { openPool });
      return {
        open: (node) => PostgresEngine.open({ ...options, node }),
        setCommits: (fate) => (faults.fate = fate),
        close: async () => {},
      };
    },
    25,
  );
});
