/**
 * Runs every command, query and program of the README and of docs/ in order, and compares the output with the pages;
 * those for other machines are in docs-gateways.test.ts.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, type TestContext } from "vitest";
import { drainTimeoutMs } from "../../src/core/limits.js";
import { CommandPlace, isForOtherMachines } from "../support/command-place.js";
import { documentPages } from "../support/document-pages.js";
import { graphql } from "../support/gateway-calls.js";
import { examplesIn, fulfil, type Example } from "../support/markdown-examples.js";
import { eventually, freePorts, repository, Run, shardgate, Stop, temporaryFolder } from "../support/processes.js";
import { drainDelayMsDefault } from "../../src/cli/serve/gateway-command.js";

const examples = documentPages
  .flatMap((page) => examplesIn(page).map((example) => ({ page, example })))
  .filter(({ example }) => !isForOtherMachines(example.code));
const { scripts, devDependencies } = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};
let place: CommandPlace;
let dev: Run;
const servers: Run[] = [];

beforeAll(async () => {
  place = await CommandPlace.open();
  dev = shardgate(["dev", "--port", place.port("4000"), "--data", path.join(place.path, "data")]);
  await dev.prints(/^ready /m);
});
afterAll(async () => {
  await Promise.all([dev, ...servers].map((run) => run.stop()));
  place.remove();
});

/** Starts a command that serves until it is stopped, and leaves it running once everything is served again. */
async function runServer(code: string): Promise<void> {
  servers.push(await place.serve(code));
  await eventually(async () => expect((await fetch(`${place.origin}/data/user123`)).status).toBe(200));
}

/** Waits until a background process serves, and ends it with the shell. */
async function runShell(code: string): Promise<string> {
  const pid = /^node1\s+(\d+)/m.exec(dev.stdout)?.[1] ?? "";
  const waiting = "until curl -sf http://127.0.0.1:4100/ready; do sleep 0.1; done";
  const ending = "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT";
  return place.run(`${ending}\n${code.replace("PID_OF_NODE1", pid)}\n${/ &$/m.test(code) ? waiting : ""}`);
}

/** The packages are installed already: checks that they are those of this repository, and runs the rest. */
async function runInstallation(code: string): Promise<string> {
  const [installed, others] = [true, false].map((isInstall) =>
    code.split("\n").filter((line) => line.startsWith("npm install ") === isInstall),
  );
  const names =
    installed?.flatMap((line) =>
      line
        .split(" ")
        .slice(2)
        .filter((word) => !word.startsWith("--")),
    ) ?? [];
  expect(names.filter((name) => name !== "shardgate" && devDependencies[name] === undefined)).toEqual([]);
  return place.run(others?.join("\n") ?? "");
}

/** `npm ci` and `npm test` are what CI runs, and dist/ is compiled before all tests; the rest of it is run here. */
async function runFirstCommands(code: string): Promise<string> {
  const [start = "", test = ""] = code.trim().split("\n");
  expect(readFileSync(path.join(repository, ".ci/run"), "utf8").trim().split("\n")).toContain(test);
  const folder = temporaryFolder();
  const manifest = { private: true, scripts: { ...scripts, build: "exit 0" } };
  writeFileSync(path.join(folder.path, "package.json"), JSON.stringify(manifest));
  symlinkSync(path.join(repository, "dist"), path.join(folder.path, "dist"));
  const [port = 0] = await freePorts(4);
  // In a process group of its own, which ends as a whole, as with Ctrl-C.
  const grouped = `set -m; ${start.replace("npm ci && ", "")} & echo "group $!"; wait`;
  const run = new Run("bash", ["-c", grouped], { SHARDGATE_PORT: String(port) }, folder.path);
  onTestFinished(async () => {
    process.kill(-Number(/^group (\d+)/.exec(run.stdout)?.[1]), "SIGINT");
    await run.ended();
    folder.remove();
  });
  const [ready] = await run.prints(/^ready .*$/m);
  return ready.replace(String(port), "4000");
}

/** A nightly command takes long: it is started with an unknown option, which it must report first. */
function checkNightly(code: string): void {
  for (const line of code.trim().split("\n")) {
    const [, name = "", args = ""] = /^npm run (nightly:[\w-]+)(?: -- (.*))?$/.exec(line) ?? [];
    const command = scripts[name]?.replace("npm run --silent build && ", "");
    expect(command, line).toMatch(/^node test\/nightly\/run\.mjs [\w-]+$/);
    if (args === "") continue;
    const call = (): string =>
      execFileSync("bash", ["-c", `${command} ${args} --one-too-many`], {
        cwd: repository,
        stdio: "pipe",
        encoding: "utf8",
      });
    expect(call, line).toThrow("Unknown option '--one-too-many'");
  }
}

/** Requests each path of the probes, which must be answered as they expect. */
async function checkProbes(code: string): Promise<void> {
  const paths = [...code.matchAll(/path: (\S+), port: 4000/g)].map(([, name = ""]) => name);
  expect(paths).toEqual(["/health", "/ready"]);
  for (const name of paths) expect((await fetch(place.origin + name)).status).toBe(200);
}

/**
 * Runs a real nginx with the block, with this gateway in place of those that it names, and sends requests through it.
 */
async function checkNginx(code: string, context: TestContext): Promise<void> {
  const path = `${process.env["PATH"]}:/usr/sbin`;
  const isInstalled = spawnSync("bash", ["-c", "command -v nginx"], { env: { PATH: path } }).status === 0;
  if (!isInstalled) context.skip("nginx is not installed");
  const [port = 0] = await freePorts(1);
  const block = code
    .replace(/\blisten 80;/, `listen 127.0.0.1:${port};`)
    .replace(/\b10\.0\.0\.\d+:4000\b/g, `127.0.0.1:${place.port("4000")}`);
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${kind};`);
  const around = "daemon off; pid nginx.pid; events {}\nhttp { access_log off;";
  place.write("nginx.conf", `${around} ${folders.join(" ")}\n${block} }\n`);
  const nginx = place.start("exec nginx -p . -e stderr -c nginx.conf", { PATH: path });
  servers.push(nginx);
  await eventually(async () => {
    if (!nginx.isRunning) throw new Stop(nginx.stderr);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
  });
}

/** Generates types for a document by the configuration, and checks the scalars. */
async function runCodegen(code: string): Promise<void> {
  place.write("codegen.ts", code);
  const document = '{ get(key: "a") { version value expiresAt } }';
  place.write("src/query.ts", `import { graphql } from "./generated/gql.js";\ngraphql(\`query Read ${document}\`);\n`);
  await place.run(`node ${repository}/node_modules/@graphql-codegen/cli/cjs/bin.js --config codegen.ts`);
  const types = readFileSync(path.join(place.path, "src/generated/graphql.ts"), "utf8");
  expect(types).toMatch(/export type ReadQuery = .*version: string \| null, value: unknown.*expiresAt: string \| null/);
}

/** Starts the unit's command, which must end well within the unit's timeout. */
async function checkUnit(code: string): Promise<void> {
  const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(code)?.[1] ?? "";
  const [, args = ""] = /^\/usr\/bin\/node \S+\/dist\/cli\/main\.js (.*)$/.exec(setting("ExecStart")) ?? [];
  const folder = path.join(place.path, setting("StateDirectory"));
  const server = await place.serve(`shardgate ${args.replace("/var/lib/shardgate", folder)}`, {
    SHARDGATE_PORT: place.port("4100"),
  });
  expect(await server.stop()).toBe(0);
  expect(Number(setting("TimeoutStopSec")) * 1000).toBeGreaterThan(drainDelayMsDefault + drainTimeoutMs);
}

async function outputOf({ language, code }: Example): Promise<string> {
  if (language === "ts") return place.runTypeScript(code);
  // The first process of all was started with it.
  if (code === "npx shardgate dev\n")
    return (/^ready .*$/m.exec(dev.stdout)?.[0] ?? "").replace(place.port("4000"), "4000");
  if (code.includes("\nnpm install ")) return runInstallation(code);
  return code.startsWith("npm ci") ? runFirstCommands(code) : runShell(code);
}

async function check(example: Example, context: TestContext): Promise<void> {
  const { language, code, promised } = example;
  if (language === "graphql") {
    const answer = await graphql(place.origin, code);
    const wanted: unknown = promised === null ? { data: { "…": "…" } } : JSON.parse(place.located(promised));
    expect(answer).toEqual(fulfil(wanted, answer));
    return;
  }
  if (language === "yaml") return checkProbes(code);
  if (language === "nginx") return checkNginx(code, context);
  if (language === "ini") return checkUnit(code);
  if (code.includes("CodegenConfig")) return runCodegen(code);
  if (code.startsWith("npm run nightly:")) return checkNightly(code);
  if (/^npx shardgate node --id .*[^&]\n$/.test(code)) return runServer(code);
  const output = (await outputOf(example)).replaceAll("\r\n", "\n").trim();
  if (promised === null) return;
  const isJson = promised.startsWith("{");
  const actual: unknown = isJson ? JSON.parse(output) : output;
  expect(actual).toEqual(fulfil(isJson ? JSON.parse(promised) : promised.replace(/…\n/g, "…").trim(), actual));
}

describe("the documentation", () => {
  it.for(examples.map(({ page, example }, index) => [`${index + 1}: ${page}, ${example.heading}`, example] as const))(
    "is correct in example %s",
    async ([, example], context) => check(example, context),
  );

  it("has examples of every task", () => {
    expect(examples.length).toBeGreaterThan(40);
    expect(examples.filter(({ example }) => example.promised !== null).length).toBeGreaterThan(25);
  });

  it("starts the program by the name that it uses", () => {
    const version = execFileSync("npx", ["shardgate", "--version"], { cwd: repository, encoding: "utf8" });
    expect(version.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
