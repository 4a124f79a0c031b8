/** Runs every command and query of the README in its order, and holds the answers against what it promises. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boundName, boundProperties, boundRules } from "../../src/core/bounds.js";
import { errorRules } from "../../src/core/error.js";
import * as limits from "../../src/core/limits.js";
import { graphql } from "../support/gateway-calls.js";
import { examplesOf, fulfil, type Example } from "../support/markdown-examples.js";
import { eventually, freePorts, program, repository, Run, shardgate, temporaryFolder } from "../support/processes.js";

const readme = readFileSync(path.join(repository, "README.md"), "utf8");
const examples = examplesOf(readme);
const folder = temporaryFolder();
const dataFolder = path.join(folder.path, "data");
let dev: Run;
const servers: Run[] = [];
/** What the README calls 4000 to 4003 and 4100 to 4102, by the ports that are free here. */
let ports: ReadonlyMap<string, number>;

beforeAll(async () => {
  const free = await freePorts(7);
  const named = ["4000", "4001", "4002", "4003", "4100", "4101", "4102"];
  ports = new Map(named.map((name, index) => [name, free[index] ?? 0]));
  // `npx` itself is asked once, below; here it would look for the program in the folder of this run.
  writeFileSync(path.join(folder.path, "npx"), `#!/bin/sh\nshift\nexec node ${program} "$@"\n`, { mode: 0o755 });
  mkdirSync(path.join(folder.path, "node_modules"));
  symlinkSync(repository, path.join(folder.path, "node_modules/shardgate"));
  symlinkSync(path.join(repository, "examples"), path.join(folder.path, "examples"));
  dev = shardgate(["dev", "--port", String(free[0]), "--data", dataFolder]);
  await dev.prints(/^ready /m);
});
afterAll(async () => {
  await Promise.all([dev, ...servers].map((run) => run.stop()));
  folder.remove();
});

function origin(): string {
  return `http://127.0.0.1:${ports.get("4000")}`;
}

/** The text with this run's ports and process ids. */
function located(text: string): string {
  return text
    .replace(/(?<=127\.0\.0\.1:|--port )4\d{3}\b/g, (port) => String(ports.get(port) ?? port))
    .replace("PID_OF_NODE1", () => /^node1\s+(\d+)/m.exec(dev.stdout)?.[1] ?? "");
}

/** A command that serves until it is stopped is left running, once everything is served again. */
async function runServer(code: string): Promise<void> {
  const [, ...args] = located(code.replace("./data", dataFolder)).trim().split(" ");
  servers.push(shardgate(args.slice(1)));
  await eventually(async () => expect((await fetch(`${origin()}/data/user123`)).status).toBe(200));
}

async function runShell(code: string): Promise<string> {
  const background = / &$/m.test(code);
  // What runs in the background is awaited until it serves, and ended with the shell.
  const waiting = `until curl -sf http://127.0.0.1:${ports.get("4100")}/ready; do sleep 0.1; done`;
  const script = `set -eu; trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n${located(code)}\n${background ? waiting : ""}`;
  const run = new Run(
    "bash",
    ["-c", script],
    { SHARDGATE_ENDPOINT: origin(), SHARDGATE_DRAIN_DELAY: "0", PATH: `${folder.path}:${process.env["PATH"]}` },
    folder.path,
  );
  const ended = await run.ended();
  expect(ended, run.stderr).toBe(0);
  return run.stdout;
}

async function check({ language, code, promised }: Example): Promise<void> {
  if (language === "graphql") {
    const answer = await graphql(origin(), code);
    const wanted: unknown = promised === null ? { data: { "…": "…" } } : JSON.parse(located(promised));
    expect(answer).toEqual(fulfil(wanted, answer));
    return;
  }
  if (/^npx shardgate node .*[^&]\n$/.test(code)) return runServer(code);
  const output = (await runShell(code)).replaceAll("\r\n", "\n").trim();
  if (promised === null) return;
  const isJson = promised.startsWith("{");
  const actual: unknown = isJson ? JSON.parse(output) : output;
  expect(actual).toEqual(fulfil(isJson ? JSON.parse(promised) : promised.replace(/…\n/g, "…").trim(), actual));
}

describe("the README", () => {
  it.each(examples.map((example, index) => [`${index + 1}: ${example.heading}`, example] as const))(
    "keeps its word in example %s",
    async (_, example) => check(example),
  );

  it("has examples of every task", () => {
    expect(examples.length).toBeGreaterThan(15);
    expect(examples.filter(({ promised }) => promised !== null).length).toBeGreaterThan(10);
  });

  it("adopts an existing node as it says", async () => {
    const plain = new Run("python3", [path.join(repository, "test/support/plain-node.py"), "0"]);
    servers.push(plain);
    const [, plainPort = ""] = await plain.prints(/listening (\d+)/);
    const [gatewayPort = 0] = await freePorts(1);
    const block = /^npx shardgate gateway .*--no-auto-assign\n(?:curl .*\n)+/m.exec(readme)?.[0] ?? "";
    const [start = "", ...calls] = block
      .replaceAll(":4000", `:${gatewayPort}`)
      .replaceAll(":9000", `:${plainPort}`)
      .trim()
      .split("\n");
    const place = ["--port", String(gatewayPort), "--data", path.join(folder.path, "adopted")];
    const gateway = shardgate([...start.split(" ").slice(2), ...place]);
    servers.push(gateway);
    await gateway.prints(/^listening /m);
    for (const call of calls) await runShell(call.replace("curl", "curl -sf"));
    const { shards } = (await (await fetch(`http://127.0.0.1:${gatewayPort}/shards`)).json()) as {
      shards: readonly { readonly nodeId: string | null }[];
    };
    expect(shards.map(({ nodeId }) => nodeId)).toEqual(["mine", null, null, null]);
  });

  it("starts the program by the name it uses", () => {
    const version = execFileSync("npx", ["shardgate", "--version"], { cwd: repository, encoding: "utf8" });
    expect(version.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("has exactly the error codes of the closed list", () => {
    const rows = [...readme.matchAll(/^\| ([A-Z_]+) \| (\d{3}) \| (yes|no) \| (.*) \|$/gm)];
    const told = Object.fromEntries(
      rows.map(([, code = "", status, retry, advice]) => [
        code,
        { httpStatus: Number(status), isRetryable: retry === "yes", advice },
      ]),
    );
    expect(told).toEqual(errorRules);
    // In a table of its own, the second of two rows would go unseen.
    expect(rows.map(([, code]) => code)).toEqual(Object.keys(told));
  });

  it("lists exactly the options that the commands have", () => {
    const told: string[] = [];
    for (const [, option = "", commands = ""] of readme.matchAll(/^\| `(--[a-z-]+)` \| ([a-z, ]+) \|/gm)) {
      for (const command of commands.split(", ")) told.push(`${command} ${option}`);
    }
    const real = ["dev", "gateway", "node", "import", "export"].flatMap((command) => {
      const help = execFileSync(process.execPath, [program, command, "--help"], { encoding: "utf8" });
      return [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => `${command} ${option}`);
    });
    expect(told.toSorted()).toEqual(real.filter((option) => !option.endsWith("--help")).toSorted());
  });

  it("tells the bounds that are enforced", () => {
    for (const number of [limits.keyBytesMax, limits.shardCountMax, limits.storageNodesMax]) {
      expect(readme).toContain(String(number));
    }
    expect(limits.requestTimeoutMs).toBe(5000);
  });

  it("lists exactly the limits that can be set", () => {
    const rows = [...readme.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\d+) \| (\d+) \| ([A-Z_]+) \| (.*) \|$/gm)];
    const told = rows.map(([, name, standard, least, most, code, help]) => {
      return { name, default: Number(standard), least: Number(least), most: Number(most), code, help };
    });
    expect(told).toEqual(boundProperties.map((each) => ({ name: boundName(each), ...boundRules[each] })));
  });
});
