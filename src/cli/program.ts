/**
 * The command line: defines the commands, and converts how one ends to an exit code (see exit-code.ts). The servers and
 * their dependencies are loaded only when they may be needed, so that interactive commands start quickly.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError, Help } from "commander";
import { addCheckCommand } from "./cluster/check-command.js";
import { addShardCommands } from "./cluster/shard-commands.js";
import { addStatusCommand } from "./cluster/status-command.js";
import { addDeleteCommand } from "./entry/delete-command.js";
import { addGetCommand } from "./entry/get-command.js";
import { addPutCommand } from "./entry/put-command.js";
import { addScanCommand } from "./entry/scan-command.js";
import { namesOf } from "./completion/command-tree.js";
import type { Environment } from "./environment/environment.js";
import { addExportCommand } from "./transfer/export-command.js";
import { exitCodes, type ExitCode } from "./terminal/exit-code.js";
import { CommandFailure, failureText, oneLine, ToldFailure } from "./terminal/command-failure.js";
import { addImportCommand } from "./transfer/import-command.js";
import { addSchemaCommands } from "./offline/schema-command.js";

/** Runs the command in `argv` (without the program's own path) to its end and resolves to the exit code. */
export async function runCli(argv: readonly string[], environment: Environment): Promise<ExitCode> {
  try {
    const program = await programFor(argv[0], environment);
    await program.parseAsync([...argv], { from: "user" });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (error instanceof ToldFailure) return error.exitCode;
    environment.stderr.write(`shardgate: ${failureText(error)}\n`);
    return error instanceof CommandFailure ? error.exitCode : exitCodes.failed;
  }
}

/**
 * Commands that load a server or large parts of one: a storage node starts in half the time without the gateway's
 * modules.
 */
const serverCommands = {
  async dev(program, environment) {
    (await import("./serve/dev/dev-command.js")).addDevCommand(program, environment);
  },
  async gateway(program, environment) {
    (await import("./serve/gateway-command.js")).addGatewayCommand(program, environment);
  },
  async node(program, environment) {
    const [{ addNodeCommand }, { addNodeCommands }, { addVerifyCommand }] = await Promise.all([
      import("./serve/node-command.js"),
      import("./cluster/node-commands.js"),
      import("./offline/verify-command.js"),
    ]);
    const node = addNodeCommand(program, environment);
    addNodeCommands(node, environment);
    addVerifyCommand(node, environment);
  },
  async registry(program, environment) {
    (await import("./registry/registry-command.js")).addRegistryCommands(program, environment);
  },
} as const satisfies Readonly<Record<string, (program: Command, environment: Environment) => Promise<void>>>;

/** The program with all its commands. */
export async function createProgram(environment: Environment): Promise<Command> {
  const program = emptyProgram(environment).commandsGroup("Servers:");
  for (const add of Object.values(serverCommands)) await add(program, environment);
  addClientCommands(program, environment);
  const [{ addTokenCommand }, { addCompletionCommand }] = await Promise.all([
    import("./offline/token-command.js"),
    import("./completion/completion-command.js"),
  ]);
  addTokenCommand(program, environment);
  addCompletionCommand(program, environment);
  return program;
}

/** The part of the program that the command `name` needs: all of it when `name` is not a command, as for `--help`. */
async function programFor(name: string | undefined, environment: Environment): Promise<Command> {
  const client = addClientCommands(emptyProgram(environment), environment);
  if (client.commands.some((command) => namesOf(command).includes(name ?? ""))) return client;
  const addServer = Object.entries(serverCommands).find(([own]) => own === name)?.[1];
  if (addServer === undefined) return createProgram(environment);
  const program = emptyProgram(environment);
  await addServer(program, environment);
  return program;
}

/** The commands that only call a gateway, or no server at all. */
function addClientCommands(program: Command, environment: Environment): Command {
  program.commandsGroup("Entries:");
  addGetCommand(program, environment);
  addPutCommand(program, environment);
  addDeleteCommand(program, environment);
  addScanCommand(program, environment);
  addImportCommand(program, environment);
  addExportCommand(program, environment);
  program.commandsGroup("The cluster:");
  addShardCommands(program, environment);
  addStatusCommand(program, environment);
  addCheckCommand(program, environment);
  program.commandsGroup("More:");
  addSchemaCommands(program, environment);
  return program;
}

function emptyProgram(environment: Environment): Command {
  // Commands that are added later inherit these settings.
  return (
    new Command("shardgate")
      .description("A GraphQL and REST gateway in front of sharded key-value storage nodes.")
      .version(packageVersion(), "-V, --version", "print the version")
      .helpOption("-h, --help", "print this help")
      .configureHelp({
        subcommandTerm: (command) => withAllNames(help.subcommandTerm(command), command),
        commandUsage: (command) => withAllNames(help.commandUsage(command), command),
      })
      .commandsGroup("More:")
      .helpCommand("help [command]", "print the help of a command")
      .exitOverride()
      // Options after the name of a command belong to that command, even if it has subcommands.
      .enablePositionalOptions()
      .configureOutput({
        writeOut: (text) => void environment.stdout.write(text),
        writeErr: (text) => void environment.stderr.write(text),
        outputError: (text, write) => write(`shardgate: ${oneLine(text.replace(/^error: /, ""))}\n`),
      })
  );
}

const help = new Help();

/** Commander's own text shows only the first alias of a command. */
function withAllNames(text: string, command: Command): string {
  const names = namesOf(command);
  return text.replace(names.slice(0, 2).join("|"), names.join("|"));
}

/** Two folders up, in the sources as in the built package. */
function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
