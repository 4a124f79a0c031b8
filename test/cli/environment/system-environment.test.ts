import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseLogLevels } from "../../../src/cli/serve/telemetry/log-level.js";
import { createLog } from "../../../src/cli/serve/telemetry/pino-log.js";
import { shellWord } from "../../../src/cli/environment/shell-word.js";
import { systemClock } from "../../../src/cli/environment/system-clock.js";
import { systemEnvironment, parentPollMs } from "../../../src/cli/environment/system-environment.js";
import { testEnvironment } from "../test-environment.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shardgate-system-"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** An environment whose program is `source`. */
async function environmentOf(source: string) {
  const mainPath = join(folder, "main.mjs");
  await writeFile(mainPath, source);
  return systemEnvironment(mainPath);
}

describe("systemEnvironment", () => {
  it("names the program as a user starts it in the current folder", () => {
    const { programName } = systemEnvironment(join(process.cwd(), "dist", "cli", "main.js"));
    expect(programName).toBe(`node ${relative(process.cwd(), join(process.cwd(), "dist", "cli", "main.js"))}`);
  });

  it("reads environment variables", () => {
    vi.stubEnv("SHARDGATE_TOKEN", "t");
    const { variable } = systemEnvironment("main.js");
    expect([variable("SHARDGATE_TOKEN"), variable("SHARDGATE_NO_SUCH")]).toEqual(["t", undefined]);
  });

  it("resolves host names with the system's resolver", async () => {
    const { resolve } = systemEnvironment("main.js");
    expect(await resolve("127.0.0.1")).toEqual([{ address: "127.0.0.1", family: 4 }]);
  });

  it("starts the program as a child with its arguments and a log file", async () => {
    vi.stubEnv("SHARDGATE_ADVERTISE", "http://only-for-me");
    for (const name of ["TLS_CERT", "TLS_NODE_KEY", "ALLOW_NODES", "ID"])
      vi.stubEnv(`SHARDGATE_${name}`, "not-for-loopback");
    const { startChild } = await environmentOf(
      "const names = Object.keys(process.env).filter((name) => /^SHARDGATE_.*(ADVERTISE|TLS|ALLOW|ID)/.test(name));" +
        "console.log(JSON.stringify([process.argv.slice(2), names]));" +
        "console.error('to the log'); process.exitCode = 3; process.disconnect();",
    );
    const child = startChild(["node", "--id", "a b"], join(folder, "log"));
    expect(child.pid).toBeGreaterThan(0);
    expect(JSON.parse(await text(child.stdout))).toEqual([["node", "--id", "a b"], []]);
    expect(await child.exited).toBe("exit code 3");
    expect(await readFile(join(folder, "log"), "utf8")).toBe("to the log\n");
  });

  it("ends a child with a signal", async () => {
    const { startChild } = await environmentOf("setInterval(() => {}, 1000); console.log('up');");
    const child = startChild([], join(folder, "log"));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGTERM");
    expect(await child.exited).toBe("SIGTERM");
  });

  it("starts a child that a signal to its parent's process group does not reach", async () => {
    const { startChild } = await environmentOf("setInterval(() => {}, 1000); console.log('up');");
    const child = startChild([], join(folder, "log"));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    // A signal to a group that has no process fails.
    expect(() => process.kill(-(child.pid ?? 0), 0)).not.toThrow();
    child.kill("SIGKILL");
    expect(await child.exited).toBe("SIGKILL");
  });

  it("starts another program without this process's settings of PostgreSQL and of language", async () => {
    vi.stubEnv("PGDATA", "not-for-it");
    vi.stubEnv("LANG", "xx_XX");
    const { startProgram } = systemEnvironment("main.js");
    const script = "echo $PGDATA$LANG$LC_ALL >&2; echo ignored; pwd >&2; exit 4";
    const program = startProgram("/bin/sh", ["-c", script], null);
    expect(program.pid).toBeGreaterThan(0);
    expect(await text(program.said)).toBe("C\n/\n");
    expect(await program.exited).toBe("exit code 4");
    const missing = startProgram(join(folder, "no-such-program"), [], null);
    expect(await missing.exited).toMatch("ENOENT");
    const endless = startProgram(process.execPath, ["-e", "setInterval(() => {}, 1000)"], null);
    endless.kill("SIGKILL");
    expect(await endless.exited).toBe("SIGKILL");
  });

  it("gives another program none of this process's variables that may be secret, since it may run as another user", async () => {
    vi.stubEnv("SHARDGATE_REGISTRY_PASSWORD", "secret");
    vi.stubEnv("CLOUD_SECRET_KEY", "secret");
    vi.stubEnv("TZ", "UTC");
    const { startProgram } = systemEnvironment("main.js");
    const script = "console.error(JSON.stringify(process.env))";
    const { said } = startProgram(process.execPath, ["-e", script], null);
    const given = await text(said);
    expect(JSON.parse(given)).toMatchObject({ PATH: process.env["PATH"], TZ: "UTC", LC_ALL: "C" });
    expect(given).not.toContain("secret");
  });

  it("reports how a child could not be started", async () => {
    const { startChild } = await environmentOf("");
    const execPath = process.execPath;
    process.execPath = join(folder, "no-such-node");
    try {
      const child = startChild([], join(folder, "log"));
      expect(child.pid).toBeUndefined();
      expect(await child.exited).toMatch("ENOENT");
    } finally {
      process.execPath = execPath;
    }
  });

  it("reports signals and the end of the parent until the handler is removed", () => {
    const reasons: string[] = [];
    const before = ["SIGTERM", "SIGINT", "disconnect"].map((name) => process.listenerCount(name));
    const dispose = systemEnvironment("main.js").onSignal((reason) => reasons.push(reason));
    process.listeners("disconnect").at(-1)?.();
    process.listeners("SIGINT").at(-1)?.("SIGINT");
    expect(reasons).toEqual(["the end of its parent", "SIGINT"]);
    dispose();
    expect(["SIGTERM", "SIGINT", "disconnect"].map((name) => process.listenerCount(name))).toEqual(before);
  });

  it.each([
    ["npm started it", "start", ["the end of its parent"]],
    ["npm did not start it", undefined, []],
  ])("treats another parent as the end of its own where %s", (_, event, expected) => {
    vi.useFakeTimers();
    vi.stubEnv("npm_lifecycle_event", event);
    const parent = vi.spyOn(process, "ppid", "get").mockReturnValue(100);
    try {
      const reasons: string[] = [];
      const dispose = systemEnvironment("main.js").onSignal((reason) => reasons.push(reason));
      vi.advanceTimersByTime(2 * parentPollMs);
      expect(reasons).toEqual([]);
      parent.mockReturnValue(1);
      vi.advanceTimersByTime(3 * parentPollMs);
      expect(reasons).toEqual(expected);
      dispose();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      parent.mockRestore();
      vi.useRealTimers();
    }
  });
});

describe("systemClock", () => {
  it("calls back once, unless cancelled", async () => {
    expect(Math.abs(systemClock.nowMs() - Date.now())).toBeLessThan(1000);
    const startMs = systemClock.monotonicMs();
    let isCancelledCalled = false;
    systemClock.after(1, () => (isCancelledCalled = true))();
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    expect(isCancelledCalled).toBe(false);
    expect(systemClock.monotonicMs()).toBeGreaterThan(startMs);
  });
});

describe("createLog", () => {
  it("writes one JSON object per line, from the given level on", () => {
    const environment = testEnvironment();
    const log = createLog("node1", parseLogLevels("warn"), environment.stderr);
    log.info({ a: 1 }, "Left out.");
    log.warn({ shard: 3 }, "Kept.");
    expect(JSON.parse(environment.written.err)).toMatchObject({ name: "node1", shard: 3, msg: "Kept.", level: 40 });
    expect(environment.written.err).toMatch(/"time":"\d{4}-\d\d-\d\dT[^"]+Z"/);
  });
});

describe("shellWord", () => {
  it.each([
    ["./data", "./data"],
    ["", "''"],
    ["a b", "'a b'"],
    ["it's", `'it'\\''s'`],
    ["$HOME", "'$HOME'"],
  ])("quotes %s only if a shell needs it", (word, quoted) => {
    expect(shellWord(word)).toBe(quoted);
  });
});
