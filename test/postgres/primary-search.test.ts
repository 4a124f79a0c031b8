/** How a pool finds the primary among real servers: at its start, and after each kind of loss. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { PrimaryPool, PrimaryPoolOptions } from "../../src/postgres/primary-pool.js";
import type { ServerIdentity } from "../../src/postgres/primary-search.js";
import { CertificateAuthority } from "../support/certificates.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { startPostgresLine } from "../support/postgres-line.js";
import { RenewableTls } from "../support/renewable-tls.js";
import { poolOpener, startRefusingServer } from "./pools.js";

let server: PostgresServer;
const openPool = poolOpener();

beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start();
});
afterAll(async () => {
  if (hasPostgres) await server.stop();
});

describe.skipIf(!hasPostgres)("on real servers (skipped where `npm ci` brings none and none is installed)", () => {
  describe("the search for the primary", () => {
    it("is one for all calls that wait, and leads all connections to the host that it found", async () => {
      const [one, other] = [await startPostgresLine(server.port), await startPostgresLine(server.port)];
      try {
        const pool = openPool([one, other], { connections: 4 });
        await Promise.all(Array.from({ length: 100 }, (_, n) => pool.run(n % 4, "read", "SELECT 1")));
        expect([one.connections, other.connections].toSorted()).toEqual([1, 4]);
        await pool.close();
      } finally {
        for (const line of [one, other]) await line.close();
      }
    });

    it("pauses after a failure, however many calls come", async () => {
      const refusing = await startRefusingServer("57P03", "the database system is starting up");
      const clock = new FakeClock();
      const pool = openPool([refusing], { clock });
      try {
        await expect(pool.run(0, "read", "SELECT 1")).rejects.toThrow("starting up");
        const call = pool.run(0, "read", "SELECT 1");
        const failed = expect(call).rejects.toMatchObject({ outcome: "nothing" });
        const more = Array.from({ length: 20 }, () => expect(pool.run(1, "read", "SELECT 1")).rejects.toThrow());
        await settle();
        expect(clock.pendingTimers).toBe(1);
        await clock.advance(1_000);
        await Promise.all([failed, ...more]);
      } finally {
        await refusing.close();
      }
    });

    it("takes another host than one that is starting up", async () => {
      const starting = await startRefusingServer("57P03", "the database system is starting up");
      try {
        expect(await openPool([starting, server]).run(0, "read", "SELECT 1 AS one")).toEqual([{ one: 1 }]);
      } finally {
        await starting.close();
      }
    });

    it("reports of each host why it is not the primary", async () => {
      const starting = await startRefusingServer("57P03", "the database system is starting up");
      try {
        await expect(openPool([starting, { port: 1 }]).run(0, "write", "SELECT 1")).rejects.toMatchObject({
          outcome: "nothing",
          message: expect.stringMatching(/starting up; .*ECONNREFUSED 127\.0\.0\.1:1/),
        });
      } finally {
        await starting.close();
      }
    });

    it("identifies the primary for a role without rights", async () => {
      await server.sql("CREATE ROLE guest LOGIN PASSWORD 'secret'");
      const found = identities();
      await openPool([server], { user: "guest", onPrimary: found.onPrimary }).run(0, "read", "SELECT 1");
      expect(found.all).toEqual([
        {
          place: `127.0.0.1:${server.port}`,
          systemId: await server.sql("SELECT system_identifier FROM pg_control_system()"),
          timeline: 1,
          started: expect.stringMatching(/^\d{10}\./),
        },
      ]);
    });

    it("uses a password that was changed since", async () => {
      await server.sql("CREATE ROLE changing LOGIN PASSWORD 'first'");
      let password = "first";
      const pool = openPool([server], { user: "changing", password: async () => password });
      await pool.run(0, "read", "SELECT 1");
      await server.sql("ALTER ROLE changing PASSWORD 'second'");
      await expect(pool.run(1, "read", "SELECT 1")).rejects.toMatchObject({ sqlState: "28P01", outcome: "nothing" });
      password = "second";
      expect(await pool.run(1, "read", "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    });

    it("says that the server asks for a password when none is given", async () => {
      await expect(openPool([server], { password: null }).run(0, "read", "SELECT 1")).rejects.toMatchObject({
        outcome: "nothing",
        message: `127.0.0.1:${server.port} asks for a password, and none is given`,
      });
    });

    it("finds the same primary when one connection was ended, and keeps the others", async () => {
      const found = identities();
      const pool = openPool([server], { onPrimary: found.onPrimary });
      const [ended, kept] = [await backendOf(pool, 0), await backendOf(pool, 1)];
      await server.sql(`SELECT pg_terminate_backend(${ended}, 10000)`);
      expect(await backendOf(pool, 0)).not.toBe(ended);
      expect(await backendOf(pool, 1)).toBe(kept);
      expect(found.all).toHaveLength(1);
    });
  });

  describe("onPrimary", () => {
    it("is awaited before the first statement, and called again when it failed", async () => {
      const course: string[] = [];
      const onPrimary = vi.fn<NonNullable<PrimaryPoolOptions["onPrimary"]>>(async (_, query) => {
        const [row] = await query("SELECT 'asked' AS what");
        course.push(String(row?.["what"]));
        if (onPrimary.mock.calls.length === 1) throw new TypeError("not this one");
      });
      const pool = openPool([server], { onPrimary });
      await expect(pool.run(0, "read", "SELECT 1")).rejects.toThrow("not this one");
      await pool.run(0, "read", "SELECT 1").then(() => course.push("run"));
      expect(course).toEqual(["asked", "asked", "run"]);
    });
  });

  describe("a pool whose primary", () => {
    it("hangs fails each call once its deadline is over, and goes on with the one that takes writes now", async () => {
      const [hanging, next] = await Promise.all([PostgresServer.start(), startReadOnly()]);
      const [clock, found] = [new FakeClock(), identities()];
      const pool = openPool([hanging, next], { connections: 4, clock, callMs: 1_000, onPrimary: found.onPrimary });
      try {
        await Promise.all([0, 1, 2, 3].map((n) => pool.run(n, "read", "SELECT 1")));
        await hanging.signal("SIGSTOP");
        const write = expect(pool.run(0, "write", "SELECT 1")).rejects.toMatchObject({
          outcome: "unknown",
          message: `127.0.0.1:${hanging.port} did not answer within 1000 ms`,
        });
        const transaction = expect(pool.transaction(1, "write", (query) => query("SELECT 1"))).rejects.toMatchObject({
          outcome: "nothing",
          sqlState: null,
        });
        const read = pool.run(2, "read", "SELECT inet_server_port() AS port");
        await takeWrites(next);
        await clock.advance(1_000);
        await Promise.all([write, transaction]);
        expect(await read).toEqual([{ port: next.port }]);
        expect(await pool.run(3, "read", "SELECT inet_server_port() AS port")).toEqual([{ port: next.port }]);
        expect(found.all.map(({ place }) => place)).toEqual([hanging, next].map(({ port }) => `127.0.0.1:${port}`));
      } finally {
        await pool.close();
        await hanging.signal("SIGCONT");
        await Promise.all([hanging.stop(), next.stop()]);
      }
    });

    it("hangs behind TLS costs one deadline, too", async () => {
      const authority = new CertificateAuthority();
      const hanging = await PostgresServer.start([], authority.issue());
      const [clock, tls] = [new FakeClock(), new RenewableTls({ clusterCa: authority.cert })];
      const pool = openPool([hanging], { clock, tls, callMs: 1_000 });
      try {
        await pool.run(0, "read", "SELECT 1");
        await hanging.signal("SIGSTOP");
        const transaction = pool.transaction(0, "write", async (query) => void query("SELECT 1"));
        const failed = expect(transaction).rejects.toMatchObject({ outcome: "unknown", sqlState: null });
        await clock.advance(1_000);
        await failed;
      } finally {
        await pool.close();
        await hanging.signal("SIGCONT");
        await hanging.stop();
      }
    });

    it("takes no writes any more fails the transaction with nothing written, and then uses the other one", async () => {
      const [former, next] = await Promise.all([PostgresServer.start(), startReadOnly()]);
      const pool = openPool([former, next]);
      try {
        await pool.run(0, "write", "CREATE TABLE t (id int)");
        const before = await backendOf(pool, 1);
        await configureReadOnly(former, "on");
        await takeWrites(next);
        await next.sql("CREATE TABLE t (id int)");
        const write = () => pool.transaction(0, "write", async (query) => void query("INSERT INTO t VALUES (1)"));
        const waiting = expect(pool.run(1, "write", "SELECT pg_sleep(60)")).rejects.toMatchObject({
          outcome: "unknown",
          message: "another primary was found",
        });
        await vi.waitFor(async () => {
          const state = `SELECT state FROM pg_stat_activity WHERE pid = ${before}`;
          expect(await former.sql(state)).toBe("active");
        });
        await expect(write()).rejects.toMatchObject({ outcome: "nothing", sqlState: "25006" });
        await write();
        await waiting;
        expect(await next.sql("SELECT count(*) FROM t")).toBe("1");
      } finally {
        await pool.close();
        await Promise.all([former.stop(), next.stop()]);
      }
    });

    it("is replaced behind its address is given up by all connections once a new one is opened", async () => {
      const [line, next] = [await startPostgresLine(server.port), await PostgresServer.start()];
      const found = identities();
      const pool = openPool([line], { onPrimary: found.onPrimary });
      try {
        const portOf = async (connection: number) =>
          (await pool.run(connection, "read", "SELECT inet_server_port() AS port"))[0]?.["port"];
        expect(await portOf(0)).toBe(server.port);
        line.target = next.port;
        expect([await portOf(1), await portOf(0)]).toEqual([next.port, next.port]);
        expect(new Set(found.all.map(({ systemId }) => systemId)).size).toBe(2);
      } finally {
        await pool.close();
        await line.close();
        await next.stop();
      }
    });

    it("takes no writes any more is searched anew also when a connection is opened", async () => {
      const [former, next] = await Promise.all([PostgresServer.start(), startReadOnly()]);
      const pool = openPool([former, next]);
      try {
        await pool.run(0, "read", "SELECT 1");
        await configureReadOnly(former, "on");
        await takeWrites(next);
        expect(await pool.run(1, "read", "SELECT inet_server_port() AS port")).toEqual([{ port: next.port }]);
      } finally {
        await pool.close();
        await Promise.all([former.stop(), next.stop()]);
      }
    });

    it("was killed and started again is another one to onPrimary", async () => {
      const restarted = await PostgresServer.start();
      const found = identities();
      const pool = openPool([restarted], { onPrimary: found.onPrimary });
      try {
        await Promise.all([0, 1].map((n) => pool.run(n, "read", "SELECT 1")));
        await restarted.signal("SIGKILL");
        await expect(pool.run(0, "write", "SELECT 1")).rejects.toMatchObject({ outcome: "nothing" });
        await restarted.restart();
        expect(await pool.run(1, "read", "SELECT 1 AS one")).toEqual([{ one: 1 }]);
        const [first, second] = found.all;
        expect(found.all).toHaveLength(2);
        expect(second).toEqual({ ...first, started: expect.any(String) });
        expect(second?.started).not.toBe(first?.started);
      } finally {
        await pool.close();
        await restarted.stop();
      }
    });

    it("was suspended during a fail-over is not used again when it wakes up", async () => {
      const primary = await PostgresServer.start();
      const standby = await primary.startStandby();
      const line = await startPostgresLine(standby.port);
      const [clock, found] = [new FakeClock(), identities()];
      const pool = openPool([primary, line], { clock, callMs: 1_000, onPrimary: found.onPrimary });
      try {
        await pool.run(0, "read", "SELECT 1");
        await primary.signal("SIGSTOP");
        await standby.promote();
        const read = pool.run(0, "read", "SELECT inet_server_port() AS port");
        await clock.advance(1_000);
        expect(await read).toEqual([{ port: standby.port }]);
        await primary.signal("SIGCONT");
        line.cutAfterSending = true;
        const write = pool.run(1, "write", "SELECT 1");
        const failed = expect(write).rejects.toMatchObject({
          outcome: "nothing",
          message: expect.stringContaining(`127.0.0.1:${primary.port} is on timeline 1, and 127.0.0.1:${line.port}`),
        });
        await clock.advance(500);
        await failed;
        line.cutAfterSending = false;
        const again = pool.run(1, "write", "SELECT inet_server_port() AS port");
        await clock.advance(500);
        expect(await again).toEqual([{ port: standby.port }]);
        expect(found.all.map(({ timeline }) => timeline)).toEqual([1, 2]);
      } finally {
        await pool.close();
        await line.close();
        await Promise.all([standby.stop(), primary.stop()]);
      }
    });

    it("is killed in the middle of a transaction goes on with the standby that was promoted", async () => {
      const primary = await PostgresServer.start();
      const standby = await primary.startStandby();
      const found = identities();
      const pool = openPool([standby, primary], { onPrimary: found.onPrimary });
      try {
        await pool.run(0, "write", "CREATE TABLE t (id int)");
        await vi.waitFor(async () => expect(await standby.sql("SELECT to_regclass('t')")).toBe("t"));
        const interrupted = pool.transaction(0, "write", async (query) => {
          await query("INSERT INTO t VALUES (1)");
          await primary.signal("SIGKILL");
          await query("INSERT INTO t VALUES (2)");
        });
        await expect(interrupted).rejects.toMatchObject({ outcome: "nothing" });
        await standby.promote();
        await pool.transaction(0, "write", async (query) => void query("INSERT INTO t VALUES (3)"));
        expect(await pool.run(1, "read", "SELECT id FROM t")).toEqual([{ id: 3 }]);
        const systemId = found.all[0]?.systemId;
        expect(found.all).toEqual([
          expect.objectContaining({ place: `127.0.0.1:${primary.port}`, systemId, timeline: 1 }),
          expect.objectContaining({ place: `127.0.0.1:${standby.port}`, systemId, timeline: 2 }),
        ]);
      } finally {
        await pool.close();
        await standby.stop();
      }
    });
  });
});

function identities() {
  const all: ServerIdentity[] = [];
  return { all, onPrimary: async (server: ServerIdentity) => void all.push(server) };
}

async function backendOf(pool: PrimaryPool, connection: number): Promise<string> {
  const [row] = await pool.run(connection, "read", "SELECT pg_backend_pid() AS pid");
  return String(row?.["pid"]);
}

async function startReadOnly(): Promise<PostgresServer> {
  const started = await PostgresServer.start();
  await configureReadOnly(started, "on");
  return started;
}

async function takeWrites(at: PostgresServer): Promise<void> {
  await configureReadOnly(at, "off");
}

async function configureReadOnly(at: PostgresServer, value: "on" | "off"): Promise<void> {
  await at.sql(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
  await at.sql("SELECT pg_reload_conf()");
  await vi.waitFor(async () => expect(await at.sql("SHOW default_transaction_read_only")).toBe(value));
}
