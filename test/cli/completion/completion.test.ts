import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allCommands, commandTree, type OptionNode } from "../../../src/cli/completion/command-tree.js";
import { createProgram } from "../../../src/cli/program.js";
import { runCommand } from "../run-command.js";
import { testEnvironment } from "../test-environment.js";

const root = commandTree(await createProgram(testEnvironment()));
const commands = allCommands(root);
const shells = ["bash", "zsh", "fish"] as const;
const [, zsh, fish] = shells;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "shardgate-completion-"));
  for (const shell of shells) writeFileSync(join(folder, shell), await script(shell));
  for (const name of ["entries.ndjson", "entries two.ndjson", "other"]) writeFileSync(join(folder, name), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

async function script(shell: (typeof shells)[number]): Promise<string> {
  const { code, out, err } = await runCommand(["completion", shell]);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

/**
 * The completions of a real bash for each of these lists of words after the program's name; the last word is being
 * typed.
 */
function bashCompletes(...lines: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const questions = lines.map((words) => {
    const quoted = ["shardgate", ...words].map((word) => `'${word}'`).join(" ");
    return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _shardgate; printf '%s\\n' "\${COMPREPLY[@]}" --end--`;
  });
  const code = ["source ./bash", "set -u", ...questions].join("\n");
  const output = execFileSync("bash", ["--noprofile", "--norc", "-c", code], { cwd: folder, encoding: "utf8" });
  const answers = output.split("--end--\n").slice(0, -1);
  return answers.map((answer) => answer.split("\n").filter((word) => word !== ""));
}

function longOptions(options: readonly OptionNode[]): readonly string[] {
  return options.map(({ long }) => long);
}

function has(shell: string): boolean {
  return spawnSync(shell, ["-c", "true"]).status === 0;
}

describe("the command tree", () => {
  it("has every command with its description", () => {
    expect(commands.map(({ path }) => path.join(" "))).toEqual(
      expect.arrayContaining([
        "",
        "dev",
        "node",
        "node ls",
        "node add",
        "node rm",
        "shard locate",
        "completion",
        "help",
      ]),
    );
    for (const { path, description } of commands) expect(description, path.join(" ")).not.toBe("");
  });
});

describe("completion bash", () => {
  it("completes commands and their subcommands", () => {
    const [all, s, shard, node] = bashCompletes([""], ["s"], ["shard", ""], ["node", ""]);
    expect(all).toEqual(root.commands.map(({ path }) => path.join(" ")));
    expect(s).toEqual(["scan", "shard", "status", "schema"]);
    expect(shard).toEqual(["ls", "get", "locate", "assign", "history"]);
    expect(node).toEqual(["ls", "add", "rm", "accept-loss", "drain", "verify"]);
  });

  it("completes the aliases of commands, and what follows them", () => {
    const [d, others, option, value] = bashCompletes(["d"], ["rm", "--ye"], ["ls", "--pre"], ["del", "-o", ""]);
    expect(d).toEqual(["dev", "delete", "del"]);
    expect([others, option, value]).toEqual([["--yes"], ["--prefix"], ["table", "json"]]);
  });

  it("completes the options of every command", () => {
    const answers = bashCompletes(...commands.map(({ path }) => [...path, "--"]));
    expect(answers).toEqual(commands.map(({ options }) => longOptions(options)));
    expect(bashCompletes(["shard", "assign", "6", "node2", "--if"])).toEqual([["--if-epoch"]]);
  });

  it("completes the choices of options, in each form of writing them", () => {
    expect(
      bashCompletes(
        ["get", "k", "-o", ""],
        ["get", "k", "--output", "j"],
        ["get", "--output", "="],
        ["shard", "ls", "--output", "=", "t"],
        ["node", "--engine", "l"],
      ),
    ).toEqual([["table", "json"], ["json"], ["table", "json"], ["table"], ["lmdb"]]);
  });

  it("completes the choices of arguments", () => {
    const [shellNames, helped] = bashCompletes(["completion", ""], ["help", "sh"]);
    expect(shellNames).toEqual([...shells]);
    expect(helped).toEqual(["shard"]);
  });

  it("completes files where a file or folder is expected, and nowhere else", () => {
    const [files, ...others] = bashCompletes(
      ["import", "ent"],
      ["node", "--data", "o"],
      ["get", "ent"],
      ["put", "k", "--ttl", ""],
    );
    expect(files?.toSorted()).toEqual(["entries two.ndjson", "entries.ndjson"]);
    expect(others).toEqual([["other"], [], []]);
  });

  it("completes nothing after an unknown command", () => {
    expect(bashCompletes(["nonsense", ""], ["nonsense", "--"])).toEqual([[], []]);
  });

  it("is registered for the program's name", () => {
    const bound = execFileSync("bash", ["--norc", "-c", "source ./bash; complete -p shardgate"], { cwd: folder });
    expect(bound.toString()).toBe("complete -F _shardgate shardgate\n");
  });
});

describe("completion zsh", () => {
  it("offers every command and option with its description", async () => {
    const text = await script("zsh");
    expect(text).toMatch(/^#compdef shardgate\n/);
    for (const { path, description, options } of commands) {
      if (path.length > 0) expect(text).toContain(`'${path.at(-1)}:${description.replaceAll("'", "'\\''")}'`);
      for (const option of options) expect(text).toContain(`'${option.long}:`);
    }
    expect(text).toContain("('get:--output'|'get:-o') compadd -- table json; return ;;");
    expect(text).toContain("('import:'*) _files ;;");
  });

  it.skipIf(!has(zsh))("is valid zsh", () => {
    expect(spawnSync(zsh, ["-n", join(folder, "zsh")])).toMatchObject({ status: 0 });
  });
});

describe("completion fish", () => {
  it("offers every command and option with its description", async () => {
    const lines = (await script("fish")).split("\n");
    for (const { path, options, commands: beneath } of commands) {
      const here = lines.filter((line) => line.includes(`-n '__shardgate_at \\'${path.join(" ")}\\''`));
      for (const { path: lower } of beneath) expect(here.join("\n")).toContain(` -a ${lower.at(-1)} -d '`);
      for (const { long } of options) expect(here.join("\n")).toContain(` -l ${long.slice(2)} `);
    }
    expect(lines).toContainEqual(expect.stringMatching(/'get\\'' -l output -s o -x -a 'table json' -d '/));
    expect(lines).toContainEqual(expect.stringMatching(/'import\\'' -F$/));
  });

  it.skipIf(!has(fish))("is valid fish, and completes", () => {
    const ask = (line: string): readonly string[] => {
      const code = `source ./fish; complete -C ${JSON.stringify(line)}`;
      const { stdout } = spawnSync(fish, ["--no-config", "-c", code], { cwd: folder, encoding: "utf8" });
      return stdout.split("\n").map((row) => row.split("\t")[0] ?? "");
    };
    expect(ask("shardgate shard ")).toEqual(expect.arrayContaining(["ls", "get", "locate", "assign", "history"]));
    expect(ask("shardgate get k --output ")).toEqual(expect.arrayContaining(["table", "json"]));
    expect(ask("shardgate shard ls --o")).toContain("--output");
  });
});

describe("completion", () => {
  it("lists the shells that have scripts", async () => {
    const { code, err } = await runCommand(["completion", "tcsh"]);
    expect(code).toBe(2);
    expect(err).toContain("Allowed choices are bash, zsh, fish.");
  });
});
