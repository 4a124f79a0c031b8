/** A program that was started through npm ends when npm is ended: no process is left that holds its ports. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventually, freePorts, repository, temporaryFolder } from "../support/processes.js";

let folder: ReturnType<typeof temporaryFolder>;
let npm: ChildProcess | null = null;

/** A project that has this package installed, and its `start` script. */
beforeEach(() => {
  folder = temporaryFolder();
  const { scripts } = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as {
    readonly scripts: { readonly start: string };
  };
  const own = { name: "project", private: true, scripts: { start: scripts.start, build: "exit 0" } };
  writeFileSync(path.join(folder.path, "package.json"), JSON.stringify(own));
  symlinkSync(path.join(repository, "dist"), path.join(folder.path, "dist"));
  const binaries = path.join(folder.path, "node_modules/.bin");
  mkdirSync(binaries, { recursive: true });
  symlinkSync(path.join(repository, "dist/cli/main.js"), path.join(binaries, "shardgate"));
});
afterEach(() => {
  // A process group of its own, so that processes left behind by a failure are ended too.
  if (npm?.pid !== undefined) {
    try {
      process.kill(-npm.pid, "SIGKILL");
    } catch {
      // All of it has ended.
    }
  }
  folder.remove();
});

it.each([
  ["npm start", "npm", ["start", "--", "--nodes", "1"]],
  ["npx shardgate dev", "npx", ["--no", "shardgate", "dev", "--nodes", "1"]],
  ["npx shardgate gateway", "npx", ["--no", "shardgate", "gateway", "--registry", "memory"]],
])("SIGTERM to %s frees all ports", async (_name, command, args) => {
  const ports = await freePorts(args.includes("--nodes") ? 2 : 1);
  const portArgs = ["--port", String(ports[0]), "--data", path.join(folder.path, "data")];
  npm = spawn(command, [...args, ...portArgs], { cwd: folder.path, detached: true, stdio: "ignore" });
  const health = () => Promise.all(ports.map((port) => fetch(`http://127.0.0.1:${port}/health`)));
  await eventually(health);
  npm.kill("SIGTERM");
  for (const port of ports) {
    await eventually(() =>
      expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } }),
    );
  }
});
