/**
 * The compiled program of this release and that of the previous one, whose package is in test/upgrade. The previous one
 * finds its dependencies in the repository's node_modules.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type * as ClientModule from "../../src/client/index.js";
import { program, repository, shardgate, temporaryFolder, type Run } from "./processes.js";

const packageFolder = path.join(repository, "test/upgrade");

export class Release {
  readonly name: "this" | "previous";
  readonly #main: string;

  constructor(name: "this" | "previous", main: string) {
    this.name = name;
    this.#main = main;
  }

  start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Run {
    return shardgate(args, environment, this.#main);
  }

  /** Runs a command at the gateway `origin`, and resolves to what it printed. Rejects when it failed. */
  async command(origin: string, ...args: readonly string[]): Promise<string> {
    const run = this.start(args, { SHARDGATE_ENDPOINT: origin });
    const exitCode = await run.ended();
    if (exitCode === 0) return run.stdout;
    throw new Error(`${args.join(" ")} of ${this.name} release ended with ${exitCode}: ${run.stderr}`);
  }

  /** What applications import as `shardgate/client`. */
  async client(): Promise<typeof ClientModule> {
    const file = path.join(path.dirname(this.#main), "../client/index.js");
    return (await import(pathToFileURL(file).href)) as typeof ClientModule;
  }
}

export const thisRelease = new Release("this", program);

/** Unpacks the previous release's package into a folder that is removed at the end of the tests of a file. */
export function unpackPreviousRelease(): { readonly release: Release; readonly remove: () => void } {
  const folder = temporaryFolder();
  execFileSync("tar", ["-xzf", packageFile(), "-C", folder.path]);
  symlinkSync(path.join(repository, "node_modules"), path.join(folder.path, "node_modules"));
  const main = path.join(folder.path, "package/dist/cli/main.js");
  return { release: new Release("previous", main), remove: folder.remove };
}

/** The only package in test/upgrade. Its checksum must be that of its README. */
function packageFile(): string {
  const [name = "", ...others] = readdirSync(packageFolder).filter((file) => file.endsWith(".tgz"));
  const bytes = readFileSync(path.join(packageFolder, name));
  const checksum = createHash("sha256").update(bytes).digest("hex");
  const readme = readFileSync(path.join(packageFolder, "README.md"), "utf8");
  if (others.length > 0 || !readme.includes(`${checksum}  ${name}`))
    throw new Error(`test/upgrade must have one package, whose checksum ${checksum} is in its README.md.`);
  return path.join(packageFolder, name);
}
