/** PrimaryPool on a real PostgreSQL: statements, transactions, and what is known of them after a lost answer. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { PrimaryPool } from "../../src/postgres/primary-pool.js";
import type { Query } from "../../src/postgres/statement.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { startPostgresLine, type PostgresLine } from "../support/postgres-line.js";
import { poolOpener } from "./pools.js";

let server: PostgresServer;
let line: PostgresLine;
let tables = 0;
const openPool = poolOpener();

beforeAll(async () => {
  if (!hasPostgres) return;
  server = await PostgresServer.start();
  line = await startPostgresLine(server.port);
});
afterAll(async () => {
  if (!hasPostgres) return;
  await line.close();
  await server.stop();
});

describe.skipIf(!hasPostgres)("on a real PostgreSQL (skipped where `npm ci` brings none and none is installed)", () => {
  describe("PrimaryPool.run", () => {
    it("returns rows with 64-bit numbers as texts", async () => {
      const pool = openPool([server]);
      const rows = await pool.run(0, "read", "SELECT $1::bigint AS wide, $2::bytea AS bytes", [
        "9007199254740993",
        bytes,
      ]);
      expect(rows).toEqual([{ wide: "9007199254740993", bytes }]);
    });

    it("sends the statements of one turn together, and keeps their order", async () => {
      const pool = openPool([line]);
      await pool.run(0, "read", "SELECT 0");
      const before = line.exchanges;
      const answers = await Promise.all([1, 2, 3].map((n) => pool.run(0, "read", "SELECT $1::int AS n", [n])));
      expect(answers).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]]);
      expect(line.exchanges - before).toBe(1);
    });

    it("reports what the server refuses, and keeps the connection", async () => {
      const pool = openPool([server]);
      const backend = await backendOf(pool);
      await expect(pool.run(0, "write", "SELECT * FROM missing")).rejects.toMatchObject({
        name: "PostgresFailure",
        outcome: "nothing",
        sqlState: "42P01",
        message: expect.stringContaining("does not exist"),
      });
      expect(await backendOf(pool)).toBe(backend);
    });

    it("does not know the outcome of a write whose answer was lost, and does not repeat it", async () => {
      const [pool, table] = [openPool([line]), await emptyTable()];
      await pool.run(0, "read", "SELECT 0");
      line.cutAtAnswer = "INSERT";
      const lost = pool.run(0, "write", `INSERT INTO ${table} VALUES (1)`);
      await expect(lost).rejects.toMatchObject({
        outcome: "unknown",
        sqlState: null,
        message: expect.stringContaining("was lost"),
      });
      line.cutAtAnswer = null;
      expect(await pool.run(0, "read", `SELECT id FROM ${table}`)).toEqual([{ id: 1 }]);
    });

    it("repeats a read whose answer was lost once, and says that it wrote nothing", async () => {
      const pool = openPool([line]);
      await pool.run(0, "read", "SELECT 0");
      const before = line.connections;
      line.cutAtAnswer = "needle";
      const lost = pool.run(0, "read", "SELECT 'need' || 'le' AS found");
      await expect(lost).rejects.toMatchObject({ outcome: "nothing" });
      line.cutAtAnswer = null;
      expect(line.connections - before).toBe(1);
      expect(await pool.run(0, "read", "SELECT 'need' || 'le' AS found")).toEqual([{ found: "needle" }]);
    });

    it("prepares a statement anew after its table has changed", async () => {
      const [pool, table] = [openPool([server]), await emptyTable()];
      const read = () => pool.run(0, "read", `SELECT * FROM ${table} WHERE id >= $1`, [0]);
      await pool.run(0, "write", `INSERT INTO ${table} VALUES (1)`);
      for (let each = 0; each < 3; each++) expect(await read()).toEqual([{ id: 1 }]);
      await server.sql(`ALTER TABLE ${table} ADD COLUMN more int DEFAULT 7`);
      expect(await Promise.all([read(), read(), read()])).toEqual([1, 2, 3].map(() => [{ id: 1, more: 7 }]));
    });

    it("survives a value that cannot be sent, and commits nothing of its transaction", async () => {
      const [pool, table] = [openPool([server]), await emptyTable()];
      const unsendable = {
        toPostgres: () => {
          throw new TypeError("no text of mine");
        },
      };
      const done = pool.transaction(0, "write", async (query) => {
        await query(`INSERT INTO ${table} VALUES (1)`);
        void query(`INSERT INTO ${table} VALUES ($1)`, [unsendable]);
      });
      await expect(done).rejects.toMatchObject({
        outcome: "nothing",
        message: expect.stringContaining("no text of mine"),
      });
      expect(await pool.run(0, "read", `SELECT * FROM ${table}`)).toEqual([]);
    });
  });

  describe("PrimaryPool.transaction", () => {
    it("commits everything in two exchanges when the writes depend on what was read", async () => {
      const [pool, table] = [openPool([line]), await emptyTable()];
      await pool.run(0, "read", "SELECT 0");
      const before = line.exchanges;
      const answer = await pool.transaction(0, "write", async (query) => {
        const [, rows] = await Promise.all([
          query(`SELECT 1 FROM ${table} FOR UPDATE`),
          query(`SELECT count(*) AS count FROM ${table}`),
        ]);
        for (const id of [1, 2]) void query(`INSERT INTO ${table} VALUES ($1)`, [id]);
        return rows;
      });
      expect(answer).toEqual([{ count: "0" }]);
      expect(line.exchanges - before).toBe(2);
      expect(await pool.run(0, "read", `SELECT id FROM ${table} ORDER BY id`)).toEqual([{ id: 1 }, { id: 2 }]);
    });

    it("commits nothing when one of its statements fails, and goes on with the same connection", async () => {
      const [pool, table] = [openPool([server]), await emptyTable()];
      const backend = await backendOf(pool);
      const done = pool.transaction(0, "write", async (query) => {
        for (const id of [1, 1, 2]) void query(`INSERT INTO ${table} VALUES (${id})`);
      });
      await expect(done).rejects.toMatchObject({ outcome: "nothing", sqlState: "23505" });
      expect(await pool.run(0, "read", `SELECT * FROM ${table}`)).toEqual([]);
      expect(await backendOf(pool)).toBe(backend);
    });

    it("commits nothing when its constraints refuse the COMMIT", async () => {
      const [pool, table] = [openPool([server]), await emptyTable()];
      await server.sql(`ALTER TABLE ${table} ADD UNIQUE (id) DEFERRABLE INITIALLY DEFERRED;
        ALTER TABLE ${table} DROP CONSTRAINT ${table}_pkey`);
      const done = pool.transaction(0, "write", (query) => query(`INSERT INTO ${table} VALUES (1), (1)`));
      await expect(done).rejects.toMatchObject({ outcome: "nothing", sqlState: "23505" });
    });

    it("sees one moment in a snapshot, and writes nothing in it", async () => {
      const [pool, table] = [openPool([server]), await emptyTable()];
      const count = await pool.transaction(0, "snapshot", async (query) => {
        await query(`SELECT * FROM ${table}`);
        await server.sql(`INSERT INTO ${table} VALUES (1)`);
        return query(`SELECT count(*) AS count FROM ${table}`);
      });
      expect(count).toEqual([{ count: "0" }]);
      const write = pool.transaction(0, "snapshot", (query) => query(`INSERT INTO ${table} VALUES (2)`));
      await expect(write).rejects.toMatchObject({ outcome: "nothing", sqlState: "25006" });
    });

    it("keeps other statements of its connection out until it is over", async () => {
      const [pool, table] = [openPool([server]), await emptyTable()];
      let other: Promise<unknown> = Promise.resolve();
      const done = pool.transaction(0, "write", async (query) => {
        await query(`INSERT INTO ${table} VALUES (1)`);
        other = pool.run(0, "write", `INSERT INTO ${table} VALUES (2)`);
        await query(`SELECT 1`);
        throw new TypeError("rolled back");
      });
      await expect(done).rejects.toThrow("rolled back");
      await other;
      expect(await pool.run(0, "read", `SELECT id FROM ${table}`)).toEqual([{ id: 2 }]);
    });

    it("does not know the outcome when the answer to COMMIT was lost", async () => {
      const [pool, table] = [openPool([line]), await emptyTable()];
      await pool.run(0, "read", "SELECT 0");
      line.cutAtAnswer = "COMMIT";
      const lost = pool.transaction(0, "write", async (query) => void query(`INSERT INTO ${table} VALUES (1)`));
      await expect(lost).rejects.toMatchObject({ outcome: "unknown" });
      line.cutAtAnswer = null;
      expect(await pool.run(0, "read", `SELECT id FROM ${table}`)).toEqual([{ id: 1 }]);
    });

    it("does not know the outcome when COMMIT was sent and lost, though nothing was written", async () => {
      const [pool, table] = [openPool([line]), await emptyTable()];
      await pool.run(0, "read", "SELECT 0");
      line.cutBefore = "COMMIT";
      const lost = pool.transaction(0, "write", (query) => query(`INSERT INTO ${table} VALUES (1)`));
      await expect(lost).rejects.toMatchObject({ outcome: "unknown" });
      line.cutBefore = null;
      expect(await pool.run(0, "read", `SELECT * FROM ${table}`)).toEqual([]);
    });

    it.each(["BEGIN", "SELECT", "INSERT"])("knows that nothing was written when it was lost with %s", async (part) => {
      const [pool, table] = [openPool([line]), await emptyTable()];
      await pool.run(0, "read", "SELECT 0");
      line.cutAtAnswer = part;
      const lost = pool.transaction(0, "write", async (query) => {
        await query("SELECT 1");
        await query(`INSERT INTO ${table} VALUES (1)`);
      });
      await expect(lost).rejects.toMatchObject({ outcome: "nothing" });
      line.cutAtAnswer = null;
      expect(await pool.run(0, "read", `SELECT * FROM ${table}`)).toEqual([]);
    });

    it("is ended by the server when it stays open between two statements, and holds no locks after that", async () => {
      const [pool, table] = [openPool([server]), await emptyTable()];
      await pool.run(0, "write", `INSERT INTO ${table} VALUES (1)`);
      const forgotten = pool.transaction(0, "write", async (query) => {
        await query(`SELECT id FROM ${table} FOR UPDATE`);
        await new Promise(() => {});
      });
      const failed = expect(forgotten).rejects.toMatchObject({ outcome: "nothing" });
      await pool.run(1, "write", `UPDATE ${table} SET id = 2`);
      await failed;
      expect(await pool.run(0, "read", `SELECT id FROM ${table}`)).toEqual([{ id: 2 }]);
    });

    it("does not call a commit done whose wait for the standby was cancelled", async () => {
      const [pool, table] = [openPool([server]), await emptyTable()];
      await pool.run(0, "read", "SELECT 0");
      await configure("synchronous_standby_names", "nowhere");
      try {
        const done = pool.transaction(0, "write", (query) => query(`INSERT INTO ${table} VALUES (1)`));
        const failed = expect(done).rejects.toMatchObject({
          outcome: "unknown",
          message: expect.stringContaining("stopped waiting for its standby"),
        });
        const cancel = "SELECT bool_or(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        await vi.waitFor(async () => expect(await server.sql(cancel)).toBe("true"));
        await failed;
      } finally {
        await configure("synchronous_standby_names", "");
      }
      expect(await pool.transaction(0, "write", (query) => query("SELECT 1 AS one"))).toEqual([{ one: 1 }]);
    });
  });

  describe("the connections of a PrimaryPool", () => {
    it("have deadlines on the server, too, and are on disk with what they acknowledge", async () => {
      const pool = openPool([server], { callMs: 5_000 });
      const names = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit"];
      const settings = names.map((name) => `current_setting('${name}') AS ${name}`).join();
      expect(await pool.run(0, "read", `SELECT ${settings}`)).toEqual([
        {
          statement_timeout: "5s",
          lock_timeout: "4s",
          idle_in_transaction_session_timeout: "1s",
          synchronous_commit: "on",
        },
      ]);
    });

    it("wait for a lock no longer than their lock timeout, and stay usable", async () => {
      const [pool, table] = [
        openPool([server], { prepare: async (query) => void (await query("SET lock_timeout = 10")) }),
        await emptyTable(),
      ];
      const backend = await backendOf(pool);
      await pool.run(0, "write", `INSERT INTO ${table} VALUES (1)`);
      await pool.transaction(1, "write", async (query) => {
        await query(`SELECT id FROM ${table} FOR UPDATE`);
        await expect(pool.run(0, "write", `DELETE FROM ${table}`)).rejects.toMatchObject({
          outcome: "nothing",
          sqlState: "55P03",
        });
      });
      expect(await backendOf(pool)).toBe(backend);
    });

    it("are opened when they are first used, each prepared before anything else", async () => {
      const prepared: string[] = [];
      const prepare = vi.fn(async (query) => {
        await query("SET application_name = 'prepared'");
        prepared.push(String((await query("SELECT pg_backend_pid() AS pid"))[0]?.pid));
      });
      const pool = openPool([server], { connections: 3, prepare });
      expect(prepare).not.toHaveBeenCalled();
      const backends = await Promise.all([backendOf(pool, 0), backendOf(pool, 1)]);
      expect(prepared.toSorted()).toEqual(backends.toSorted());
      expect(await pool.run(1, "read", "SHOW application_name")).toEqual([{ application_name: "prepared" }]);
    });

    it("report why they could not be prepared, and are opened again at the next use", async () => {
      let isMissing = false;
      const prepare = async (query: Query): Promise<void> => {
        if (isMissing) await query("SELECT * FROM missing");
      };
      const pool = openPool([server], { prepare });
      await pool.run(0, "read", "SELECT 0");
      isMissing = true;
      await expect(pool.run(1, "read", "SELECT 0")).rejects.toMatchObject({ outcome: "nothing", sqlState: "42P01" });
      isMissing = false;
      expect(await pool.run(1, "read", "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    });

    it("end when the pool is closed, and with them what they wait for", async () => {
      const pool = openPool([server], {
        prepare: async (query) => void (await query("SET application_name = 'closing'")),
      });
      await pool.run(0, "read", "SELECT 0");
      const waiting = expect(pool.run(1, "read", "SELECT pg_sleep(60)")).rejects.toMatchObject({ outcome: "nothing" });
      const count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'closing'";
      await vi.waitFor(async () => expect(await server.sql(count)).toBe("2"));
      await pool.close();
      await waiting;
      await expect(pool.run(0, "read", "SELECT 0")).rejects.toThrow("the connection was closed");
      await vi.waitFor(async () => expect(await server.sql(`${count} AND state <> 'active'`)).toBe("0"));
    });

    it("may be closed before the first statement", async () => {
      const pool = openPool([server]);
      const early = expect(pool.run(0, "read", "SELECT 0")).rejects.toThrow("the connection was closed");
      await pool.close();
      await early;
    });
  });
});

const bytes = Buffer.from([0, 1, 255]);

async function backendOf(pool: PrimaryPool, connection = 0): Promise<string> {
  const [row] = await pool.run(connection, "read", "SELECT pg_backend_pid() AS pid");
  return String(row?.["pid"]);
}

async function emptyTable(): Promise<string> {
  const table = `t${++tables}`;
  await server.sql(`CREATE TABLE ${table} (id int PRIMARY KEY)`);
  return table;
}

async function configure(name: string, value: string): Promise<void> {
  await server.sql(`ALTER SYSTEM SET ${name} = '${value}'`);
  await server.sql("SELECT pg_reload_conf()");
  await vi.waitFor(async () => expect(await server.sql(`SHOW ${name}`)).toBe(value));
}
