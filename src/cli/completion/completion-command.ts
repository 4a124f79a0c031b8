/**
 * `shardgate completion`: prints a script with which a shell completes the commands, options and choices of this
 * program.
 */
import { Argument, type Command } from "commander";
import type { Environment } from "../environment/environment.js";
import { addExample } from "../terminal/help-example.js";
import { print } from "../terminal/print.js";
import { bashCompletion } from "./bash-completion.js";
import { commandTree, type CommandNode } from "./command-tree.js";
import { fishCompletion } from "./fish-completion.js";
import { zshCompletion } from "./zsh-completion.js";

type Shell = "bash" | "zsh" | "fish";

const scripts: Readonly<Record<Shell, (root: CommandNode) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export function addCompletionCommand(program: Command, environment: Environment): void {
  const command = program
    .command("completion")
    .description("Print a shell script that completes this program's commands and options.")
    .addArgument(new Argument("<shell>", "shell to print the script for").choices(Object.keys(scripts)))
    .action((shell: Shell) => print(scripts[shell](commandTree(program)), environment));
  addExample(
    command,
    "completion bash > ~/.local/share/bash-completion/completions/shardgate",
    "completion zsh > ~/.zfunc/_shardgate",
    "completion fish > ~/.config/fish/completions/shardgate.fish",
  );
}
