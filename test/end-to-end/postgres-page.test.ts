/**
 * The commands and the SQL of docs/how-to/postgres.md on a real PostgreSQL with TLS, and what the page says of a storage node
 * that is killed and of a database that is restored.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CertificateAuthority } from "../support/certificates.js";
import { CommandPlace, internalHosts } from "../support/command-place.js";
import { examplesIn, fulfil } from "../support/markdown-examples.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { eventually, type Run } from "../support/processes.js";

const examples = examplesIn("docs/how-to/postgres.md");
const password = "a long random password";
const environment = { NODE_OPTIONS: internalHosts };

let place: CommandPlace;
let server: PostgresServer;
/** Of the gateway and the storage nodes, by the first words of their commands. */
const servers = new Map<string, Run>();
let startCommands: readonly string[] = [];

beforeAll(async () => {
  if (!hasPostgres) return;
  const authority = new CertificateAuthority();
  server = await PostgresServer.start([], authority.issue({ hosts: ["db.internal"] }));
  place = await CommandPlace.open();
  place.write("password", `${password}\n`, 0o600);
  place.write("db-ca.crt", authority.cert);
});
afterAll(async () => {
  if (!hasPostgres) return;
  for (const run of [...servers.values()].toReversed()) await run.stop();
  await server.stop();
  place.remove();
});

/** Statement by statement: a database is not created within a transaction. */
async function runSql(code: string): Promise<string> {
  const statements = code.trim().split(/(?<=;)\n/);
  const own = { database: /shardgate_store/.test(code) ? "shardgate" : "postgres" };
  let first = "";
  for (const statement of statements) first = await server.sql(statement, own);
  return first;
}

async function serve(command: string): Promise<void> {
  const name = /--id (\S+)/.exec(command)?.[1] ?? "gateway";
  servers.set(name, await place.serve(command.replace("@db.internal/", `@db.internal:${server.port}/`), environment));
}

const nodeCommands = (): readonly string[] => startCommands.filter((command) => command.includes("shardgate node "));

async function stopNodes(): Promise<void> {
  for (const name of ["node1", "node2", "node3"]) await servers.get(name)?.stop();
}

async function whole(): Promise<void> {
  await eventually(() => place.run("npx shardgate check"), 60_000);
}

describe.skipIf(!hasPostgres)("docs/how-to/postgres.md (skipped where no PostgreSQL is installed)", () => {
  it("has commands and statements that work in their order", { timeout: 120_000 }, async () => {
    for (const { heading, language, code, promised } of examples) {
      const at = `${heading}: ${code}`;
      if (language === "sql") {
        const row = await runSql(code);
        if (heading.startsWith("4") && code.startsWith("SELECT")) expect(row, at).toMatch(/^\d+$/);
        continue;
      }
      expect(language, at).toBe("sh");
      if (heading.startsWith("2") && code.includes("--engine postgres")) {
        startCommands = code.replaceAll("\\\n", " ").replaceAll(" &\n", "\n").trim().split("\n");
        for (const command of startCommands) await serve(command);
        await whole();
        continue;
      }
      const output = await place.run(code);
      if (promised !== null) expect(fulfil(promised, output), at).toBe(output);
    }
    expect(await server.sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'shardgate'")).toBe("false");
    const owner = "SELECT owner FROM shardgate_store.shards WHERE shard = 0";
    await eventually(async () => expect(await server.sql(owner, { database: "shardgate" })).toBe("node3"));
  });

  it("tells the truth about a storage node that is killed: others serve its keys", { timeout: 120_000 }, async () => {
    await place.run("npx shardgate put user/bob 1");
    process.kill(servers.get("node1")?.child.pid ?? 0, "SIGKILL");
    await servers.get("node1")?.ended();
    await whole();
    expect(JSON.parse(await place.run("npx shardgate get user/bob -o json"))).toMatchObject({ value: 1 });
  });

  it(
    "tells the truth about an older copy: it is refused until its loss is accepted",
    { timeout: 240_000 },
    async () => {
      await stopNodes();
      await server.stop();
      await server.keepCopy();
      await server.restart();
      for (const command of nodeCommands()) await serve(command);
      await whole();
      await place.run("npx shardgate put user/eve 2");
      await stopNodes();
      await server.stop();
      await server.takeCopy();
      await server.restart();
      for (const command of nodeCommands()) await serve(command);
      await eventually(async () =>
        expect((await place.run("npx shardgate node ls")).match(/STORE_NOT_RECOGNIZED/g)).toHaveLength(3),
      );
      for (const name of ["node1", "node2", "node3"]) await place.run(`npx shardgate node accept-loss ${name} --yes`);
      await whole();
      expect(JSON.parse(await place.run("npx shardgate get user/bob -o json"))).toMatchObject({ value: 1 });
      const lost = place.start("npx shardgate get user/eve");
      expect(await lost.ended()).toBe(3);
    },
  );
});
