/** The modules that the compiled program loads for a command, which take most of its starting time. */
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { repository } from "../support/processes.js";

/** The CommonJS packages that are loaded when the command has printed its help. */
function packagesOf(command: string): ReadonlySet<string> {
  const script = `
    import Module from "node:module";
    import { runCli } from "./dist/cli/program.js";
    import { systemEnvironment } from "./dist/cli/environment/system-environment.js";
    await runCli(["${command}", "--help"], { ...systemEnvironment("main.js"), stdout: process.stderr });
    console.log(JSON.stringify(Object.keys(Module._cache)));
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: repository,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const files = JSON.parse(output) as readonly string[];
  return new Set(files.map((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file));
}

const server = "fastify";
const tracing = "@opentelemetry/sdk-trace";

it("a gateway loads GraphQL, but no engine or database client, and tracing only when asked for", () => {
  const packages = packagesOf("gateway");
  const found = [server, "graphql", "lmdb", "pg", tracing].filter((name) => packages.has(name));
  expect(found).toEqual([server, "graphql"]);
});

it("a storage node loads the usual engine, but nothing of GraphQL, and PostgreSQL and tracing only when asked for", () => {
  const packages = packagesOf("node");
  const found = [server, "graphql", "lmdb", "pg", tracing].filter((name) => packages.has(name));
  expect(found).toEqual([server, "lmdb"]);
});

it.each(["dev", "get", "registry"])("`%s` loads no server", (command) => {
  const packages = packagesOf(command);
  expect(packages).toContain("commander");
  expect([server, "lmdb", tracing].filter((name) => packages.has(name))).toEqual([]);
});
