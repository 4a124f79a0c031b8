import { createServer, type Server } from "node:http";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../../../../src/cli/program.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { FakeChild, testEnvironment } from "../../test-environment.js";

let data: string;
/** Stands for the gateway's process: answers GET /ready. */
let server: Server;
let readyStatus: number;
let readyBody: string;
let origin: string;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "shardgate dev-"));
  readyStatus = 200;
  readyBody = '{"status":"ready"}';
  server = createServer((request, response) => {
    response.writeHead(request.url === "/ready" ? readyStatus : 404).end(readyBody);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(data, { recursive: true });
});

/** Runs `shardgate dev`; `onStart` is called for every child that it starts. */
function startDev(onStart: (child: FakeChild, logPath: string) => void, options: string[] = [], clock?: FakeClock) {
  const children: FakeChild[] = [];
  const starts: (readonly string[])[] = [];
  const environment = testEnvironment({
    ...(clock === undefined ? {} : { clock }),
    startChild: (args, logPath) => {
      const child = new FakeChild(101 + children.length);
      starts.push(args);
      children.push(child);
      onStart(child, logPath);
      return child;
    },
  });
  const done = runCli(["dev", "--port", "0", "--data", data, ...options], environment);
  return { children, starts, environment, done };
}

/** Every child says at once that it listens. */
function listen(child: FakeChild): void {
  child.stdout.write(`something else\nlistening ${child.pid === 101 ? origin : `http://127.0.0.1:5${child.pid}`}\n`);
}

/** What dev says when its gateway ends at the start with `log` in its log file; null: without such a file. */
async function endAtStart(log: string | null): Promise<string> {
  const { environment, done } = startDev((child, logPath) => {
    void (log === null ? rm(logPath, { force: true }) : writeFile(logPath, log)).then(() => child.end("SIGKILL"));
  });
  expect(await done).toBe(1);
  return environment.written.err;
}

const readyLine = () => `\nready ${origin}/graphql\n`;

describe("dev", () => {
  it("starts the gateway, then the nodes, says what runs where, and says ready on a line of its own", async () => {
    const { children, starts, environment, done } = startDev(listen);
    await vi.waitFor(() => expect(environment.written.out).toContain(readyLine()));
    const lines = environment.written.out.split("\n");
    expect(lines[0]).toMatch(/^name +pid +url +what it is$/);
    expect(lines[1]).toMatch(new RegExp(`^gateway +101 +${origin} +console at /, GraphQL at /graphql, REST at /data$`));
    expect(lines[3]).toBe(`node2    103  http://127.0.0.1:5103   storage node, data in ${join(data, "node2")}`);
    expect(lines[5]).toBe(`logs in ${join(data, "logs")}`);
    expect(starts[0]).toEqual(
      ["gateway", "--port", "0", "--host", "127.0.0.1", "--nodes", "3", "--data", data].concat([
        "--registry",
        join(data, "registry.json"),
        "--log-level",
        "info",
        "--drain-delay",
        "0",
      ]),
    );
    expect(starts[3]).toEqual(
      ["node", "--id", "node3", "--port", "0", "--host", "127.0.0.1", "--data", data, "--engine", "lmdb"].concat([
        "--gateway",
        origin,
        "--log-level",
        "info",
      ]),
    );
    environment.send("SIGINT");
    expect(await done).toBe(0);
    expect(children.map(({ signals }) => signals)).toEqual([["SIGTERM"], ["SIGTERM"], ["SIGTERM"], ["SIGTERM"]]);
    expect(environment.written.err).toBe("");
    expect(environment.handlers.size).toBe(0);
  });

  it("hands its options down", async () => {
    const options = ["--nodes", "1", "--shards", "4", "--engine", "memory", "--log-level", "warn"];
    const { starts, environment, done } = startDev(listen, options);
    await vi.waitFor(() => expect(environment.written.out).toContain("\nready "));
    expect(starts).toHaveLength(2);
    expect(starts[0]?.join(" ")).toMatch(/--nodes 1 .*--shards 4 .*--log-level warn/);
    expect(starts[1]?.join(" ")).toMatch(/--engine memory .*--log-level warn/);
    expect(environment.written.out).toContain("storage node, data in memory only");
    environment.send("SIGTERM");
    expect(await done).toBe(0);
  });

  it("starts nothing when another engine keeps the data of the folder", async () => {
    await mkdir(join(data, "node1"));
    await writeFile(join(data, "node1", "data.mdb"), "");
    const { starts, environment, done } = startDev(listen, ["--engine", "postgres"]);
    expect(await done).toBe(2);
    expect(environment.written.err).toMatch(/^shardgate: [^\n]+ are kept by the engine lmdb[^\n]+\n$/);
    expect(starts).toEqual([]);
  });

  it("hands all of them where traces go", async () => {
    const options = ["--trace-endpoint", "http://127.0.0.1:4318/v1/traces", "--trace-sample", "0.5"];
    const { starts, environment, done } = startDev(listen, options);
    await vi.waitFor(() => expect(environment.written.out).toContain("\nready "));
    for (const start of starts) expect(start.join(" ")).toContain(options.join(" "));
    environment.send("SIGTERM");
    expect(await done).toBe(0);
  });

  it("hands the gateway what it serves", async () => {
    const options = ["--no-playground", "--no-console", "--persisted-documents", "some file.json", "--persisted-only"];
    options.push("--limit", "batch-keys=7", "--limit", "value-depth=3");
    options.push("--cors", "https://a.example,http://localhost:3000", "--allow-host", "gateway.example");
    const { starts, environment, done } = startDev(listen, options);
    await vi.waitFor(() => expect(environment.written.out).toContain("\nready "));
    expect(starts[0]).toEqual(expect.arrayContaining(options));
    expect(starts[1]?.join(" ")).not.toMatch(/playground|console|persisted|limit|cors|host .*example/);
    environment.send("SIGTERM");
    expect(await done).toBe(0);
  });

  it.each([
    ["0.0.0.0", "http://0.0.0.0:6000", "http://127.0.0.1:6000"],
    ["[::]", "http://[::]:6000", "http://[::1]:6000"],
  ])("calls a gateway that listens on %s on loopback", async (host, listening, called) => {
    const { starts, environment, done } = startDev(
      (child) => child.stdout.write(`listening ${child.pid === 101 ? listening : "http://127.0.0.1:1"}\n`),
      ["--host", host, "--insecure"],
    );
    await vi.waitFor(() => expect(starts).toHaveLength(4));
    expect(starts[0]).toContain("--insecure");
    expect(starts[1]).toContain(called);
    environment.send("SIGTERM");
    expect(await done).toBe(0);
  });

  it.each([
    [503, "shard 5 has no storage node"],
    [200, '{"status":"degraded","problems":["node1"]}'],
    [200, "null"],
    [200, "ready"],
  ])(
    "waits until the gateway says that it is ready, and shows its last answer when that takes long: %s %s",
    async (status, body) => {
      readyStatus = status;
      readyBody = body;
      const clock = new FakeClock();
      const { environment, done } = startDev(listen, [], clock);
      await vi.waitFor(async () => {
        await clock.advance(5_000);
        expect(environment.written.err).not.toBe("");
      });
      await vi.waitFor(async () => {
        await clock.advance(20_000);
        expect(clock.pendingTimers).toBe(1);
      });
      expect(environment.written.err).toBe(
        `not ready yet, still waiting; the logs may show why. The gateway at ${origin} reports: ${body}\n`,
      );
      expect(environment.written.out).not.toContain("\nready ");
      readyStatus = 200;
      readyBody = '{"status":"ready"}';
      await vi.waitFor(async () => {
        await clock.advance(50);
        expect(environment.written.out).toContain(readyLine());
      });
      environment.send("SIGINT");
      expect(await done).toBe(0);
    },
  );

  it("goes on asking while the gateway does not answer", async () => {
    let asked = 0;
    server.on("request", () => asked++);
    server.prependListener("request", (request) => void (asked < 2 && request.socket.destroy()));
    const { environment, done } = startDev(listen);
    await vi.waitFor(() => expect(environment.written.out).toContain(readyLine()));
    expect(asked).toBeGreaterThan(1);
    environment.send("SIGINT");
    expect(await done).toBe(0);
  });

  it("says which process ended at the start and why, stops the others and fails", async () => {
    const { children, environment, done } = startDev((child, logPath) => {
      if (child.pid !== 103) return listen(child);
      void writeFile(logPath, 'shardgate: Cannot listen on port 4002.\n{"msg":"later"}\n\n').then(() =>
        child.end("exit code 1"),
      );
    });
    expect(await done).toBe(1);
    expect(environment.written.err).toBe(
      "shardgate: node2 ended before the cluster was ready (exit code 1): Cannot listen on port 4002.\n",
    );
    expect(children.map(({ signals }) => signals.length)).toEqual([1, 1, 1, 1]);
    expect(environment.written.out).not.toContain("ready");
  });

  it("shows the end of a long log, and nothing of an empty or missing one", async () => {
    expect(await endAtStart(`${"x".repeat(50_000)}\nthe last line\n`)).toMatch(/ready \(SIGKILL\): the last line\n$/);
    expect(await endAtStart("")).toBe("shardgate: gateway ended before the cluster was ready (SIGKILL).\n");
    expect(await endAtStart(null)).toBe("shardgate: gateway ended before the cluster was ready (SIGKILL).\n");
  });

  it("fails when a process ends between listening and ready", async () => {
    readyStatus = 503;
    const { children, environment, done } = startDev(listen);
    await vi.waitFor(() => expect(environment.written.out).toContain("logs in"));
    children[1]?.end("SIGSEGV");
    expect(await done).toBe(1);
    expect(environment.written.err).toContain("node1 ended before the cluster was ready (SIGSEGV)");
  });

  it("reports a process that ends later with the command that starts it again, and goes on", async () => {
    const { children, environment, done } = startDev(listen);
    await vi.waitFor(() => expect(environment.written.out).toContain(readyLine()));
    children[2]?.end("SIGKILL");
    await vi.waitFor(() => expect(environment.written.err).not.toBe(""));
    expect(environment.written.err).toBe(
      "node2 ended (SIGKILL); the other processes keep running. To start it again:\n" +
        `  node dist/cli/main.js node --id node2 --port 0 --host 127.0.0.1 --data '${data}' --engine lmdb ` +
        `--gateway ${origin} --log-level info\n`,
    );
    expect(children[0]?.signals).toEqual([]);
    environment.send("SIGINT");
    expect(await done).toBe(0);
  });

  it("fails when every process ended", async () => {
    const { children, environment, done } = startDev(listen);
    await vi.waitFor(() => expect(environment.written.out).toContain(readyLine()));
    for (const child of children) child.end("SIGKILL");
    expect(await done).toBe(1);
    expect(environment.written.err).toMatch(/shardgate: every process has ended\.\n$/);
  });

  it("stops in the middle of the start", async () => {
    const { children, environment, done } = startDev((child) => void (child.pid === 101 && listen(child)));
    await vi.waitFor(() => expect(children).toHaveLength(4));
    for (const child of children.slice(1)) listen(child);
    environment.send("SIGTERM");
    expect(await done).toBe(0);
    expect(children.every(({ signals }) => signals.length === 1)).toBe(true);
    expect(environment.written.out).toBe("");
  });

  it("starts no node once it is asked to stop", async () => {
    const { children, environment, done } = startDev(() => undefined);
    await vi.waitFor(() => expect(children).toHaveLength(1));
    environment.send("SIGTERM");
    const [gateway] = children;
    if (gateway !== undefined) listen(gateway);
    expect(await done).toBe(0);
    expect(children).toHaveLength(1);
  });

  it("ends a process that does not stop in time", async () => {
    const clock = new FakeClock();
    const { children, environment, done } = startDev(
      (child) => {
        child.isStubborn = child.pid === 102;
        listen(child);
      },
      [],
      clock,
    );
    await vi.waitFor(() => expect(environment.written.out).toContain(readyLine()));
    environment.send("SIGINT");
    await vi.waitFor(() => expect(children[1]?.signals).toEqual(["SIGTERM"]));
    await clock.advance(13_000);
    expect(children[1]?.signals).toEqual(["SIGTERM"]);
    await clock.advance(1_000);
    expect(children[1]?.signals).toEqual(["SIGTERM", "SIGKILL"]);
    expect(await done).toBe(0);
  });

  describe("with several gateways", () => {
    const registryUrl = "postgres://shardgate@127.0.0.1:5999/postgres";
    /** The registry, two gateways, and a storage node, in the order in which they start. */
    const listenAll = (child: FakeChild): void => {
      const urls = [registryUrl, origin, `${origin}/`, "http://127.0.0.1:5001"];
      child.stdout.write(`listening ${urls[child.pid - 101]}\n`);
    };
    const options = ["--gateways", "2", "--nodes", "1"];

    it("starts PostgreSQL first, then gateways that share it, then storage nodes that know all gateways", async () => {
      const { starts, environment, done } = startDev(listenAll, options);
      await vi.waitFor(() => expect(environment.written.out.match(/^ready /gm)).toHaveLength(2));
      const named = (start: readonly string[] | undefined, name: string) => start?.[start.indexOf(name) + 1];
      expect(starts.map(([command]) => command)).toEqual(["dev", "gateway", "gateway", "node"]);
      expect(starts[0]).toEqual(["dev", "registry", "--port", "0", "--data", data]);
      for (const [index, name] of [
        [1, "gateway1"],
        [2, "gateway2"],
      ] as const) {
        expect(named(starts[index], "--id")).toBe(name);
        expect(named(starts[index], "--registry")).toBe(registryUrl);
        expect(named(starts[index], "--registry-password-file")).toBe(join(data, "postgres", "password"));
      }
      expect(named(starts[3], "--gateway")).toBe(`${origin},${origin}`);
      expect(environment.written.out.split("\n").map((line) => line.split(" ")[0])).toEqual([
        "name",
        "gateway1",
        "gateway2",
        "node1",
        "registry",
        "logs",
        "ready",
        "ready",
        "",
      ]);
      environment.send("SIGTERM");
      expect(await done).toBe(0);
    });

    it("stops the gateways first, then the storage nodes, and the registry last", async () => {
      const ended: number[] = [];
      const { children, environment, done } = startDev((child) => {
        void child.exited.then(() => ended.push(child.pid));
        listenAll(child);
      }, options);
      await vi.waitFor(() => expect(environment.written.out).toContain("\nready "));
      environment.send("SIGINT");
      expect(await done).toBe(0);
      expect(children.map(({ signals }) => signals)).toEqual(children.map(() => ["SIGTERM"]));
      expect(ended).toEqual([102, 103, 104, 101]);
    });

    it("reports a gateway that was killed with the command that starts it again, and goes on", async () => {
      const { children, environment, done } = startDev(listenAll, options);
      await vi.waitFor(() => expect(environment.written.out).toContain("\nready "));
      children[1]?.end("SIGKILL");
      await vi.waitFor(() => expect(environment.written.err).not.toBe(""));
      expect(environment.written.err).toMatch(
        /^gateway1 ended \(SIGKILL\); the other processes keep running\. To start it again:\n {2}node .* gateway .* --id gateway1 /,
      );
      environment.send("SIGINT");
      expect(await done).toBe(0);
    });

    it("says that the registry ended at the start, and starts nothing else", async () => {
      const { children, environment, done } = startDev((child, logPath) => {
        void writeFile(logPath, "shardgate: PostgreSQL ended.\n").then(() => child.end("exit code 1"));
      }, options);
      expect(await done).toBe(1);
      expect(children).toHaveLength(1);
      expect(environment.written.err).toContain(
        "registry ended before the cluster was ready (exit code 1): PostgreSQL",
      );
    });

    it.each([1, 2, 3])("starts nothing more when it is stopped after %i processes have started", async (count) => {
      const { children, environment, done } = startDev(
        (child) => void (child.pid < 100 + count && listenAll(child)),
        options,
      );
      await vi.waitFor(() => expect(children).toHaveLength(count));
      environment.send("SIGTERM");
      listenAll(children[count - 1] ?? new FakeChild(101));
      expect(await done).toBe(0);
      expect(children).toHaveLength(count);
      expect(environment.written.out).toBe("");
    });

    it("uses the registry that is named, and starts none", async () => {
      const { starts, environment, done } = startDev(
        (child) => child.stdout.write(`listening ${child.pid < 103 ? origin : "http://127.0.0.1:5001"}\n`),
        [...options, "--registry", "etcd://127.0.0.1:2379/dev"],
      );
      await vi.waitFor(() => expect(environment.written.out).toContain("\nready "));
      expect(starts.map(([command]) => command)).toEqual(["gateway", "gateway", "node"]);
      expect(starts[1]?.join(" ")).toContain("--id gateway2 --registry etcd://127.0.0.1:2379/dev --log-level");
      environment.send("SIGTERM");
      expect(await done).toBe(0);
    });

    it("finds the PostgreSQL of the data folder when a later start has one gateway", async () => {
      await mkdir(join(data, "postgres", "database"), { recursive: true });
      const { starts, environment, done } = startDev(
        (child) =>
          child.stdout.write(`listening ${[registryUrl, origin][child.pid - 101] ?? "http://127.0.0.1:5001"}\n`),
        ["--nodes", "1"],
      );
      await vi.waitFor(() => expect(environment.written.out).toContain("\nready "));
      expect(starts.map(([command]) => command)).toEqual(["dev", "gateway", "node"]);
      expect(starts[1]?.join(" ")).toContain(`--id gateway --registry ${registryUrl}`);
      environment.send("SIGTERM");
      expect(await done).toBe(0);
    });

    it("brings the registry of earlier starts with one gateway into PostgreSQL before the gateways start", async () => {
      await writeFile(join(data, "registry.json"), "{}");
      const { starts, environment, done } = startDev((child) => {
        if (child.pid === 102) return child.end("exit code 0");
        const urls = [registryUrl, "", origin, origin];
        child.stdout.write(`listening ${urls[child.pid - 101] ?? "http://127.0.0.1:5001"}\n`);
      }, options);
      await vi.waitFor(() => expect(environment.written.out).toContain("\nready "));
      const password = ["--registry-password-file", join(data, "postgres", "password")];
      expect(starts[1]).toEqual(["registry", "copy", join(data, "registry.json"), registryUrl, ...password]);
      expect(starts.map(([command]) => command)).toEqual(["dev", "registry", "gateway", "gateway", "node"]);
      expect((await readdir(data)).toSorted()).toEqual(["logs", "registry.json.copied"]);
      expect(environment.written.out).toContain("copied the registry from");
      environment.send("SIGTERM");
      expect(await done).toBe(0);
    });

    it("starts no gateway when the registry of earlier starts cannot be copied, and keeps it", async () => {
      await writeFile(join(data, "registry.json"), "{}");
      const { children, environment, done } = startDev((child, logPath) => {
        if (child.pid === 101) return listenAll(child);
        void writeFile(logPath, "shardgate: The registry is damaged.\n").then(() => child.end("exit code 1"));
      }, options);
      expect(await done).toBe(1);
      expect(children).toHaveLength(2);
      expect(environment.written.err).toMatch(
        /^shardgate: registry-copy ended .* \(exit code 1\): The registry is damaged\.\n$/,
      );
      expect(await readdir(data)).toContain("registry.json");
    });

    it.each([
      [["--port", "65531", "--nodes", "3"], "leaves too few ports after it for 3 storage nodes, 1 more gateways"],
      [["--registry", "./registry.json"], "It must be a URL that begins with postgres://, etcd:// or etcds://."],
      [["--registry", "postgres://u:secret@db/x"], "contains a password"],
      [["--host", "0.0.0.0", "--insecure"], "needs a '--port' other than 0: the gateways have to know their URLs"],
    ])("refuses %j", async (more, message) => {
      const { environment, done } = startDev(() => undefined, ["--gateways", "2", ...more]);
      expect(await done).toBe(2);
      expect(environment.written.err).toContain(message);
    });
  });

  it("refuses a port that is in use before anything is started", async () => {
    const { port } = server.address() as AddressInfo;
    const environment = testEnvironment();
    expect(await runCli(["dev", "--port", `${port}`, "--data", data], environment)).toBe(1);
    expect(environment.written.err).toBe(
      `shardgate: Cannot listen on port ${port} of 127.0.0.1: it is in use; stop the process that listens there, or choose another port with --port.\n`,
    );
  });

  it("refuses a port of a node that is in use", async () => {
    const { port } = server.address() as AddressInfo;
    const environment = testEnvironment();
    expect(await runCli(["dev", "--port", `${port - 1}`, "--data", data], environment)).toBe(1);
    expect(environment.written.err).toMatch(/^shardgate: Cannot listen on port \d+ of 127\.0\.0\.1: it is in use;/);
  });

  it("refuses a data folder that cannot be made", async () => {
    await mkdir(join(data, "sub"));
    await writeFile(join(data, "file"), "");
    const environment = testEnvironment();
    expect(await runCli(["dev", "--port", "0", "--data", join(data, "file")], environment)).toBe(1);
    expect(environment.written.err).toMatch(/^shardgate: Cannot use .*: a parent in the path is not a folder\.\n$/);
  });
});
