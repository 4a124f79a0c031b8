/**
 * Registry stores on real servers that are killed or suspended while several processes' worth of writers change one
 * document: what was acknowledged is there at the end, and no version was given twice.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../src/cli/environment/system-clock.js";
import { ShardgateError } from "../../../src/core/error.js";
import type { RegistryStore } from "../../../src/registry/registry-store.js";
import { EtcdStore } from "../../../src/registry/stores/etcd/etcd-store.js";
import { PostgresStore } from "../../../src/registry/stores/postgres/postgres-store.js";
import { noTls } from "../../../src/tls/tls-source.js";
import { etcdPath, startEtcd, type EtcdMember } from "../../support/etcd.js";
import { hasPostgres, PostgresServer } from "../../support/postgres.js";
import { eventually } from "../../support/processes.js";

interface Engine {
  /** Whether the others go on without the server that fails. */
  readonly hasOthers: boolean;
  open(): RegistryStore;
  /** Resolves to what ends the fault. */
  fail(how: "SIGKILL" | "SIGSTOP"): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

const started: Engine[] = [];
afterEach(async () => {
  for (const engine of started.splice(0)) await engine.close();
});

const writers = 3;
const writesBetween = 20;

describe.each([
  ["etcd", etcdPath !== undefined, startEtcdEngine],
  ["PostgreSQL", hasPostgres, startPostgresEngine],
])("a registry in %s", (_, isInstalled, start) => {
  it.skipIf(!isInstalled).each(["SIGKILL", "SIGSTOP"] as const)(
    "loses no acknowledged change and gives no version twice when its server gets %s",
    async (how) => {
      const engine = await start();
      started.push(engine);
      const run = new WriterRun();
      const stores = Array.from({ length: writers }, () => engine.open());
      const onChange = vi.fn<() => void>();
      stores[0]?.watch(onChange);
      const working = stores.map((store, writer) => run.write(store, `w${writer}`));
      try {
        await run.acknowledges(writesBetween);
        const failures = run.failures;
        const goOn = await engine.fail(how);
        if (engine.hasOthers) await run.acknowledges(writesBetween);
        else await eventually(() => expect(run.failures).toBeGreaterThan(failures));
        await goOn();
        await run.acknowledges(writesBetween);
        onChange.mockClear();
        await run.acknowledges(1);
        await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
      } finally {
        run.end();
        await Promise.all(working);
      }
      const reader = engine.open();
      const last = await eventually(() => reader.load());
      for (const store of [...stores, reader]) await store.close();
      expect(run.acknowledged.filter((token) => !last?.text.split(",").includes(token))).toEqual([]);
      expect(run.contradictions).toEqual([]);
    },
  );
});

it.runIf(process.env["CI"] === "true")("has both engines in continuous integration, where nothing is skipped", () => {
  expect([etcdPath !== undefined, hasPostgres]).toEqual([true, true]);
});

/** Writers that add tokens to the document, and what they see of it. */
class WriterRun {
  readonly acknowledged: string[] = [];
  /** Versions that were seen with two texts. */
  readonly contradictions: number[] = [];
  failures = 0;
  readonly #texts = new Map<number, string>();
  #isEnding = false;

  async write(store: RegistryStore, name: string): Promise<void> {
    for (let number = 0; !this.#isEnding; number++) {
      try {
        const stored = await store.load();
        if (stored !== null) this.#see(stored.version, stored.text);
        const token = `${name}-${number}`;
        const next = { version: (stored?.version ?? 0) + 1, text: stored === null ? token : `${stored.text},${token}` };
        if (!(await store.compareAndSet(stored, next, null))) continue;
        this.#see(next.version, next.text);
        this.acknowledged.push(token);
      } catch (error) {
        if (!(error instanceof ShardgateError && error.code === "REGISTRY_UNAVAILABLE")) throw error;
        this.failures++;
      }
    }
  }

  end(): void {
    this.#isEnding = true;
  }

  /** Waits for as many more changes. */
  async acknowledges(count: number): Promise<void> {
    const until = this.acknowledged.length + count;
    await eventually(() => expect(this.acknowledged.length).toBeGreaterThanOrEqual(until));
  }

  #see(version: number, text: string): void {
    const known = this.#texts.get(version);
    if (known !== undefined && known !== text) this.contradictions.push(version);
    this.#texts.set(version, text);
  }
}

async function startEtcdEngine(): Promise<Engine> {
  const members = await startEtcd(3);
  const origins = members.map(({ origin }) => origin);
  return {
    hasOthers: true,
    open: () => new EtcdStore({ members: origins, prefix: "/r", credentials: null, tls: noTls, clock: systemClock }),
    async fail(how) {
      const leader = await leaderOf(members);
      if (how === "SIGKILL") await leader.run.stop(how);
      else leader.run.child.kill(how);
      return async () => void (how === "SIGSTOP" && leader.run.child.kill("SIGCONT"));
    },
    async close() {
      for (const { run } of members) {
        run.child.kill("SIGCONT");
        await run.stop("SIGKILL");
      }
    },
  };
}

async function leaderOf(members: readonly EtcdMember[]): Promise<EtcdMember> {
  for (const member of members) {
    const answer = await fetch(`${member.origin}/v3/maintenance/status`, { method: "POST", body: "{}" });
    const { leader, header } = (await answer.json()) as { leader: string; header: { member_id: string } };
    if (leader === header.member_id) return member;
  }
  throw new Error("etcd has no leader.");
}

async function startPostgresEngine(): Promise<Engine> {
  const server = await PostgresServer.start();
  const access = { hosts: [{ host: "127.0.0.1", port: server.port }], database: "postgres", user: "sg", tls: null };
  return {
    hasOthers: false,
    open: () => new PostgresStore({ ...access, password: async () => "secret", schema: "r", clock: systemClock }),
    async fail(how) {
      await server.signal(how);
      return () => (how === "SIGKILL" ? server.restart() : server.signal("SIGCONT"));
    },
    close: () => server.stop(),
  };
}
