/** The command line: names the commands and turns how one ends into an exit code. 0 done, 1 failed, 2 used wrongly. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addDevCommand } from "./dev-command.js";
import type { Environment } from "./environment.js";
import { addExportCommand } from "./export-command.js";
import { failureText, oneLine } from "./failure.js";
import { addGatewayCommand } from "./gateway-command.js";
import { addImportCommand } from "./import-command.js";
import { addNodeCommand } from "./node-command.js";

/** Runs the command in `argv` (without the program's own path) to its end and resolves to the exit code. */
export async function runCli(argv: readonly string[], environment: Environment): Promise<number> {
  try {
    await createProgram(environment).parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    environment.stderr.write(`shardgate: ${failureText(error)}\n`);
    return 1;
  }
}

function createProgram(environment: Environment): Command {
  // Before the commands are added: they inherit these settings.
  const program = new Command("shardgate")
    .description("A GraphQL and REST gateway in front of sharded key-value storage nodes.")
    .version(packageVersion(), "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void environment.stdout.write(text),
      writeErr: (text) => void environment.stderr.write(text),
      outputError: (text, write) => write(`shardgate: ${oneLine(text.replace(/^error: /, ""))}\n`),
    });
  addDevCommand(program, environment);
  addGatewayCommand(program, environment);
  addNodeCommand(program, environment);
  addImportCommand(program, environment);
  addExportCommand(program, environment);
  return program;
}

/** Two folders up in the sources as in the built package. */
function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
