/** What the pool says of each transaction is compared with the rows that are there, after a time of random faults. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { PostgresFailure } from "../../src/postgres/postgres-failure.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { startPostgresLine, type PostgresLine } from "../support/postgres-line.js";
import { poolOpener } from "./pools.js";

let server: PostgresServer;
let line: PostgresLine;
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

/** Each of them hits whatever is going on. */
const faults: readonly ((server: PostgresServer) => Promise<void>)[] = [
  (at) => onBackends(at, "pg_terminate_backend"),
  (at) => onBackends(at, "pg_cancel_backend"),
  () => cutOnce("cutAtAnswer", "COMMIT"),
  () => cutOnce("cutBefore", "COMMIT"),
  () => cutOnce("cutAtAnswer", "INSERT"),
  async (at) => {
    await at.signal("SIGKILL");
    await at.restart();
  },
];

describe.skipIf(!hasPostgres)("on a real PostgreSQL (skipped where `npm ci` brings none and none is installed)", () => {
  it("finds all rows of a transaction that is done, and none of one that wrote nothing", async () => {
    const pool = openPool([line], { connections: 4 });
    await pool.run(0, "write", "CREATE TABLE t (id int, part int, PRIMARY KEY (id, part))");
    const said = new Map<number, "done" | "nothing" | "unknown">();
    let [next, isOver] = [0, false];
    const writer = async (connection: number): Promise<void> => {
      while (!isOver) {
        const id = next++;
        const isRefused = id % 7 === 0;
        const done = pool.transaction(connection, "write", async (query) => {
          if (id % 2 === 0) await query("SELECT count(*) FROM t WHERE id = $1", [id]);
          for (const part of [1, 2, isRefused ? 2 : 3]) void query("INSERT INTO t VALUES ($1, $2)", [id, part]);
        });
        const outcome = await done.then(
          () => "done" as const,
          (error: unknown) => (error instanceof PostgresFailure ? error.outcome : Promise.reject(error)),
        );
        said.set(id, outcome);
      }
    };
    const writers = Promise.all([0, 1, 2, 3].map(writer));
    for (let round = 0; round < rounds; round++) {
      const before = next;
      while (next < before + 40) await new Promise((resolve) => setImmediate(resolve));
      await faults[round % faults.length]?.(server);
    }
    isOver = true;
    await writers;
    const rows = await pool.run(0, "read", "SELECT id, count(*)::int AS parts FROM t GROUP BY id");
    const parts = new Map(rows.map((row) => [row["id"], row["parts"]]));
    for (const [id, outcome] of said) {
      const found = parts.get(id) ?? 0;
      const allowed = { done: [3], nothing: [0], unknown: [0, 3] }[outcome];
      expect(allowed, `${outcome}: transaction ${id}`).toContain(found);
    }
    expect(new Set(said.values())).toEqual(new Set(["done", "nothing", "unknown"]));
  });
});

const rounds = 18;

/** Until a connection was cut, and another one opened in its place. */
async function cutOnce(place: "cutAtAnswer" | "cutBefore", text: string): Promise<void> {
  const before = line.connections;
  line[place] = text;
  await vi.waitFor(() => expect(line.connections).toBeGreaterThan(before));
  line[place] = null;
}

async function onBackends(at: PostgresServer, what: string): Promise<void> {
  await at.sql(`SELECT ${what}(pid) FROM pg_stat_activity WHERE application_name = 'shardgate'`);
}
