import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Environment } from "../../../../src/cli/environment/environment.js";
import { systemEnvironment } from "../../../../src/cli/environment/system-environment.js";
import { runCli } from "../../../../src/cli/program.js";
import { freePort } from "../../../../src/cli/serve/dev/free-port.js";
import {
  cannotRun,
  databaseFolder,
  passwordPath,
  postgresUser,
} from "../../../../src/cli/serve/dev/postgres-folder.js";
import { postgresPrograms } from "../../../../src/cli/serve/dev/postgres-programs.js";
import { postmasterPath, readPostmasterFile } from "../../../../src/cli/serve/dev/postmaster-file.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { hurriedClock } from "../../../support/hurried-clock.js";
import { temporaryFolder } from "../../../support/processes.js";
import { testEnvironment, type TestEnvironment } from "../../test-environment.js";

const folder = temporaryFolder();
// As root the server runs as another user, who has to reach its data.
chmodSync(folder.path, 0o755);
const data = join(folder.path, "data");
const { startProgram } = systemEnvironment("main.js");

let running: { readonly environment: TestEnvironment; readonly done: Promise<number> }[] = [];
afterEach(async () => {
  for (const { environment, done } of running) {
    environment.send("SIGTERM");
    await done;
  }
  running = [];
});
afterAll(() => folder.remove());

function run(overrides: Partial<Environment> = {}, port = 0) {
  const environment = testEnvironment({ startProgram, ...overrides });
  const done = runCli(["dev", "registry", "--port", `${port}`, "--data", data], environment);
  const one = { environment, done };
  running.push(one);
  return one;
}

/** Resolves to the port of the server, which takes connections. */
async function served({ environment }: ReturnType<typeof run>): Promise<number> {
  await vi.waitFor(() => expect(environment.written.out).toMatch(/^listening .*\n$/), {
    timeout: 30_000,
    interval: 20,
  });
  const port = Number(
    /^listening postgres:\/\/shardgate@127\.0\.0\.1:(\d+)\/postgres\n$/.exec(environment.written.out)?.[1],
  );
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket.destroy() && undefined)).once("error", reject);
  });
  return port;
}

async function stopped({ environment, done }: ReturnType<typeof run>): Promise<number> {
  environment.send("SIGTERM");
  return done;
}

/** A server on the database that is no child of the command: what is left when the command is killed. */
async function orphan() {
  const port = await freePort("127.0.0.1");
  const args = ["-D", databaseFolder(data), "-h", "127.0.0.1", "-p", `${port}`, "-c", "unix_socket_directories="];
  const program = startProgram(postgresPrograms()?.postgres ?? "", args, await postgresUser());
  program.said.resume();
  const ready = async () => expect(await readPostmasterFile(databaseFolder(data))).toMatchObject({ isReady: true });
  await vi.waitFor(ready, { timeout: 30_000 });
  return program;
}

describe("dev registry", () => {
  beforeAll(async () => {
    // Of a start that ended while the database was made.
    mkdirSync(`${databaseFolder(data)}.new`, { recursive: true });
    writeFileSync(join(`${databaseFolder(data)}.new`, "PG_VERSION"), "18\n");
    const first = run();
    await served(first);
    expect(await stopped(first)).toBe(0);
    running = [];
  }, 60_000);

  it("makes a database whose password only its user can read, and nothing of an unfinished one is left", async () => {
    expect(statSync(passwordPath(data)).mode & 0o777).toBe(0o600);
    expect((await readFile(passwordPath(data), "utf8")).trim()).toMatch(/^[\w-]{32}$/);
    expect(existsSync(`${databaseFolder(data)}.new`)).toBe(false);
    expect(existsSync(postmasterPath(databaseFolder(data)))).toBe(false);
  });

  it("serves the same database at the next start", async () => {
    const before = statSync(databaseFolder(data)).ino;
    const again = run();
    await served(again);
    expect(await stopped(again)).toBe(0);
    expect(statSync(databaseFolder(data)).ino).toBe(before);
  });

  it("is refused while another process serves the database", async () => {
    await served(run());
    const second = run({ clock: hurriedClock });
    expect(await second.done).toBe(1);
    expect(second.environment.written.err).toMatch(/^shardgate: The data folder .* is in use by another process/);
  });

  it("ends a server that outlived the command, and serves", async () => {
    const left = await orphan();
    await served(run());
    expect(await left.exited).toBe("exit code 0");
  });

  it("starts over the file of a killed server whose process id is another program's now", async () => {
    const lines = [process.pid, databaseFolder(data), "1", "1", "", "127.0.0.1", "0 0", "ready"];
    writeFileSync(postmasterPath(databaseFolder(data)), `${lines.join("\n")}\n`);
    await served(run());
  });

  it("ends with the reason when the server is killed", async () => {
    const one = run();
    await served(one);
    process.kill((await readPostmasterFile(databaseFolder(data)))?.pid ?? 0, "SIGKILL");
    expect(await one.done).toBe(1);
    expect(one.environment.written.err).toMatch(/\nshardgate: PostgreSQL ended \(SIGKILL\)/);
  });

  it("runs the server as another user only where it is root itself", async () => {
    const getuid = vi.spyOn(process, "getuid");
    getuid.mockReturnValue(1000);
    expect(await postgresUser()).toBeNull();
    getuid.mockReturnValue(0);
    expect((await postgresUser())?.name).toMatch(/^(postgres|nobody)$/);
    getuid.mockRestore();
  });

  it("says, as root, which other user has to reach the data", () => {
    const user = { name: "postgres", uid: 101, gid: 104 };
    const how = "spawn initdb EACCES";
    expect(cannotRun(how, "", user)).toMatch(
      /^PostgreSQL ended \(spawn initdb EACCES\)\. .* it runs as user postgres,/,
    );
    expect(cannotRun(how, "", null)).toBe("PostgreSQL ended (spawn initdb EACCES).");
    expect(cannotRun("SIGKILL", "", user)).toBe("PostgreSQL ended (SIGKILL).");
  });

  it("refuses a port that is in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const one = run({}, (server.address() as AddressInfo).port);
    expect(await one.done).toBe(1);
    expect(one.environment.written.err).toContain("it is in use");
    await new Promise((resolve) => server.close(resolve));
  });

  describe("with a server that only pretends to run", () => {
    const pretended = join(folder.path, "pretended");
    /** Ends at the first of these signals. */
    function pretend(endsAt: string, clock?: FakeClock) {
      mkdirSync(databaseFolder(pretended), { recursive: true });
      const signals: string[] = [];
      let end: (how: string) => void = () => undefined;
      const exited = new Promise<string>((resolve) => (end = resolve));
      const kill = (signal: string): void => {
        signals.push(signal);
        if (signal === endsAt) end(signal);
      };
      const program = { pid: 1, said: Readable.from([]), exited, kill };
      let starts = 0;
      const environment = testEnvironment({
        ...(clock === undefined ? {} : { clock }),
        startProgram: () => (starts++, program),
      });
      const done = runCli(["dev", "registry", "--data", pretended, "--port", "0"], environment);
      return { environment, done, signals, starts: () => starts };
    }

    it("can be stopped before it is ready", async () => {
      const { environment, done, signals, starts } = pretend("SIGINT");
      await vi.waitFor(() => expect(starts()).toBe(1));
      environment.send("SIGTERM");
      expect(await done).toBe(0);
      expect([signals, environment.written.out]).toEqual([["SIGINT"], ""]);
    });

    it("kills it when it does not end in time", async () => {
      const clock = new FakeClock();
      const { environment, done, signals, starts } = pretend("SIGKILL", clock);
      await vi.waitFor(() => expect(starts()).toBe(1));
      environment.send("SIGTERM");
      await vi.waitFor(async () => {
        await clock.advance(1_000);
        expect(signals).toEqual(["SIGINT", "SIGKILL"]);
      });
      expect(await done).toBe(0);
    });
  });

  it("says, of a server of an earlier start that does not end, which process to end", async () => {
    const left = startProgram(
      "/bin/sh",
      ["-c", "trap '' INT; echo up >&2; while :; do sleep 1; done", databaseFolder(data)],
      null,
    );
    await new Promise((resolve) => left.said.once("data", resolve));
    writeFileSync(postmasterPath(databaseFolder(data)), `${left.pid}\n`);
    const one = run({ clock: hurriedClock });
    expect(await one.done).toBe(1);
    expect(one.environment.written.err).toContain(`PostgreSQL (process ${left.pid}) of an earlier start still uses`);
    left.kill("SIGKILL");
    await left.exited;
  });

  it("has no programs for a platform that the package does not know", () => {
    expect(postgresPrograms("plan9-vax")).toBeNull();
  });

  it.each([
    ["initdb: error: no space left", "PostgreSQL ended (exit code 1): initdb: error: no space left."],
    ["error while loading shared libraries: libpq.so.5", "is incomplete: run `npm rebuild`"],
    ["FATAL:  database files are incompatible with server", "the file PG_VERSION beside the data names it"],
    ["", "PostgreSQL ended (exit code 1)."],
  ])("says what a program said that ended: %s", async (said, message) => {
    const other = join(folder.path, `other ${said.length}`);
    const environment = testEnvironment({
      startProgram: () => ({
        pid: 1,
        said: Readable.from([`${said}\n\n`]),
        exited: new Promise((resolve) => setImmediate(resolve, "exit code 1")),
        kill: () => undefined,
      }),
    });
    expect(await runCli(["dev", "registry", "--data", other, "--port", "0"], environment)).toBe(1);
    expect(environment.written.err).toContain(message);
    expect(existsSync(databaseFolder(other))).toBe(false);
  });
});
