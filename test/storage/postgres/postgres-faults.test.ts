/** What PostgresEngine does when its database loses replies, hangs, restarts, fails over or refuses. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/cli/environment/system-clock.js";
import { versionsPerEpoch } from "../../../src/core/limits.js";
import { PrimaryPool } from "../../../src/postgres/primary-pool.js";
import type { StorageEngine } from "../../../src/storage/engine.js";
import { PostgresEngine, type PostgresEngineOptions } from "../../../src/storage/postgres/postgres-engine.js";
import { hasPostgres, PostgresServer } from "../../support/postgres.js";
import { startPostgresLine, type PostgresLine } from "../../support/postgres-line.js";
import { eventually } from "../../support/processes.js";
import { RecordLog } from "../../support/record-log.js";
import {
  changeClaims,
  claim,
  find,
  get,
  nowMs,
  noBudget,
  put,
  read,
  shard,
  write,
} from "../../conformance/storage-operations.js";
import { optionsAt } from "./postgres-stores.js";

let server: PostgresServer;
beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start();
});
afterAll(async () => {
  if (hasPostgres) await server.stop();
});

describe.skipIf(!hasPostgres)("on a real PostgreSQL (skipped where `npm ci` brings none and none is installed)", () => {
  let line: PostgresLine;
  let log: RecordLog;
  const opened: StorageEngine[] = [];
  beforeEach(async () => {
    line = await startPostgresLine(server.port);
    log = new RecordLog();
  });
  afterEach(async () => {
    for (const engine of opened.splice(0)) await engine.close();
    await line.close();
  });

  async function open(rest: Partial<PostgresEngineOptions> = {}): Promise<PostgresEngine> {
    const engine = await PostgresEngine.open(optionsAt(line, { log, ...rest }));
    opened.push(engine);
    await changeClaims(engine, ...[0, 1, 4].map((number) => claim(1, { shard: shard(number) })));
    return engine;
  }

  /** All in one lane. */
  const group = (value: string) => [put("a", value), put("b", value), put("c", value, { shard: shard(4) })];
  const valuesOf = async (engine: StorageEngine) =>
    (await read(engine, [get("a"), get("b"), get("c", 4)], noBudget)).map((outcome) =>
      outcome.kind === "found" ? outcome.entry.value : outcome.kind,
    );
  const logged = (level: string) => log.lines.filter((entry) => entry.level === level);

  describe("PostgresEngine", () => {
    it.each<readonly [string, Partial<PostgresLine>, string]>([
      ["after it happened", { cutAtAnswer: "COMMIT" }, "2"],
      ["before it arrived", { cutBefore: "COMMIT" }, "1"],
    ])(
      "answers OUTCOME_UNKNOWN when a commit's reply is lost %s, and the group is there or not",
      async (_, cut, left) => {
        const engine = await open();
        await write(engine, group("1"), nowMs);
        Object.assign(line, cut);
        await expect(write(engine, group("2"), nowMs)).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
        Object.assign(line, { cutAtAnswer: null, cutBefore: null });
        expect(await valuesOf(engine)).toEqual([left, left, left]);
        const next = left === "2" ? "5" : "3";
        expect(await write(engine, [put("a", "3")], nowMs)).toMatchObject([{ facts: { version: next } }]);
      },
    );

    it("answers SHARD_UNAVAILABLE when the connection is lost before a commit was sent", async () => {
      const engine = await open();
      line.cutBefore = "FOR UPDATE";
      await expect(write(engine, group("1"), nowMs)).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
      line.cutBefore = null;
      expect(await valuesOf(engine)).toEqual(["notFound", "notFound", "notFound"]);
    });

    it("neither reads nor writes on a server that takes no writes, and goes on when it does", async () => {
      const engine = await open();
      await write(engine, group("1"), nowMs);
      const setReadOnly = async (value: "on" | "off"): Promise<void> => {
        await server.sql(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
        await server.sql("SELECT pg_reload_conf()");
        await eventually(async () => {
          if ((await server.sql("SHOW default_transaction_read_only")) !== value) throw new Error("not yet");
        });
      };
      await setReadOnly("on");
      try {
        await eventually(async () => {
          await expect(write(engine, group("2"), nowMs)).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
        });
        await expect(valuesOf(engine)).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
      } finally {
        await setReadOnly("off");
      }
      expect(await valuesOf(engine)).toEqual(["1", "1", "1"]);
      expect(await write(engine, [put("a", "2")], nowMs)).toMatchObject([{ kind: "written" }]);
      expect(engine.outdatedClaims()).toEqual([]);
    });

    it("gives a server that hangs one deadline, and works again when it answers", async () => {
      const engine = await open({ openPool: (options) => new PrimaryPool({ ...options, callMs: 500 }) });
      await write(engine, group("1"), nowMs);
      await server.signal("SIGSTOP");
      try {
        const calls = [write(engine, group("2"), nowMs), valuesOf(engine), engine.stats(nowMs), engine.state()];
        for (const call of await Promise.allSettled(calls)) {
          expect(call).toMatchObject({ status: "rejected", reason: { code: "SHARD_UNAVAILABLE" } });
        }
      } finally {
        await server.signal("SIGCONT");
      }
      await eventually(async () => expect(await valuesOf(engine)).toEqual(["1", "1", "1"]));
    });

    it("says that it cannot reach a server that hangs, once nothing was answered for a while, and no longer when it answers", async () => {
      let passedMs = 0;
      const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
      const engine = await open({ clock, openPool: (options) => new PrimaryPool({ ...options, callMs: 500 }) });
      passedMs += 60_000;
      expect(engine.isStoreLost).toBe(false);
      await server.signal("SIGSTOP");
      try {
        await expect(engine.sweep(nowMs, 10)).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
        passedMs += 60_000;
        expect(engine.isStoreLost).toBe(true);
      } finally {
        await server.signal("SIGCONT");
      }
      await eventually(async () => engine.sweep(nowMs, 10));
      passedMs += 60_000;
      expect(engine.isStoreLost).toBe(false);
    });

    it("reaches a database that makes it refuse, because what fails then is not the way to it", async () => {
      let passedMs = 0;
      const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
      const engine = await open({ clock });
      const refuse = () => {
        throw new Error("not this one");
      };
      await expect(engine.changeState(refuse)).rejects.toThrow("not this one");
      passedMs += 60_000;
      expect(engine.isStoreLost).toBe(false);
    });

    it("takes new epochs after the server was killed and restarted, before it writes again", async () => {
      const engine = await open();
      await write(engine, group("1"), nowMs);
      await server.signal("SIGKILL");
      await expect(write(engine, group("2"), nowMs)).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
      await server.restart();
      expect(await valuesOf(engine)).toEqual(["1", "1", "1"]);
      const [refused] = await write(engine, [put("a", "2")], nowMs);
      expect(refused).toMatchObject({ kind: "refused", code: "SHARD_UNAVAILABLE" });
      expect(await write(engine, [put("a", "2")], nowMs, 2)).toMatchObject([{ code: "SHARD_NOT_HOSTED" }]);
      expect(engine.outdatedClaims().map(({ shard, epoch }) => [shard, epoch])).toEqual([
        [0, 1],
        [1, 1],
        [4, 1],
      ]);
      expect((await engine.sweep(nowMs, 10)).expired).toBe(0);
      await changeClaims(engine, claim(2));
      expect(engine.outdatedClaims().map(({ shard }) => shard)).toEqual([1, 4]);
      const [written] = await write(engine, [put("a", "2")], nowMs);
      expect(written).toMatchObject({ facts: { version: String(versionsPerEpoch + 1) } });
      expect(logged("error")).toEqual([]);
    });

    it("says which acknowledged writes a restored database lacks, and gives none of their versions again", async () => {
      const schema = "restored";
      const engine = await open({ schema });
      await engine.changeState(() => ({ document: "start 1", claims: [] }));
      await write(engine, group("1"), nowMs);
      await server.stop();
      await server.keepCopy();
      await server.restart();
      await expect(valuesOf(engine)).resolves.toEqual(["1", "1", "1"]);
      await changeClaims(engine, ...[0, 1, 4].map((number) => claim(2, { shard: shard(number) })));
      const [lost] = await write(engine, group("2"), nowMs);
      await server.stop();
      await server.takeCopy();
      await server.restart();
      expect(await valuesOf(engine)).toEqual(["1", "1", "1"]);
      expect(await write(engine, group("3"), nowMs)).toMatchObject(
        ["a", "b", "c"].map(() => ({ code: "SHARD_UNAVAILABLE" })),
      );
      const [line] = logged("error");
      expect(line?.message).toMatch(/^The database has lost acknowledged writes/);
      expect(line?.facts).toMatchObject({
        count: 2,
        shards: [
          { shard: 0, versionFound: 2, versionAcknowledged: versionsPerEpoch + 2 },
          { shard: 4, versionFound: 1, versionAcknowledged: versionsPerEpoch + 1 },
        ],
      });
      // The copy has the claim of epoch 1, and the registry must give more than the lost epoch 2.
      expect(engine.outdatedClaims().map(({ epoch }) => epoch)).toEqual([2, 2, 2]);
      await changeClaims(engine, claim(2));
      expect(await write(engine, [put("a", "3")], nowMs)).toMatchObject([{ code: "SHARD_UNAVAILABLE" }]);
      await changeClaims(engine, claim(3));
      const [written] = await write(engine, [put("a", "3")], nowMs);
      const versionIn = (outcome: typeof lost): number =>
        outcome?.kind === "written" ? Number(outcome.facts.version) : Number.NaN;
      expect(versionIn(written)).toBeGreaterThan(versionIn(lost));
    });

    it("neither reads nor writes over a database that lacks the node's newest document, until one is written over what it has", async () => {
      const engine = await open();
      await engine.changeState(() => ({ document: "start 1", claims: [] }));
      await server.stop();
      await server.keepCopy();
      await server.restart();
      await engine.changeState(() => ({ document: "start 2", claims: [] }));
      await server.stop();
      await server.takeCopy();
      await server.restart();
      for (const call of [
        () => valuesOf(engine),
        () => write(engine, group("1"), nowMs),
        () => engine.sweep(nowMs, 1),
      ]) {
        await expect(call()).rejects.toMatchObject({
          code: "STORAGE_FAILED",
          message: expect.stringContaining("lacks the newest record of this storage node"),
        });
      }
      expect((await engine.state()).document).toBe("start 1");
      await expect(valuesOf(engine)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
      await engine.changeState(() => ({ document: "start 3", claims: [] }));
      await changeClaims(engine, claim(2));
      expect(await write(engine, [put("a", "1")], nowMs)).toMatchObject([{ kind: "written" }]);
    });

    it("notices a lost tail by the shard's row alone", async () => {
      const schema = "shortened";
      const engine = await open({ schema });
      await write(engine, group("1"), nowMs);
      await server.sql(`UPDATE ${schema}.shards SET sequence = 1 WHERE shard = 0`);
      expect(await write(engine, [put("a", "2")], nowMs)).toMatchObject([{ code: "SHARD_UNAVAILABLE" }]);
      expect(logged("error")).toMatchObject([
        { facts: { shards: [{ shard: 0, versionFound: 1, versionAcknowledged: 2 }] } },
      ]);
      expect(engine.outdatedClaims()).toHaveLength(3);
    });

    it("claims a shard whose former owner was suspended between its writes and COMMIT", async () => {
      const schema = "suspended";
      const former = await open({ schema, node: "node-1" });
      await write(former, [put("a", "1")], nowMs);
      const suspended = new pg.Client({
        host: "127.0.0.1",
        port: server.port,
        user: "sg",
        password: "secret",
        database: "postgres",
      });
      const ended = new Promise((resolve) => suspended.on("error", resolve));
      await suspended.connect();
      await suspended.query("BEGIN");
      await suspended.query(`UPDATE ${schema}.shards SET sequence = sequence + 1 WHERE shard = 0`);
      const next = await PostgresEngine.open(optionsAt(line, { schema, node: "node-2" }));
      opened.push(next);
      await changeClaims(next, claim(2));
      expect(await write(next, [put("a", "2")], nowMs)).toMatchObject([
        { facts: { version: String(versionsPerEpoch + 1) } },
      ]);
      await ended;
      expect(await write(former, [put("a", "3")], nowMs, 1)).toMatchObject([{ code: "STALE_EPOCH" }]);
      expect(await read(former, [get("a")], noBudget, 1)).toMatchObject([{ code: "STALE_EPOCH" }]);
    });

    it("says that another session holds the row when it may not end that session", async () => {
      const schema = "held";
      await open({ schema });
      await server.sql(
        `CREATE ROLE plain LOGIN PASSWORD 'secret'; GRANT ALL ON SCHEMA ${schema} TO plain; GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO plain`,
      );
      const openPool = (options: ConstructorParameters<typeof PrimaryPool>[0]) =>
        new PrimaryPool({ ...options, callMs: 1000 });
      const engine = await PostgresEngine.open(optionsAt(line, { schema, user: "plain", node: "node-2", openPool }));
      opened.push(engine);
      const holder = new pg.Client({
        host: "127.0.0.1",
        port: server.port,
        user: "sg",
        password: "secret",
        database: "postgres",
      });
      await holder.connect();
      await holder.query(`BEGIN; SELECT FROM ${schema}.shards WHERE shard = 0 FOR UPDATE`);
      const claimed = changeClaims(engine, claim(2));
      await expect(claimed).rejects.toMatchObject({
        code: "SHARD_UNAVAILABLE",
        message: expect.stringContaining("Another session"),
      });
      await holder.end();
      await changeClaims(engine, claim(2));
      expect(await find(engine, "a")).toBeNull();
    });

    it("writes the shards of one node from several processes at once, each version once", async () => {
      const schema = "workers";
      const first = await open({ schema });
      const second = await PostgresEngine.open(optionsAt(line, { schema }));
      opened.push(second);
      const versions = await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const engine = index % 2 === 0 ? first : second;
          const outcomes = await write(engine, index % 4 < 2 ? group("1") : group("2").toReversed(), nowMs);
          return outcomes.map((outcome) => (outcome.kind === "written" ? Number(outcome.facts.version) : outcome));
        }),
      );
      const ofShard0 = versions.flatMap((all, index) => (index % 4 < 2 ? all.slice(0, 2) : all.slice(1)));
      expect(ofShard0.toSorted((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 80 }, (_, index) => index + 1),
      );
    });
  });
});
