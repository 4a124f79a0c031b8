/** `shardgate node --engine postgres` on a real PostgreSQL, from its options to its end. */
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { runCli } from "../../../src/cli/program.js";
import { CertificateAuthority } from "../../support/certificates.js";
import { hasPostgres, PostgresServer } from "../../support/postgres.js";
import { startPostgresLine } from "../../support/postgres-line.js";
import { freePorts, temporaryFolder } from "../../support/processes.js";
import { testEnvironment, type TestEnvironment } from "../test-environment.js";

const folder = temporaryFolder();
const authority = new CertificateAuthority();
let server: PostgresServer;
const serving: { readonly environment: TestEnvironment; readonly done: Promise<number> }[] = [];

beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start([], authority.issue());
});
afterEach(async () => {
  for (const { environment, done } of serving.splice(0)) {
    environment.send("SIGTERM");
    expect(await done).toBe(0);
  }
});
afterAll(async () => {
  if (hasPostgres) await server.stop();
  folder.remove();
});

function file(name: string, text: string): string {
  const place = path.join(folder.path, name);
  writeFileSync(place, text);
  return place;
}

/** What the command says first. `password`: of the variable. */
async function start(store: string, more: readonly string[] = [], password = ""): Promise<TestEnvironment> {
  const variable = (name: string) => (name === "SHARDGATE_STORE_PASSWORD" ? password : undefined);
  const environment = testEnvironment({ variable });
  const argv = ["node", "--port", "0", "--engine", "postgres", "--store", store, ...more];
  serving.push({ environment, done: runCli(argv, environment) });
  await vi.waitFor(() =>
    expect(environment.written.out + environment.written.err).toMatch(/listening|waits for its store|shardgate: /),
  );
  return environment;
}

const urlOf = ({ written: { out } }: TestEnvironment): string => out.trim().split(" ")[1] ?? "";
const at = (port: number, more = ""): string => `postgres://sg@127.0.0.1:${port}/postgres${more}`;

describe.skipIf(!hasPostgres)("node --engine postgres (skipped where no PostgreSQL is installed)", () => {
  it("keeps entries in the schema that the URL names, and finds them at the next start, without a folder", async () => {
    const own = ["--id", "stored-elsewhere"];
    const more = [...own, "--store-password-file", file("password", "secret\n")];
    const first = await start(at(server.port, "?schema=mine"), more);
    const put = await fetch(`${urlOf(first)}/shard/2/store/user123`, { method: "PUT", body: '{"n":1.10}' });
    expect(put.status).toBe(201);
    expect(await server.sql("SELECT value FROM mine.entries")).toBe('{"n":1.10}');
    first.send("SIGTERM");
    expect(await serving.pop()?.done).toBe(0);
    const second = await start(at(server.port, "?schema=mine"), own, "secret");
    expect(await (await fetch(`${urlOf(second)}/shard/2/store/user123`)).text()).toBe('{"n":1.10}');
    expect(await (await fetch(`${urlOf(second)}/health`)).json()).toMatchObject({ engine: "postgres" });
    expect(existsSync("data/stored-elsewhere")).toBe(false);
  });

  it("reaches the database with TLS, and verifies it with the CA of the option", async () => {
    const more = ["--store-tls-ca", file("ca.pem", authority.cert)];
    const environment = await start(at(server.port, "?sslmode=verify-full"), more, "secret");
    expect(environment.written.out).toMatch(/^listening /);
    const other = file("other.pem", new CertificateAuthority().cert);
    const refused = await start(at(server.port, "?sslmode=verify-full"), ["--store-tls-ca", other], "secret");
    expect(refused.written.err).toContain("waits for its store before it serves, and tries again every second.");
  });

  it("waits for a database that does not answer, until it is asked to stop", async () => {
    const [port = 0] = await freePorts(1);
    const environment = await start(at(port));
    expect(environment.written.err).toContain("The storage node waits for its store before it serves");
    expect(environment.written.out).toBe("");
  });

  it("records its start again when the answer to that was lost, instead of ending", async () => {
    const line = await startPostgresLine(server.port);
    line.cutAtAnswer = "COMMIT";
    const environment = await start(at(line.port, "?schema=mine"), [], "secret");
    expect(environment.written.err).toMatch(/waits for its store before it serves[^\n]*The reply of the database/);
    line.cutAtAnswer = null;
    await vi.waitFor(() => expect(environment.written.out).toMatch(/^listening /));
    onTestFinished(() => line.close());
  });

  it("does not wait for a database that refuses it, and says what to check", async () => {
    const environment = await start(at(server.port), [], "wrong");
    const [run] = serving.splice(0);
    expect(await run?.done).toBe(1);
    expect(environment.written.err).toMatch(/shardgate: [^\n]*password authentication failed[^\n]*--store/);
  });
});
