import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Environment } from "../../../src/cli/environment/environment.js";
import { lockFolder } from "../../../src/cli/files/file-lock.js";
import { runCli } from "../../../src/cli/program.js";
import { rawRequest } from "../../gateway/rest/raw-request.js";
import { FakeClock } from "../../support/fake-clock.js";
import { hurriedClock } from "../../support/hurried-clock.js";
import { FakeSeat } from "./workers/fake-seat.js";
import { bytesOf, testEnvironment, type TestEnvironment } from "../test-environment.js";

let data: string;
let serving: { environment: TestEnvironment; done: Promise<number> }[] = [];
let occupant: Server;
let occupiedPort: number;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "shardgate-serve-"));
  occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen(0, "127.0.0.1", resolve));
  occupiedPort = (occupant.address() as AddressInfo).port;
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await stopAll();
  await new Promise((resolve) => occupant.close(resolve));
  await rm(data, { recursive: true });
});

/** Runs a command that serves until it is stopped; resolves to the URL it listens on. */
function serve(...argv: string[]): Promise<string> {
  return serveWith({}, ...argv);
}

async function serveWith(overrides: Partial<Environment>, ...argv: string[]): Promise<string> {
  const environment = testEnvironment(overrides);
  const done = runCli([...argv, "--port", "0"], environment);
  serving.push({ environment, done });
  await vi.waitFor(
    () => expect(environment.written.out + environment.written.err).toMatch(/listening .*\n|shardgate: /),
    10_000,
  );
  expect(environment.written.err).not.toMatch("shardgate: ");
  return environment.written.out.trim().split(" ")[1] ?? "";
}

/** Stops what serves, the last first; all must end well. */
async function stopAll(): Promise<void> {
  const running = serving.toReversed();
  serving = [];
  for (const { environment, done } of running) {
    environment.send("SIGTERM");
    expect(await done).toBe(0);
    expect(environment.handlers.size).toBe(0);
  }
}

/** Status and type of what a browser gets at /graphql. */
async function page(url: string): Promise<string> {
  const answer = await fetch(`${url}/graphql`, { headers: { accept: "text/html" } });
  return `${answer.status} ${answer.headers.get("content-type")}`;
}

/** What a start that fails says; one that finds a lock held waits for that first. */
async function failed(...argv: string[]): Promise<string> {
  const environment = testEnvironment({ clock: hurriedClock });
  expect(await runCli([...argv, "--log-level", "silent"], environment)).toBe(1);
  expect(environment.written.out).toBe("");
  expect(environment.written.err).toMatch(/^shardgate: [^\n]+\n$/);
  return environment.written.err;
}

describe("node", () => {
  it("keeps entries under its data folder and finds them at the next start", async () => {
    const first = await serve("node", "--id", "n1", "--data", data);
    const put = await fetch(`${first}/shard/2/store/user123`, { method: "PUT", body: '{"n":1.10}' });
    expect(put.status).toBe(201);
    await stopAll();
    await access(join(data, "n1"));
    const second = await serve("node", "--id", "n1", "--data", data);
    expect(await (await fetch(`${second}/shard/2/store/user123`)).text()).toBe('{"n":1.10}');
  });

  it("has its data folder locked as long as it runs, and not after a start that failed", async () => {
    const folder = join(data, "n1");
    await failed("node", "--id", "n1", "--data", data, "--port", String(occupiedPort));
    await serve("node", "--id", "n1", "--data", data);
    expect(await failed("node", "--id", "n1", "--data", data, "--port", "0")).toContain(
      `The data folder ${folder} is in use by another process (pid ${process.pid} `,
    );
    await stopAll();
    // A file that is no LMDB's is refused once the folder is locked.
    await writeFile(join(folder, "data.mdb"), "x".repeat(10_000));
    await failed("node", "--id", "n1", "--data", data, "--port", "0");
    await (await lockFolder(folder, hurriedClock)).release();
  });

  it("hands its lock to its workers, which take none themselves, and gives it up behind the last of them", async () => {
    const folder = join(data, "n1");
    const seat = new FakeSeat((worker) => void worker.serve());
    const environment = testEnvironment({ openSeat: async () => seat });
    const argv = ["node", "--id", "n1", "--data", data, "--workers", "2", "--port", "0"];
    const done = runCli(argv, environment);
    await vi.waitFor(() => expect(environment.written.out).toMatch(/^listening /));
    expect([seat.handed.length, seat.workers.length]).toEqual([1, 2]);
    await expect(lockFolder(folder, hurriedClock)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    environment.send("SIGTERM");
    expect(await done).toBe(0);
    await (await lockFolder(folder, hurriedClock)).release();
  });

  it("takes its options from the environment", async () => {
    vi.stubEnv("SHARDGATE_ID", "from-env");
    vi.stubEnv("SHARDGATE_ENGINE", "memory");
    const url = await serve("node", "--data", data);
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ id: "from-env", engine: "memory" });
  });

  it("logs why it stops", async () => {
    await serve("node", "--engine", "memory");
    const [node] = serving;
    await stopAll();
    expect(node?.environment.written.err).toContain('"reason":"SIGTERM"');
  });

  it("refuses a port in use and a data folder that is none, in one line", async () => {
    expect(await failed("node", "--engine", "memory", "--port", `${occupiedPort}`)).toContain(
      `Cannot listen on port ${occupiedPort} of 127.0.0.1: it is in use`,
    );
    await writeFile(join(data, "file"), "");
    expect(await failed("node", "--port", "0", "--data", join(data, "file"))).toContain(
      "a parent in the path is not a folder",
    );
    await writeFile(join(data, "node1"), "");
    expect(await failed("node", "--port", "0", "--data", data)).toContain("a file is there instead of a folder");
  });
});

describe("gateway", () => {
  it("keeps the registry under its data folder and refuses another number of shards", async () => {
    const url = await serve("gateway", "--data", data, "--shards", "4");
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(`${url}/ready`)).status).toBe(503);
    await stopAll();
    expect(await readFile(join(data, "registry.json"), "utf8")).toContain('"shardCount"');
    expect(await failed("gateway", "--port", "0", "--data", data, "--shards", "8")).toMatch(
      /4.*The number of shards and the key hash are fixed/,
    );
    await serve("gateway", "--data", data);
  });

  it("goes on serving after SIGTERM for its drain delay, while it is not ready", async () => {
    const clock = new FakeClock();
    const url = await serveWith({ clock }, "gateway", "--registry", "memory", "--drain-delay", "2000");
    serving[0]?.environment.send("SIGTERM");
    const ready = await rawRequest(url, "/ready");
    expect([ready.status, ready.json()]).toMatchObject([503, { code: "DRAINING" }]);
    await clock.advance(1999);
    expect((await rawRequest(url, "/health")).status).toBe(200);
    await clock.advance(1);
    expect(await serving.pop()?.done).toBe(0);
  });

  it.each([[[]], [["--workers", "2"]]])(
    "waits for a registry on servers that does not answer, until it is asked to stop (%j)",
    async (argv) => {
      const environment = testEnvironment({ openSeat: async () => new FakeSeat((worker) => void worker.serve()) });
      // A web server that is no etcd.
      const registry = `etcd://127.0.0.1:${occupiedPort}/shardgate`;
      const done = runCli(["gateway", "--port", "4000", "--registry", registry, ...argv], environment);
      await vi.waitFor(() => expect(environment.written.err).toContain("waits for its registry before it serves"));
      environment.send("SIGTERM");
      expect(await done).toBe(0);
      expect([environment.written.out, environment.handlers.size]).toEqual(["", 0]);
    },
  );

  it("logs its start and its stop at the general level, whatever level the lines of requests have", async () => {
    await serve("gateway", "--registry", "memory", "--drain-delay", "1", "--log-level", "info,requests=error");
    const { environment, done } = serving.pop() ?? {};
    environment?.send("SIGTERM");
    expect(await done).toBe(0);
    const lines = environment?.written.err ?? "";
    expect(lines).toContain("The gateway is listening.");
    expect(lines).toContain("The gateway is draining");
    expect(lines).not.toContain('"part":"requests"');
  });

  it("ends without its drain delay when a person stops it with Ctrl-C", async () => {
    await serve("gateway", "--registry", "memory", "--drain-delay", "600000");
    serving[0]?.environment.send("SIGINT");
    expect(await serving.pop()?.done).toBe(0);
  });

  it("refuses a broken registry file and leaves it as it is", async () => {
    const path = join(data, "other.json");
    await writeFile(path, '{"half":');
    expect(await failed("gateway", "--port", "0", "--registry", path)).toContain(
      "Restore the registry file from a backup",
    );
    expect(await readFile(path, "utf8")).toBe('{"half":');
  });

  it("writes no file when its registry is in memory", async () => {
    const url = await serve("gateway", "--data", data, "--registry", "memory", "--shards", "4");
    expect(await (await fetch(`${url}/shards`)).json()).toMatchObject({ shardCount: 4 });
    await expect(access(join(data, "registry.json"))).rejects.toThrow("ENOENT");
  });

  it("serves the playground unless an option disables it", async () => {
    expect(await page(await serve("gateway", "--registry", "memory"))).toMatch(/ text\/html/);
    vi.stubEnv("SHARDGATE_NO_PLAYGROUND", "1");
    expect(await page(await serve("gateway", "--registry", "memory"))).not.toMatch(/ text\/html/);
  });

  it("serves the console unless an option disables it", async () => {
    const html = { headers: { accept: "text/html" } };
    const shown = await fetch(`${await serve("gateway", "--registry", "memory")}/`, html);
    expect(await shown.text()).toContain("console");
    vi.stubEnv("SHARDGATE_NO_CONSOLE", "1");
    expect((await fetch(`${await serve("gateway", "--registry", "memory")}/`, html)).status).toBe(404);
  });

  it("takes its limits from the environment or from options", async () => {
    vi.stubEnv("SHARDGATE_LIMIT", "value-bytes=4,batch-keys=1");
    const status = async (url: string, key: string): Promise<number> =>
      (await fetch(`${url}/data/${key}`, { method: "PUT", body: "12345" })).status;
    expect(await status(await serve("gateway", "--registry", "memory"), "k")).toBe(413);
    const options = ["--limit", "value-bytes=3", "--limit", "value-bytes=5"];
    expect(await status(await serve("gateway", "--registry", "memory", ...options), "k")).toBe(503);
  });

  it("discloses its schema as the options say, and not at all in production", async () => {
    const told = async (...options: readonly string[]) => {
      const url = await serve("gateway", "--registry", "memory", ...options);
      const errors = async (query: string): Promise<string> => {
        const headers = { "content-type": "application/json" };
        return (await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) })).text();
      };
      const page = await fetch(`${url}/graphql`, { headers: { accept: "text/html" } });
      return {
        introspection: !(await errors("{ __schema { queryType { name } } }")).includes('"errors"'),
        suggestions: (await errors("{ clustr { shardCount } }")).includes("Did you mean"),
        playground: (page.headers.get("content-type") ?? "").includes("text/html"),
        console: (await fetch(`${url}/`)).headers.get("content-type")?.includes("text/html"),
      };
    };
    const all = { introspection: true, suggestions: true, playground: true, console: true };
    expect(await told()).toEqual(all);
    expect(await told("--no-introspection")).toEqual({ ...all, introspection: false });
    vi.stubEnv("SHARDGATE_NO_SUGGESTIONS", "1");
    expect(await told()).toEqual({ ...all, suggestions: false });
    vi.unstubAllEnvs();
    vi.stubEnv("SHARDGATE_PRODUCTION", "1");
    expect(await told()).toEqual({ introspection: false, suggestions: false, playground: false, console: true });
    expect(await told("--production")).toEqual(await told());
  });

  it("answers the host names and web pages that the options allow", async () => {
    const origin = "https://app.example";
    const call = async (url: string, headers: Readonly<Record<string, string>>) => {
      const { status, headers: answered } = await rawRequest(url, "/health", { headers });
      return [status, answered["access-control-allow-origin"] ?? null];
    };
    const closed = await serve("gateway", "--registry", "memory");
    expect(await call(closed, { host: "a.example" })).toEqual([421, null]);
    expect(await call(closed, { origin })).toEqual([200, null]);
    vi.stubEnv("SHARDGATE_CORS", origin);
    const open = await serve(
      "gateway",
      "--registry",
      "memory",
      "--allow-host",
      "a.example",
      "--allow-host",
      "B.example",
    );
    expect(await call(open, { host: "b.example:4000", origin })).toEqual([200, origin]);
    expect(await call(open, { host: "a.example", origin: "https://other.example" })).toEqual([200, null]);
    const own = ["--advertise", "http://gateway1.internal:4000", "--allow-host", "a.example"];
    const named = await serve("gateway", "--registry", "memory", ...own);
    expect(await call(named, { host: "gateway1.internal:4000" })).toEqual([200, null]);
  });

  it("refuses a port in use in one line, and closes what it had opened", async () => {
    for (const registry of ["memory", join(data, "registry.json")]) {
      expect(await failed("gateway", "--registry", registry, "--port", `${occupiedPort}`)).toContain("it is in use");
    }
  });
});

describe("a gateway with storage nodes", () => {
  it("imports, serves and exports entries digit by digit", async () => {
    const gateway = await serve("gateway", "--data", data, "--shards", "4", "--nodes", "2");
    for (const id of ["n1", "n2"]) await serve("node", "--id", id, "--engine", "memory", "--gateway", gateway);
    await vi.waitFor(async () => expect((await fetch(`${gateway}/ready`)).status).toBe(200));
    const values = ["1.10", "12345678901234567890123", '"\\ud83d\\ude80"', '{ "toJSON": -0 }'];
    const text = Array.from(
      { length: 2500 },
      (_, index) => `{"key":"k${String(index).padStart(4, "0")}","value":${values[index % values.length]}}\n`,
    ).join("");
    const importing = testEnvironment({ stdin: bytesOf(text) });
    expect([await runCli(["import", "-", "-e", gateway], importing), importing.written.err]).toEqual([
      0,
      expect.stringMatching(/^imported 2,500 entries/),
    ]);
    const exporting = testEnvironment();
    expect([await runCli(["export", "-e", gateway], exporting), exporting.written.out === text]).toEqual([0, true]);
  });

  it("has those that were given several gateways, of which the first ones do not answer", async () => {
    const gateway = await serve("gateway", "--data", data, "--nodes", "3");
    const silent = `http://127.0.0.1:${occupiedPort}`;
    await new Promise((resolve) => occupant.close(resolve));
    const start = (id: string) => ["node", "--id", id, "--engine", "memory", "--gateway"];
    await serve(...start("commas"), `${silent}, ${gateway}`);
    await serve(...start("repeated"), silent, "--gateway", gateway);
    vi.stubEnv("SHARDGATE_GATEWAY", `${silent},${gateway}/`);
    await serve(...start("variable").slice(0, -1));
    await vi.waitFor(async () => expect((await fetch(`${gateway}/ready`)).status).toBe(200));
  });
});
