/**
 * A folder in which the commands and programs of a page run as its reader runs them: `npx shardgate`, `shardgate` and the
 * package `shardgate` are what was built, examples/ and dist/ are there, and the ports 4000 to 4003, 4100 to 4103 and 9000
 * are others, which are free here.
 */
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { isSource } from "./example.js";
import { freePorts, program, repository, Run, temporaryFolder } from "./processes.js";

const named = ["4000", "4001", "4002", "4003", "4100", "4101", "4102", "4103", "9000"];
/** With this, what a place starts finds every host under `.internal` on this machine. */
export const internalHosts = `--import=${pathToFileURL(path.join(import.meta.dirname, "named-hosts.mjs")).href}`;

export class CommandPlace {
  readonly path: string;
  readonly remove: () => void;
  readonly #ports: ReadonlyMap<string, string>;

  static async open(): Promise<CommandPlace> {
    const free = await freePorts(named.length);
    return new CommandPlace(new Map(named.map((name, index) => [name, String(free[index])])));
  }

  private constructor(ports: ReadonlyMap<string, string>) {
    const folder = temporaryFolder();
    this.path = folder.path;
    this.remove = folder.remove;
    this.#ports = ports;
    this.write("bin/shardgate", `#!/bin/sh\nexec node ${program} "$@"\n`, 0o755);
    this.write("bin/npx", `#!/bin/sh\nexec "$@"\n`, 0o755);
    this.write("bin/tsc", `#!/bin/sh\nexec node ${repository}/node_modules/typescript/bin/tsc "$@"\n`, 0o755);
    symlinkSync(path.join(repository, "dist"), path.join(this.path, "dist"));
    cpSync(path.join(repository, "examples"), path.join(this.path, "examples"), { recursive: true, filter: isSource });
    const modules = path.join(repository, "node_modules");
    mkdirSync(path.join(this.path, "node_modules"));
    for (const name of readdirSync(modules)) {
      symlinkSync(path.join(modules, name), path.join(this.path, "node_modules", name));
    }
    symlinkSync(repository, path.join(this.path, "node_modules/shardgate"));
  }

  /** The port that takes the place of `name`. */
  port(name: string): string {
    return this.#ports.get(name) ?? name;
  }

  /** The gateway at the port that pages call 4000. */
  get origin(): string {
    return `http://127.0.0.1:${this.port("4000")}`;
  }

  /** The text with the ports of this place. */
  located(text: string): string {
    return text.replace(/(?<=127\.0\.0\.1:|\.internal:|--port )\d{4}\b/g, (name) => this.port(name));
  }

  write(file: string, text: string, mode = 0o644): void {
    const place = path.join(this.path, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text, { mode });
  }

  /** Starts the code in bash, which ends at the first command that fails. */
  start(code: string, environment: NodeJS.ProcessEnv = {}): Run {
    const settings = {
      HOME: this.path,
      PATH: `${this.path}/bin:${process.env["PATH"]}`,
      SHARDGATE_ENDPOINT: this.origin,
      SHARDGATE_DRAIN_DELAY: "0",
      npm_config_loglevel: "silent",
      ...environment,
    };
    return new Run("bash", ["-c", `set -eu\n${this.located(code)}`], settings, this.path);
  }

  /** Runs the code to its end, and resolves to what it printed. Rejects when it failed. */
  async run(code: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
    const run = this.start(code, environment);
    const exitCode = await run.ended();
    if (exitCode !== 0) throw new Error(`Ended with ${exitCode}:\n${code}\n${run.stdout}\n${run.stderr}`);
    return run.stdout;
  }

  /** Starts a command that serves until it is stopped, at the port that pages leave out; resolves once it serves. */
  async serve(command: string, environment: NodeJS.ProcessEnv = {}): Promise<Run> {
    const port = this.port(command.includes("shardgate node ") ? "4001" : "4000");
    const run = this.start(`exec env ${command}`, { SHARDGATE_PORT: port, ...environment });
    await run.prints(/^(listening|ready) /m);
    return run;
  }

  /** Compiles the TypeScript in strict mode as main.ts, runs it, and resolves to what it printed. Rejects when either fails. */
  async runTypeScript(code: string): Promise<string> {
    const compilerOptions = { target: "es2023", module: "nodenext", lib: ["es2023", "dom"], types: [], strict: true };
    const settings = { ...compilerOptions, skipLibCheck: true, outDir: "compiled" };
    this.write("package.json", '{ "type": "module" }');
    this.write("sample.json", JSON.stringify({ compilerOptions: settings, include: ["main.ts"] }));
    this.write("main.ts", this.located(code));
    return this.run("tsc -p sample.json && node compiled/main.js");
  }
}

/** Whether a block is for machines of its own: it makes certificates, or starts a gateway that serves until it is stopped. */
export function isForOtherMachines(code: string): boolean {
  return /^openssl |^(npx )?shardgate gateway (?!.*&$)/m.test(code.replaceAll("\\\n", " "));
}
