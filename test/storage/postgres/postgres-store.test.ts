/** The store of PostgresEngine: how it is made and refused, what is done to its rows by hand, and what memory it takes. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { answerBytes } from "../../../src/core/answer-bytes.js";
import { PrimaryPool, type PrimaryPoolOptions } from "../../../src/postgres/primary-pool.js";
import type { Row } from "../../../src/postgres/statement.js";
import type { StorageEngine } from "../../../src/storage/engine.js";
import { PostgresEngine, type PostgresEngineOptions } from "../../../src/storage/postgres/postgres-engine.js";
import { bytesArray, float8Array, int4Array } from "../../../src/storage/postgres/rows/binary-arrays.js";
import { makeStore } from "../../../src/storage/postgres/rows/store-tables.js";
import { hasPostgres, PostgresServer } from "../../support/postgres.js";
import { eventually } from "../../support/processes.js";
import { patientCallMs } from "../../postgres/pools.js";
import {
  claimAll,
  fill,
  find,
  get,
  keys,
  noBudget,
  nowMs,
  page,
  put,
  read,
  remove,
  scan,
  shard,
  version,
  write,
} from "../../conformance/storage-operations.js";
import { freshSchema, optionsAt } from "./postgres-stores.js";

let server: PostgresServer;
beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start();
});
afterAll(async () => {
  if (hasPostgres) await server.stop();
});

describe.skipIf(!hasPostgres)("on a real PostgreSQL (skipped where `npm ci` brings none and none is installed)", () => {
  const opened: StorageEngine[] = [];
  afterEach(async () => {
    for (const engine of opened.splice(0)) await engine.close();
  });
  async function open(rest: Partial<PostgresEngineOptions> = {}): Promise<PostgresEngine> {
    const engine = await PostgresEngine.open(optionsAt(server, rest));
    opened.push(engine);
    return engine;
  }

  describe("a store", () => {
    it("is made once by several processes that open it at the same time", async () => {
      const schema = `${freshSchema()} "odd'`;
      const engines = await Promise.all(
        Array.from({ length: 5 }, (_, index) => open({ schema, node: `node-${index}` })),
      );
      const ids = await Promise.all(engines.map(async (engine) => (await engine.state()).shared?.id));
      expect(new Set(ids).size).toBe(1);
      expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    });

    it("reports its name, that it is durable, and no files of its own", async () => {
      const engine = await open();
      expect([engine.name, engine.isDurable, engine.lanes, await engine.fileBytes()]).toEqual([
        "postgres",
        true,
        2,
        null,
      ]);
    });

    it("of a newer format is refused, with what to start", async () => {
      const schema = freshSchema();
      await open({ schema });
      await server.sql(`UPDATE ${schema}.store SET format = 99`);
      await expect(open({ schema })).rejects.toMatchObject({
        code: "STORAGE_FAILED",
        message: expect.stringMatching(
          /has the store format 99.*Start the version of shardgate that last used the store/,
        ),
      });
    });

    it("is refused in a database whose encoding is not UTF8", async () => {
      await server.sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
      await expect(open({ database: "ascii" })).rejects.toMatchObject({
        code: "STORAGE_FAILED",
        message: expect.stringContaining("Create a database with ENCODING 'UTF8'"),
      });
    });

    it("is refused on a server that is too old", async () => {
      const row = { version: 130_011, name: "13.11", encoding: "UTF8", database: "postgres" };
      await expect(makeStore(async () => [row], "any")).rejects.toMatchObject({
        code: "STORAGE_FAILED",
        message: expect.stringContaining("PostgreSQL 13.11. Use PostgreSQL 14 or newer."),
      });
    });

    it("that cannot be opened says what to do about user, password, database and rights", async () => {
      await server.sql("CREATE ROLE weak LOGIN PASSWORD 'secret'");
      const schema = freshSchema();
      await open({ schema });
      for (const [rest, advice] of [
        [{ password: async () => "wrong" }, /Check the user of --store and its password/],
        [{ user: "stranger" }, /Check the user of --store and its password/],
        [{ database: "missing" }, /Create the database/],
        [{ user: "weak" }, /Grant the user of --store/],
        [{ user: "weak", schema }, /Grant the user of --store/],
      ] as const) {
        await expect(open(rest)).rejects.toMatchObject({
          code: "STORAGE_FAILED",
          message: expect.stringMatching(advice),
        });
      }
      const nowhere = open({ hosts: [{ host: "127.0.0.1", port: 1 }] });
      await expect(nowhere).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
    });

    it("is used with the rights on its tables alone", async () => {
      const schema = freshSchema();
      await open({ schema });
      await server.sql(
        `CREATE ROLE user1 LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA ${schema} TO user1; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO user1`,
      );
      const engine = await open({ schema, user: "user1" });
      await claimAll(engine);
      await fill(engine, ["a"]);
      expect(await keys(engine)).toEqual(["a"]);
    });

    it("whose tables were dropped says so", async () => {
      const schema = freshSchema();
      const engine = await open({ schema });
      await server.sql(`DROP SCHEMA ${schema} CASCADE`);
      await expect(engine.stats(nowMs)).rejects.toMatchObject({
        code: "STORAGE_FAILED",
        message: expect.stringContaining("Tables of the store are missing"),
      });
    });

    it("can be read by people with SQL", async () => {
      const schema = freshSchema();
      const engine = await open({ schema });
      await claimAll(engine);
      await write(engine, [put("käse🦊", '{"a": 1.10}', { expiry: { kind: "ttl", seconds: 60 } })], nowMs);
      const rows =
        await server.sql(`SELECT json_build_array(shard, key, value, version, created AT TIME ZONE 'UTC', expires - created)::text
        FROM ${schema}.readable`);
      expect(JSON.parse(rows)).toEqual([0, "käse🦊", '{"a": 1.10}', 1, "2026-01-31T12:00:00", "00:01:00"]);
    });

    it("reaches its entries through indexes only", async () => {
      const schema = freshSchema();
      const scans = (): Promise<string> =>
        server.sql(
          `SELECT (sum(seq_scan), min(idx_scan) > 0)::text FROM pg_stat_user_tables WHERE schemaname = '${schema}' AND relname IN ('entries', 'tombstones')`,
        );
      const maker = await PostgresEngine.open(optionsAt(server, { schema }));
      await maker.close();
      // Each of the five indexes was made by a scan.
      await eventually(async () => expect(await scans()).toBe("(5,f)"));
      const engine = await PostgresEngine.open(optionsAt(server, { schema }));
      await claimAll(engine);
      await fill(
        engine,
        Array.from({ length: 50 }, (_, index) => `k${index}`),
      );
      await write(engine, [put("e", "1", { expiry: { kind: "ttl", seconds: 1 } }), remove("k1")], nowMs);
      await page(engine);
      await page(engine, { isReverse: true });
      await engine.changes({ shard: shard(0), epoch: null, cursor: null, limit: 10, bytesMax: 100 });
      for (const atMs of [nowMs, nowMs + 1000]) {
        await engine.stats(atMs);
        await engine.state();
        await engine.sweep(atMs, 10);
      }
      await engine.close();
      await eventually(async () => expect(await scans()).toBe("(5,t)"));
    });
  });

  describe("a row that was changed by hand", () => {
    it.each(["value = '2'", "version = 7", "expires_ms = 9e14", "created_ms = 1", "checksum = checksum + 1"])(
      "(%s) is refused with ENTRY_DAMAGED wherever it is read, and others are not",
      async (change) => {
        const schema = freshSchema();
        const engine = await open({ schema });
        await claimAll(engine);
        await fill(engine, ["a", "b"]);
        await server.sql(`UPDATE ${schema}.entries SET ${change} WHERE key = 'a'`);
        const outcomes = await read(engine, [get("a"), get("b"), scan(), scan({ after: "a" })], noBudget);
        expect(outcomes).toMatchObject([
          { kind: "refused", code: "ENTRY_DAMAGED", message: expect.stringContaining('key "a" in shard 0') },
          { kind: "found" },
          { code: "ENTRY_DAMAGED" },
          { kind: "page" },
        ]);
        const feed = await engine.changes({ shard: shard(0), epoch: null, cursor: null, limit: 10, bytesMax: 1e6 });
        expect(feed).toMatchObject({ code: "ENTRY_DAMAGED" });
        const conflicts = [put("a", "1", { condition: { kind: "ifAbsent" } }), put("b", "1")];
        expect(await write(engine, conflicts, nowMs)).toMatchObject([{ code: "ENTRY_DAMAGED" }, { kind: "written" }]);
      },
    );

    it("is replaced by a put, and the figures are those of the entries again", async () => {
      const schema = freshSchema();
      const engine = await open({ schema });
      await claimAll(engine);
      await fill(engine, ["a", "b"]);
      await server.sql(`UPDATE ${schema}.entries SET value = repeat('x', 10000) WHERE key = 'a'`);
      await write(engine, [put("a", "1"), remove("b")], nowMs);
      expect(await find(engine, "a")).toMatchObject({ value: "1" });
      expect((await engine.stats(nowMs)).get(shard(0))).toMatchObject({ keyCount: 1, sizeBytes: 2 });
    });
  });

  describe("a read of large values", () => {
    const large = JSON.stringify("x".repeat(200_000));
    const all = Array.from({ length: 20 }, (_, index) => `k${String(index).padStart(2, "0")}`);
    const budget = { nowMs, answerBytesMax: 1_000_000 };

    /** Counts the bytes of rows that the pool brings. */
    class CountingPool extends PrimaryPool {
      readonly #count: (rows: readonly Row[]) => void;

      constructor(options: PrimaryPoolOptions, count: (rows: readonly Row[]) => void) {
        super({ ...options, callMs: patientCallMs });
        this.#count = count;
      }

      override async run(...call: Parameters<PrimaryPool["run"]>): Promise<readonly Row[]> {
        const rows = await super.run(...call);
        this.#count(rows);
        return rows;
      }
    }

    it("brings no more than one answer holds into memory", async () => {
      let bytes = 0;
      const count = (rows: readonly Row[]): void => {
        for (const row of rows) bytes += String(row["line"] ?? "").length;
      };
      const engine = await open({ openPool: (options) => new CountingPool(options, count) });
      await claimAll(engine);
      for (const key of all) await write(engine, [put(key, large)], nowMs);
      const outcomes = await read(engine, [...all.map((key) => get(key)), scan()], budget);
      expect(outcomes.map(({ kind }) => kind)).toEqual([
        ...all.slice(0, 5).map(() => "found"),
        ...all.slice(5).map(() => "refused"),
        "refused",
      ]);
      // Gets and scans are read up to the budget each, and one or two values beyond.
      expect(bytes).toBeGreaterThan(1_000_000);
      expect(bytes).toBeLessThan(3_000_000);
      bytes = 0;
      const [listed] = await read(engine, [scan({ bytesMax: 500_000 })], budget);
      expect(listed).toMatchObject({ kind: "page", hasMore: true });
      expect(listed?.kind === "page" && listed.entries).toHaveLength(3);
      expect(bytes).toBeLessThan(1_000_000);
    });

    it("goes on behind expired entries and operations that are refused, within one snapshot", async () => {
      const engine = await open();
      await claimAll(engine);
      const expiry = { kind: "ttl", seconds: 1 } as const;
      const gone = Array.from({ length: 250 }, (_, index) => put(`a${index}`, "1", { expiry }));
      await write(engine, [...gone, ...all.map((key) => put(key, large)), put("z", "1")], nowMs);
      const later = { nowMs: nowMs + 1000, answerBytesMax: 2_000_000 };
      for (const isReverse of [false, true]) {
        const [listed] = await read(engine, [scan({ limit: 3, prefix: "a", isReverse })], later);
        expect(listed).toMatchObject({ kind: "page", entries: [], hasMore: false });
        const [first, second] = await read(
          engine,
          [scan({ limit: 4, isReverse }), scan({ limit: 2, before: "k02" })],
          later,
        );
        const found = isReverse ? ["z", "k19", "k18", "k17"] : ["k00", "k01", "k02", "k03"];
        expect(first?.kind === "page" && first.entries.map(({ key }) => key)).toEqual(found);
        expect(second?.kind === "page" && second.entries.map(({ key }) => key)).toEqual(["k00", "k01"]);
      }
      const many = [get("a1"), ...all.map((key) => get(key)), get("z")];
      const outcomes = await read(engine, many, { ...noBudget, nowMs: nowMs + 1000 });
      expect(outcomes.map(({ kind }) => kind)).toEqual(["notFound", ...all.map(() => "found"), "found"]);
      const twice = await read(
        engine,
        [...all, ...all].map((key) => get(key)),
        { nowMs, answerBytesMax: 7_000_000 },
      );
      expect(twice.filter(({ kind }) => kind === "found").length).toBe(35);
      expect(twice.reduce((sum, outcome) => sum + answerBytes(outcome), 0)).toBe(35 * large.length);
    });

    it("answers the conflicts of a group with their entries up to a bound", async () => {
      const engine = await open();
      await claimAll(engine);
      const value = JSON.stringify("x".repeat(1_000_000));
      const keysOfGroup = Array.from({ length: 40 }, (_, index) => `c${index}`);
      for (const key of keysOfGroup) await write(engine, [put(key, value)], nowMs);
      const conflicts = keysOfGroup.map((key) =>
        put(key, "1", { condition: { kind: "ifVersion", version: version("99") } }),
      );
      const outcomes = await write(engine, [...conflicts, put("c0", "2")], nowMs);
      expect(outcomes[0]).toMatchObject({ kind: "conflict", current: { key: "c0", value, version: "1" } });
      const refused = outcomes.filter(({ kind }) => kind === "refused");
      expect(refused).toHaveLength(6);
      expect(refused[0]).toMatchObject({ code: "BATCH_ANSWER_FULL" });
      expect(outcomes.at(-1)).toMatchObject({ kind: "written", isNew: false });
    });
  });

  it("receives arrays in the binary format as they are", async () => {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: server.port,
      user: "sg",
      password: "secret",
      database: "postgres",
    });
    await client.connect();
    const texts = ["", "a", null, "käse 🦊", '{"a",\\N}', "\ud83e"];
    const { rows } = await client.query(
      "SELECT $1::int[] AS ints, $2::float8[] AS floats, $3::text[] AS texts, $4::bytea[] AS bytes, $5::int[] AS none",
      [
        int4Array([0, -1, 2 ** 31 - 1]),
        float8Array([0, null, 2 ** 53 - 1, -1.5]),
        bytesArray("text", texts),
        bytesArray("bytea", [Buffer.of(0, 255), "é", null]),
        int4Array([]),
      ],
    );
    await client.end();
    expect(rows).toEqual([
      {
        ints: [0, -1, 2 ** 31 - 1],
        floats: [0, null, 2 ** 53 - 1, -1.5],
        texts: texts.map((text) => text?.toWellFormed() ?? null),
        bytes: [Buffer.of(0, 255), Buffer.from("é"), null],
        none: [],
      },
    ]);
  });
});
