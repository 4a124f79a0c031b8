/** The completion script for fish. */
import { allCommands, nameOf, type CommandNode, type OptionNode, type ValueKind } from "./command-tree.js";

export function fishCompletion(root: CommandNode): string {
  const commands = allCommands(root);
  const pairs = commands.filter(({ path }) => path.length === 2).map(({ path }) => quoted(path.join(" ")));
  return `# fish completion for shardgate. Load it with: shardgate completion fish | source
# Whether the words so far are of this command.
function __shardgate_at
    set -l words (commandline -opc)[2..-1]
    set -l at "$words[1]"
    if contains -- "$words[1..2]" ${pairs.join(" ")}
        set at "$words[1..2]"
    end
    test "$at" = "$argv[1]"
end
complete -c shardgate -f
${commands.flatMap(commandLines).join("\n")}
`;
}

function commandLines({ path, commands, options, operand }: CommandNode): readonly string[] {
  const start = `complete -c shardgate -n ${quoted(`__shardgate_at ${quoted(path.join(" "))}`)}`;
  return [
    ...commands.map((node) => `${start} -a ${nameOf(node)} -d ${quoted(node.description)}`),
    ...(commands.length > 0 || operand.kind === "any"
      ? []
      : [start + (operand.kind === "path" ? " -F" : wordsOf(operand))]),
    ...options.map((option) => start + optionWords(option)),
  ];
}

function optionWords({ long, short, description, value }: OptionNode): string {
  const flags = ` -l ${long.slice(2)}${short === null ? "" : ` -s ${short.slice(1)}`}`;
  return flags + (value === null ? "" : valueWords(value)) + ` -d ${quoted(description)}`;
}

function valueWords(value: ValueKind): string {
  return value.kind === "path" ? " -r -F" : ` -x${wordsOf(value)}`;
}

function wordsOf(value: ValueKind): string {
  return value.kind === "words" ? ` -a ${quoted(value.words.join(" "))}` : "";
}

/** Within fish's single quotes only the quote and the backslash are special. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
