/** The input of shell completion: the program's commands, options and choices, read from the program itself. */
import type { Argument, Command, Option } from "commander";

export interface CommandNode {
  /** Names from the program down, without the program's own: `["shard", "ls"]`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly commands: readonly CommandNode[];
  readonly options: readonly OptionNode[];
  /** A word after the command that is neither a subcommand nor an option. */
  readonly operand: ValueKind;
}

export interface OptionNode {
  /** For example `--output`. */
  readonly long: string;
  /** For example `-o`. */
  readonly short: string | null;
  readonly description: string;
  /** Null when the option has no value. */
  readonly value: ValueKind | null;
}

/** What a value can be: one of a few words, the path of a file or folder, or anything else. */
export type ValueKind =
  { readonly kind: "words"; readonly words: readonly string[] } | { readonly kind: "path" } | { readonly kind: "any" };

/** The command with all its subcommands, each once for every name that it has. */
export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .flatMap((each) => namesOf(each).map((name) => commandTree(each, [...path, name])));
  return {
    path,
    description: help.commandDescription(command),
    commands: commands.map((node) => (node.path.at(-1) === "help" ? withNames(node, commands) : node)),
    options: help.visibleOptions(command).map(optionNode),
    operand: operandOf(command.registeredArguments),
  };
}

/** The command's name and its aliases. */
export function namesOf(command: Command): readonly string[] {
  return [command.name(), ...command.aliases()];
}

/** The command and all commands below it, as a flat list. */
export function allCommands(root: CommandNode): readonly CommandNode[] {
  return [root, ...root.commands.flatMap(allCommands)];
}

/** The word by which a command is called. */
export function nameOf({ path }: CommandNode): string {
  return path.at(-1) ?? "";
}

function optionNode(option: Option): OptionNode {
  return {
    long: option.long ?? "",
    short: option.short ?? null,
    description: option.description,
    value: option.required || option.optional ? valueKind(option.argChoices, option.flags) : null,
  };
}

function operandOf(list: readonly Argument[]): ValueKind {
  const kinds = list.map((argument) => valueKind(argument.argChoices, `<${argument.name()}>`));
  return kinds.find(({ kind }) => kind !== "any") ?? { kind: "any" };
}

/** Files and folders are recognised by the placeholder for the value in the help. */
function valueKind(choices: readonly string[] | undefined, flags: string): ValueKind {
  if (choices !== undefined) return { kind: "words", words: choices };
  return /<(file|folder)>/.test(flags) ? { kind: "path" } : { kind: "any" };
}

/** The operand of the command `help` is the name of another command. */
function withNames(help: CommandNode, commands: readonly CommandNode[]): CommandNode {
  const words = commands.filter((node) => node !== help).map(nameOf);
  return { ...help, operand: { kind: "words", words } };
}
