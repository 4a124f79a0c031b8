/** PostgresEngine while its database fails over in the middle of writes, to a standby that lacks the newest of them. */
import { describe, expect, it, onTestFinished } from "vitest";
import { PrimaryPool } from "../../../src/postgres/primary-pool.js";
import type { StorageEngine } from "../../../src/storage/engine.js";
import { PostgresEngine } from "../../../src/storage/postgres/postgres-engine.js";
import { hasPostgres, PostgresServer } from "../../support/postgres.js";
import { startPostgresLine } from "../../support/postgres-line.js";
import { eventually } from "../../support/processes.js";
import { RecordLog } from "../../support/record-log.js";
import { changeClaims, claim, find, nowMs, put, shard, write } from "../../conformance/storage-operations.js";
import { freshSchema, optionsAt } from "./postgres-stores.js";

const shards = [0, 1, 2, 3];

interface Acknowledged {
  readonly number: number;
  readonly key: string;
  readonly version: string;
}

/** Writes to one shard, key after key, and claims it anew when the engine asks for that. */
class Writer {
  readonly acknowledged: Acknowledged[] = [];
  readonly #engine: StorageEngine;
  readonly #number: number;
  #epoch = 1;
  #isStopped = false;

  constructor(engine: StorageEngine, number: number) {
    this.#engine = engine;
    this.#number = number;
  }

  async run(): Promise<void> {
    for (let index = 0; !this.#isStopped; index++) {
      // What fails may or may not have been written.
      await this.#write(`k${this.#number}.${index}`).catch(() => new Promise((resolve) => setImmediate(resolve)));
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  get count(): number {
    return this.acknowledged.length;
  }

  async #write(key: string): Promise<void> {
    const number = this.#number;
    const [outcome] = await write(this.#engine, [put(key, "1", { shard: shard(number) })], nowMs, this.#epoch);
    if (outcome?.kind === "written") {
      this.acknowledged.push({ number, key, version: outcome.facts.version ?? "" });
      return;
    }
    if (!this.#engine.outdatedClaims().some((outdated) => outdated.shard === number)) return;
    await changeClaims(this.#engine, claim(this.#epoch + 1, { shard: shard(number) }));
    this.#epoch++;
  }
}

describe.skipIf(!hasPostgres)("on a real PostgreSQL (skipped where `npm ci` brings none and none is installed)", () => {
  it("gives no version twice, and keeps what was acknowledged after it", { timeout: 120_000 }, async () => {
    const primary = await PostgresServer.start();
    const standby = await primary.startStandby();
    const line = await startPostgresLine(primary.port);
    const log = new RecordLog();
    const openPool = (options: ConstructorParameters<typeof PrimaryPool>[0]) =>
      new PrimaryPool({ ...options, callMs: 2_000 });
    const schema = freshSchema();
    const engine = await PostgresEngine.open(optionsAt(line, { log, openPool, schema }));
    onTestFinished(async () => {
      await engine.close();
      await line.close();
      await standby.stop();
    });
    await changeClaims(engine, ...shards.map((number) => claim(1, { shard: shard(number) })));
    const writers = shards.map((number) => new Writer(engine, number));
    const running = writers.map((writer) => writer.run());
    const reach = (count: number): Promise<void> =>
      eventually(async () => {
        if (writers.some((writer) => writer.count < count)) throw new Error("not yet");
      });
    const copied = async (): Promise<void> => {
      const [sent, received] = [
        await primary.sql(`SELECT count(*) FROM ${schema}.entries`),
        await standby.sql(`SELECT count(*) FROM ${schema}.entries`),
      ];
      if (Number(received) === 0 || Number(sent) < Number(received)) throw new Error("not yet");
    };
    await reach(10);
    await eventually(copied);
    await standby.signal("SIGKILL");
    const isCopied = writers.map((writer) => writer.count);
    await reach(Math.max(...isCopied) + 10);
    await primary.signal("SIGKILL");
    const beforeFailover = writers.map((writer) => writer.count);
    await standby.restart();
    await standby.promote();
    line.target = standby.port;
    await reach(Math.max(...beforeFailover) + 20);
    for (const writer of writers) writer.stop();
    await Promise.all(running);

    const all = writers.flatMap(({ acknowledged }) => acknowledged);
    expect(new Set(all.map(({ number, version }) => `${number}/${version}`)).size).toBe(all.length);
    const after = writers.flatMap(({ acknowledged }, index) => acknowledged.slice(beforeFailover[index]));
    for (const { number, key, version } of after) {
      expect(await find(engine, key, nowMs, number)).toMatchObject({ version });
    }
    const lost = log.lines.filter(({ level }) => level === "error");
    expect(lost.length).toBeGreaterThan(0);
    for (const { message } of lost) expect(message).toContain("lost acknowledged writes");
  });
});
