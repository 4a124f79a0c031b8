/** docs/reference/command-line.md and configuration.md: the commands and options of the program, read from the program. */
import type { Command, Option } from "commander";
import { createProgram } from "../../../src/cli/program.js";
import { runCommand } from "../../cli/run-command.js";
import { testEnvironment } from "../../cli/test-environment.js";
import { plain, sentence, table, type Regions } from "./page.js";

/** Their options are on a page of their own. */
const servers = ["dev", "gateway", "node"];

/** The commands, and the options that most of those that ask a gateway share. */
export async function commandRegions(): Promise<Regions> {
  const commands = leavesOf(await createProgram(testEnvironment()));
  const shared = sharedOptions(commands);
  const parts = await Promise.all(commands.map((command) => describeCommand(command, shared)));
  return { shared: table(optionHead, shared.map(optionRow)), commands: parts.join("\n\n") };
}

/** One row for each option of the servers, with the commands that have it in these words. */
export async function configurationRegions(): Promise<Regions> {
  const program = await createProgram(testEnvironment());
  const rows = new Map<string, { readonly option: Option; readonly commands: string[] }>();
  for (const command of program.commands.filter((each) => servers.includes(each.name()))) {
    for (const option of optionsOf(command)) {
      const key = JSON.stringify(optionRow(option));
      const row = rows.get(key) ?? { option, commands: [] };
      row.commands.push(command.name());
      rows.set(key, row);
    }
  }
  const sorted = [...rows.values()].toSorted((a, b) => a.option.name().localeCompare(b.option.name(), "en"));
  const cells = sorted.map(({ option, commands }) => {
    const [flags = "", standard = "", meaning = ""] = optionRow(option);
    return [flags, commands.join(", "), standard, meaning];
  });
  return { options: table(["option", "commands", "default", "meaning"], cells) };
}

const optionHead = ["option", "default", "meaning"];

function optionRow(option: Option): readonly string[] {
  const { flags, description, argChoices, defaultValue, defaultValueDescription } = option;
  const choices = argChoices === undefined ? "" : ` (${argChoices.join(", ")})`;
  const standard = defaultValueDescription ?? (typeof defaultValue === "boolean" ? undefined : defaultValue);
  return [
    `\`${flags}\``,
    standard === undefined || standard === "" ? "" : `\`${String(standard)}\``,
    sentence(
      plain(description.replaceAll("docs/reference/limits.md has their names", "see [Limits](limits.md)")) + choices,
    ),
  ];
}

/** Commands that do something themselves, in the order of the help; `node` also has commands beneath it. */
function leavesOf(command: Command): readonly Command[] {
  return command.commands
    .filter((each) => each.name() !== "help")
    .flatMap((each) => {
      const beneath = leavesOf(each);
      return beneath.length > 0 && !servers.includes(each.name()) ? beneath : [each, ...beneath];
    });
}

function sharedOptions(commands: readonly Command[]): readonly Option[] {
  const asking = commands.filter((command) => optionsOf(command).some(({ long }) => long === "--endpoint"));
  const isUsual = (option: Option): boolean => {
    const same = asking.filter((command) => optionsOf(command).some((each) => isSame(each, option)));
    return same.length > asking.length / 2;
  };
  return optionsOf(asking[0]).filter(isUsual);
}

function isSame(one: Option, other: Option): boolean {
  return one.flags === other.flags && one.description === other.description;
}

function optionsOf(command: Command | undefined): readonly Option[] {
  return command?.options.filter(({ hidden }) => !hidden) ?? [];
}

async function describeCommand(command: Command, shared: readonly Option[]): Promise<string> {
  const path = pathOf(command);
  const { out } = await runCommand([...path, "--help"]);
  const usage = /^Usage: (.*)$/m.exec(out)?.[1] ?? "";
  const examples = out.split(/^Examples?:\n/m)[1] ?? "";
  const lines = examples.split("\n").flatMap((line) => (line.trim() === "" ? [] : [`\`${line.trim()}\``]));
  const isServer = servers.includes(path.join(" "));
  const own = optionsOf(command).filter((option) => !shared.some((each) => isSame(each, option)));
  return [
    `### ${path.join(" ")}`,
    `${sentence(plain(command.description()))} Usage: \`${usage}\``,
    command.registeredArguments.map((each) => `- \`${each.name()}\`: ${plain(each.description)}`).join("\n"),
    isServer ? "Options: see [Configuration](configuration.md)." : "",
    isServer || own.length === 0 ? "" : table(optionHead, own.map(optionRow)),
    isServer ? "" : sharedLine(command, shared),
    lines.length === 0 ? "" : `Example: ${lines.join(", ")}`,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** Which of the shared options the command has. */
function sharedLine(command: Command, shared: readonly Option[]): string {
  const had = shared.filter((option) => optionsOf(command).some((each) => isSame(each, option)));
  if (had.length === 0) return "";
  const which = had.length === shared.length ? "all" : had.map(({ long }) => `\`${long}\``).join(", ");
  return `[Shared options](#options-that-most-commands-share): ${which}.`;
}

/** The words behind the program's name. */
function pathOf(command: Command): readonly string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}
