/** PostgresStore on a real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../../src/cli/environment/system-clock.js";
import type { PostgresHost } from "../../../../src/postgres/postgres-access.js";
import { PostgresStore } from "../../../../src/registry/stores/postgres/postgres-store.js";
import type { RegistryStore } from "../../../../src/registry/registry-store.js";
import { describeServerStore, logRecord } from "../../../conformance/registry-server-store.js";
import { describeRegistryStore } from "../../../conformance/registry-store.js";
import { CertificateAuthority } from "../../../support/certificates.js";
import { hasPostgres, PostgresServer } from "../../../support/postgres.js";
import { startPostgresLine } from "../../../support/postgres-line.js";
import { RenewableTls } from "../../../support/renewable-tls.js";
import { serverClock } from "../../../support/server-clock.js";

let server: PostgresServer;
let schemas = 0;
const opened: RegistryStore[] = [];

beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start();
});
afterAll(async () => {
  for (const store of opened) await store.close();
  if (hasPostgres) await server.stop();
});

describe.skipIf(!hasPostgres)("on a real PostgreSQL (skipped where `npm ci` brings none and none is installed)", () => {
  describeRegistryStore("PostgresStore", async () => {
    const schema = freshSchema();
    return async () => storeIn(schema);
  });

  describeServerStore("PostgresStore", freshSchema, (schema) => storeIn(schema));

  describe("PostgresStore", () => {
    it("keeps the registries of two schemas apart, whatever characters their names have", async () => {
      const [one, other] = [storeIn(`${freshSchema()} "odd'`), storeIn(freshSchema())];
      await one.compareAndSet(null, { version: 1, text: "one" }, logRecord(0, 1));
      expect(await other.load()).toBeNull();
      await other.compareAndSet(null, { version: 5, text: "other" }, logRecord(0, 5));
      expect(await one.log()).toEqual([logRecord(0, 1)]);
      expect(await one.load()).toMatchObject({ version: 1, text: "one" });
    });

    it("is created by one of many at once in an empty database", async () => {
      const schema = freshSchema();
      const stores = Array.from({ length: 8 }, () => storeIn(schema));
      const wins = await Promise.all(stores.map((store) => store.compareAndSet(null, { version: 1, text: "" }, null)));
      expect(wins.filter(Boolean)).toHaveLength(1);
    });

    it("waits for the disk also where the server does not by default", async () => {
      const schema = freshSchema();
      await server.sql("ALTER ROLE sg SET synchronous_commit = off");
      try {
        const store = storeIn(schema);
        await store.compareAndSet(null, { version: 1, text: "" }, null);
        await server.sql(`CREATE TABLE ${schema}.seen (setting text);
          CREATE FUNCTION ${schema}.see() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO ${schema}.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
          CREATE TRIGGER see AFTER UPDATE ON ${schema}.registry FOR EACH ROW EXECUTE FUNCTION ${schema}.see()`);
        await store.compareAndSet({ version: 1, beat: 0 }, { version: 2, text: "" }, null);
        expect(await server.sql(`SELECT setting FROM ${schema}.seen`)).toBe("on");
      } finally {
        await server.sql("ALTER ROLE sg RESET synchronous_commit");
      }
    });

    it("makes nothing in a database that it only reads", async () => {
      const schema = freshSchema();
      expect(await storeIn(schema).load()).toBeNull();
      expect(await server.sql(`SELECT count(*) FROM pg_namespace WHERE nspname = '${schema}'`)).toBe("0");
    });

    it("calls its watchers when a version is given a second time, after the database went back", async () => {
      const schema = freshSchema();
      // Nothing but the poll brings this change.
      const store = new PostgresStore({ ...accessTo([server]), schema, clock: systemClock });
      opened.push(store);
      await store.compareAndSet(null, { version: 1, text: "first" }, null);
      await store.compareAndSet({ version: 1, beat: 0 }, { version: 2, text: "lost" }, null);
      const onChange = vi.fn<() => void>();
      store.watch(onChange);
      await vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());
      await server.sql(`UPDATE ${schema}.registry SET map = 'other', written = DEFAULT`);
      await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2));
    });

    it("takes the host that takes writes for the primary, and not one that is set to read only", async () => {
      const readOnly = await PostgresServer.start(["default_transaction_read_only=on"]);
      try {
        const store = storeIn(freshSchema(), [hostOf(readOnly), hostOf(server)]);
        expect(await store.compareAndSet(null, { version: 1, text: "" }, null)).toBe(true);
        await expect(storeIn("s", [hostOf(readOnly)]).load()).rejects.toMatchObject({
          code: "REGISTRY_UNAVAILABLE",
          message: expect.stringContaining(`127.0.0.1:${readOnly.port} takes no writes`),
        });
      } finally {
        await readOnly.stop();
      }
    });

    it("verifies the server's certificate, and takes a renewed CA at the next connection", async () => {
      const [authority, other] = [new CertificateAuthority(), new CertificateAuthority()];
      const secured = await PostgresServer.start([], authority.issue());
      const tls = new RenewableTls({ clusterCa: other.cert });
      const store = new PostgresStore({ ...accessTo([secured]), tls, schema: "s", clock: serverClock });
      try {
        await expect(store.load()).rejects.toMatchObject({
          code: "REGISTRY_UNAVAILABLE",
          message: expect.stringMatching(/certificate/),
        });
        tls.renew({ clusterCa: authority.cert });
        expect(await store.compareAndSet(null, { version: 1, text: "" }, null)).toBe(true);
        expect(await secured.sql("SELECT count(*) FROM pg_stat_ssl WHERE ssl")).toBe("1");
      } finally {
        await store.close();
        await secured.stop();
      }
    });

    it("refuses a certificate that is for another host, and a server without TLS", async () => {
      const authority = new CertificateAuthority();
      const secured = await PostgresServer.start([], authority.issue({ hosts: ["elsewhere"] }));
      const tls = new RenewableTls({ clusterCa: authority.cert });
      try {
        for (const [at, message] of [
          [secured, /127\.0\.0\.1 is not in the cert's list/],
          [server, /does not support SSL/],
        ] as const) {
          const store = new PostgresStore({ ...accessTo([at]), tls, schema: "s", clock: serverClock });
          opened.push(store);
          await expect(store.load()).rejects.toMatchObject({ message: expect.stringMatching(message) });
        }
      } finally {
        await secured.stop();
      }
    });

    it("searches again when its host takes no writes any more, and writes to the one that does", async () => {
      const former = await PostgresServer.start();
      const schema = freshSchema();
      const store = storeIn(schema, [hostOf(former)]);
      const both = storeIn(schema, [hostOf(former), hostOf(server)]);
      try {
        await former.sql("ALTER SYSTEM SET default_transaction_read_only = on");
        expect([await store.load(), await both.mark()]).toEqual([null, null]);
        await former.sql("SELECT pg_reload_conf()");
        await vi.waitFor(async () => expect(await former.sql("SHOW default_transaction_read_only")).toBe("on"));
        await expect(store.compareAndSet(null, { version: 1, text: "" }, null)).rejects.toMatchObject({
          code: "REGISTRY_UNAVAILABLE",
          message: expect.stringContaining("takes no writes"),
        });
        expect(await both.compareAndSet(null, { version: 1, text: "" }, null)).toBe(true);
        expect(await server.sql(`SELECT version FROM ${schema}.registry`)).toBe("1");
      } finally {
        await former.stop();
      }
    });

    it("reports that its user may make no schema", async () => {
      await server.sql("CREATE ROLE guest LOGIN PASSWORD 'secret'");
      const access = { ...accessTo([server]), user: "guest" };
      const store = new PostgresStore({ ...access, schema: freshSchema(), clock: serverClock });
      opened.push(store);
      await expect(store.compareAndSet(null, { version: 1, text: "" }, null)).rejects.toMatchObject({
        code: "REGISTRY_UNAVAILABLE",
        message: expect.stringContaining("permission denied"),
      });
    });

    it.each([null, logRecord(0, 2)])(
      "goes on after a person dropped the table of its log, with record %j",
      async (logged) => {
        const schema = freshSchema();
        const store = storeIn(schema);
        await store.compareAndSet(null, { version: 1, text: "one" }, logRecord(0, 1));
        await server.sql(`DROP TABLE ${schema}.registry_log`);
        expect(await store.compareAndSet({ version: 1, beat: 0 }, { version: 2, text: "two" }, logged)).toBe(true);
        expect(await store.load()).toMatchObject({ version: 2, text: "two" });
        expect(await store.log()).toEqual(logged === null ? [] : [logged]);
      },
    );

    it("makes no tables for a change of a registry that was dropped", async () => {
      const schema = freshSchema();
      const store = storeIn(schema);
      await store.compareAndSet(null, { version: 1, text: "one" }, null);
      await server.sql(`DROP SCHEMA ${schema} CASCADE`);
      expect(await store.compareAndSet({ version: 1, beat: 0 }, { version: 2, text: "two" }, null)).toBe(false);
      expect(await server.sql(`SELECT to_regclass('${schema}.registry') IS NULL`)).toBe("true");
    });

    it("refuses a version that no registry reaches", async () => {
      const schema = freshSchema();
      const store = storeIn(schema);
      await store.compareAndSet(null, { version: 1, text: "" }, null);
      await server.sql(`UPDATE ${schema}.registry SET version = 9007199254740993`);
      await expect(store.load()).rejects.toMatchObject({ code: "REGISTRY_CORRUPT" });
    });

    it("says of every host why it is not used", async () => {
      const store = storeIn(freshSchema(), [
        { host: "localhost", port: 1 },
        { host: "127.0.0.1", port: 2 },
      ]);
      await expect(store.load()).rejects.toMatchObject({
        code: "REGISTRY_UNAVAILABLE",
        message: expect.stringMatching(/127\.0\.0\.1:1; .*127\.0\.0\.1:2\./),
      });
    });

    it("begins a new connection when one is cut before it is ready", async () => {
      const line = await startPostgresLine(server.port);
      const store = storeIn(freshSchema(), [line]);
      try {
        line.cutBefore = "LISTEN";
        await expect(store.load()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
        line.cutBefore = null;
        expect(await store.load()).toBeNull();
        await store.close();
        await expect(store.load()).rejects.toMatchObject({
          message: expect.stringContaining("the connection was closed"),
        });
      } finally {
        await line.close();
      }
    });

    it("asks for the password anew at each connection", async () => {
      let password = "outdated";
      const store = new PostgresStore({
        ...accessTo([server]),
        password: async () => password,
        schema: "s",
        clock: serverClock,
      });
      opened.push(store);
      await expect(store.load()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
      password = "secret";
      expect(await store.load()).toBeNull();
    });

    it("reports what the server refuses, and never the password", async () => {
      const store = new PostgresStore({
        ...accessTo([server]),
        password: async () => "wrong",
        schema: "s",
        clock: serverClock,
      });
      opened.push(store);
      const failure = await store.load().catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: "REGISTRY_UNAVAILABLE",
        message: expect.stringContaining("password authentication failed"),
      });
      expect(String(failure)).not.toContain("wrong");
    });

    it("goes on after its connection was cut, and never repeats a write whose answer was lost", async () => {
      const schema = freshSchema();
      const line = await startPostgresLine(server.port);
      const store = storeIn(schema, [line]);
      try {
        await store.compareAndSet(null, { version: 1, text: "" }, null);
        line.cutAfterSending = true;
        const lost = store.compareAndSet({ version: 1, beat: 0 }, { version: 2, text: "may be" }, null);
        await expect(lost).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
        line.cutAfterSending = false;
        await vi.waitFor(async () => expect((await store.load())?.version).toBe(2));
        expect(await store.compareAndSet({ version: 2, beat: 0 }, { version: 3, text: "next" }, null)).toBe(true);
      } finally {
        await store.close();
        await line.close();
      }
    });

    it("follows a fail-over to the standby that was promoted, and calls its watchers from there", async () => {
      const primary = await PostgresServer.start();
      const standby = await primary.startStandby();
      const store = storeIn("registry", [hostOf(standby), hostOf(primary)]);
      try {
        await store.compareAndSet(null, { version: 1, text: "first" }, null);
        const onChange = vi.fn<() => void>();
        store.watch(onChange);
        await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
        await vi.waitFor(async () => expect(await standby.sql("SELECT version FROM registry.registry")).toBe("1"));
        await primary.signal("SIGKILL");
        await expect(store.load()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
        await standby.promote();
        await vi.waitFor(async () => expect(await store.load()).toMatchObject({ version: 1, text: "first" }));
        onChange.mockClear();
        expect(await store.compareAndSet({ version: 1, beat: 0 }, { version: 2, text: "second" }, null)).toBe(true);
        await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
      } finally {
        await store.close();
        await standby.stop();
      }
    });
  });
});

function freshSchema(): string {
  return `s${++schemas}`;
}

function hostOf({ port }: Pick<PostgresServer, "port">): PostgresHost {
  return { host: "127.0.0.1", port };
}

function accessTo(servers: readonly Pick<PostgresServer, "port">[]) {
  return { hosts: servers.map(hostOf), database: "postgres", user: "sg", password: async () => "secret", tls: null };
}

function storeIn(schema: string, hosts: readonly PostgresHost[] = [hostOf(server)]): PostgresStore {
  const store = new PostgresStore({ ...accessTo([]), hosts, schema, clock: serverClock });
  opened.push(store);
  return store;
}
