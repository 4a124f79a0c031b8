/** Engines over an embedded PostgreSQL server, each store in a schema of its own. */
import { systemClock } from "../../../src/cli/environment/system-clock.js";
import { PrimaryPool, type PrimaryPoolOptions } from "../../../src/postgres/primary-pool.js";
import { PostgresEngine, type PostgresEngineOptions } from "../../../src/storage/postgres/postgres-engine.js";
import { patientCallMs } from "../../postgres/pools.js";
import type { PostgresServer } from "../../support/postgres.js";
import { RecordLog } from "../../support/record-log.js";

let count = 0;

/** A schema that no other store of the test file uses. */
export function freshSchema(): string {
  return `store_${++count}`;
}

export function optionsAt(
  { port }: Pick<PostgresServer, "port">,
  rest: Partial<PostgresEngineOptions> = {},
): PostgresEngineOptions {
  return {
    hosts: [{ host: "127.0.0.1", port }],
    database: "postgres",
    user: "sg",
    password: async () => "secret",
    tls: null,
    schema: freshSchema(),
    node: "node-1",
    clock: systemClock,
    log: new RecordLog(),
    openPool: patientPool,
    ...rest,
  };
}

/** A pool with a deadline that nothing misses that works, also on a busy machine. */
export function patientPool(options: PrimaryPoolOptions): PrimaryPool {
  return new PrimaryPool({ ...options, callMs: patientCallMs });
}

/** Opens the engine of a store whose schema was used by another test, and makes it empty: quicker than a new schema. */
export async function openEmptied(server: PostgresServer, options: PostgresEngineOptions): Promise<PostgresEngine> {
  const engine = await PostgresEngine.open(options);
  const tables = ["entries", "tombstones", "shards", "nodes"].map((table) => `"${options.schema}".${table}`);
  await server.sql(tables.map((table) => `DELETE FROM ${table}`).join(";"));
  return engine;
}
