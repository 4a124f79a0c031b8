/** PostgresEngine on a real PostgreSQL. */
import { afterAll, beforeAll, describe } from "vitest";
import { PostgresEngine } from "../../../src/storage/postgres/postgres-engine.js";
import { describeStorageEngine } from "../../conformance/storage-engine.js";
import { hasPostgres, PostgresServer } from "../../support/postgres.js";
import { openEmptied, optionsAt } from "./postgres-stores.js";

let server: PostgresServer;
beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start();
});
afterAll(async () => {
  if (hasPostgres) await server.stop();
});

describe.skipIf(!hasPostgres)("on a real PostgreSQL (skipped where `npm ci` brings none and none is installed)", () => {
  const schema = "conformance";
  describeStorageEngine("PostgresEngine", async () => {
    const options = optionsAt(server, { schema });
    let engine = await openEmptied(server, options);
    const reopen = async () => {
      await engine.close();
      engine = await PostgresEngine.open(options);
      return engine;
    };
    return { engine, reopen };
  });
});
