/** The end of a command's help: command lines that work unchanged. */
import type { Command } from "commander";

/** Adds `lines`, without the name of the program, as examples to the help of `command`. */
export function addExample(command: Command, ...lines: readonly string[]): Command {
  const title = lines.length === 1 ? "Example" : "Examples";
  return command.addHelpText("after", `\n${title}:\n${lines.map((line) => `  shardgate ${line}`).join("\n")}`);
}
