/** An example of examples/ in a folder of its own, where a test generates, compiles and runs it without a trace. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { examplesIn } from "./markdown-examples.js";
import { ProcessCluster } from "./process-cluster.js";
import { repository, Run, temporaryFolder } from "./processes.js";

export interface Example {
  /** Waits for the end of the script of this name; `start` is what the example's page says. */
  run(script: "start" | "generate", ...args: readonly string[]): Promise<Run>;
  /** The contents of src/generated/ by file name. */
  generatedFiles(): Readonly<Record<string, string>>;
  /** Leaves src/generated/ empty. */
  removeGeneratedFiles(): void;
  /** Replaces a text in a file of src/; fails when it is not there. */
  replace(file: string, from: string, to: string): void;
  /** Removes the copy and stops its gateway. */
  stop(): Promise<void>;
}

/** A copy with a gateway and two storage nodes of its own. */
export async function startExample(name: string, ...gatewayArgs: readonly string[]): Promise<Example> {
  const cluster = await ProcessCluster.start({ nodes: 2, shards: 8, engine: "memory", gatewayArgs });
  const example = copyExample(name, `${cluster.origin}/graphql`);
  return {
    ...example,
    async stop() {
      await cluster.stop();
      await example.stop();
    },
  };
}

/** The command by which the example's page starts it: its first block. */
export function startCommand(name: string): string {
  const code = examplesIn(`examples/${name}/README.md`)[0]?.code.trim() ?? "";
  if (!isStart(code))
    throw new Error(`examples/${name}/README.md does not begin with how to start it, but with ${code}`);
  return code;
}

/** Whether a block of an example's page is how to start it, which the example's own test does. */
export function isStart(code: string): boolean {
  return /^(npm start|bash curl\.sh)$/.test(code.trim());
}

/** Of a folder of examples/: what is neither installed nor compiled. */
export function isSource(file: string): boolean {
  return !/^(dist|node_modules)$/.test(path.basename(file));
}

/** A copy that finds its gateway at `url`. */
export function copyExample(name: string, url: string): Example {
  const copy = temporaryFolder();
  const folder = path.join(copy.path, "examples", name);
  const generated = path.join(folder, "src/generated");
  cpSync(path.join(repository, "examples", name), folder, {
    recursive: true,
    filter: isSource,
  });
  for (const shared of ["node_modules", "dist"]) {
    symlinkSync(path.join(repository, shared), path.join(copy.path, shared));
  }
  return {
    async run(script, ...args) {
      const command = script === "start" ? startCommand(name) : `npm run ${script}`;
      const line = args.length === 0 ? command : `${command} -- ${args.join(" ")}`;
      const run = new Run("bash", ["-c", line], { SHARDGATE_URL: url, npm_config_loglevel: "silent" }, folder);
      await run.ended();
      return run;
    },
    generatedFiles() {
      const files = readdirSync(generated).toSorted();
      return Object.fromEntries(files.map((file) => [file, readFileSync(path.join(generated, file), "utf8")]));
    },
    removeGeneratedFiles() {
      rmSync(generated, { recursive: true });
      mkdirSync(generated);
    },
    replace(file, from, to) {
      const target = path.join(folder, "src", file);
      const text = readFileSync(target, "utf8");
      if (!text.includes(from)) throw new Error(`${from} is not in ${target}.`);
      writeFileSync(target, text.replace(from, to));
    },
    stop: async () => copy.remove(),
  };
}
