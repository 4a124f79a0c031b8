/** Claims that a transaction of another session holds up, on a real PostgreSQL. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseShard } from "../../../src/core/shard.js";
import { PostgresEngine } from "../../../src/storage/postgres/postgres-engine.js";
import { hasPostgres, PostgresServer } from "../../support/postgres.js";
import { eventually } from "../../support/processes.js";
import { optionsAt } from "./postgres-stores.js";

describe.skipIf(!hasPostgres)("a claim of a shard whose row another session has locked", () => {
  let server: PostgresServer;
  let engine: PostgresEngine;
  let former: pg.Client;
  let schema: string;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const options = optionsAt(server);
    ({ schema } = options);
    engine = await PostgresEngine.open(options);
    await claim(1);
    former = new pg.Client({
      host: "127.0.0.1",
      port: server.port,
      user: "sg",
      password: "secret",
      database: "postgres",
    });
    former.on("error", () => {});
    await former.connect();
    await former.query("BEGIN");
    await former.query(`SELECT FROM "${schema}".shards FOR UPDATE`);
  });
  afterEach(async () => {
    await former.end().catch(() => {});
    await engine.close();
  });

  async function claim(epoch: number): Promise<void> {
    await engine.changeState(() => ({
      claims: [{ kind: "claim", shard: parseShard(0), epoch, lineage: 1, sealedFor: null }],
    }));
  }

  it("ends that session when its client is silent, as a suspended owner is before its COMMIT", async () => {
    const ended = new Promise((resolve) => former.once("end", resolve));
    await claim(2);
    await ended;
    await expect(former.query("COMMIT")).rejects.toThrow();
  });

  it("fails, and ends no process, when its own session is ended before its COMMIT", async () => {
    await former.query("COMMIT");
    await former.query("BEGIN");
    await former.query(`LOCK TABLE "${schema}".shards IN SHARE MODE`);
    const failed = expect(claim(2)).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
    await eventually(async () => {
      const ended = await server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
      );
      expect(ended).toBe("true");
    });
    await failed;
  });

  it("waits for a session that works", async () => {
    const claiming = claim(2);
    await former.query("SELECT pg_sleep(1)");
    await former.query("COMMIT");
    await claiming;
  });
});
