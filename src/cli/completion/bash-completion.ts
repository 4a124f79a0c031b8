/** The completion script for bash 3.2 and newer; it depends on no other scripts. */
import { allCommands, nameOf, type CommandNode, type ValueKind } from "./command-tree.js";

export function bashCompletion(root: CommandNode): string {
  const commands = allCommands(root);
  return `# bash completion for shardgate. Load it with: source <(shardgate completion bash)
_shardgate() {
  local IFS=$' \\t\\n' current=\${COMP_WORDS[COMP_CWORD]} option=\${COMP_WORDS[COMP_CWORD-1]} at="" words=""
  # Of --option=value bash makes three words.
  if [[ $current == "=" ]]; then current=""
  elif [[ $option == "=" ]]; then option=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  ((COMP_CWORD > 1)) && at=\${COMP_WORDS[1]}
  ((COMP_CWORD > 2)) && at="$at \${COMP_WORDS[2]}"
  case $at in
${commands
  .filter(({ path }) => path.length === 2)
  .map(keepCase)
  .join("\n")}
    *) at=\${at%% *} ;;
  esac
  COMPREPLY=()
  case "$at:$option" in
${commands.flatMap(valueCases).join("\n")}
  esac
  case "$at:$current" in
${commands.map(optionsCase).join("\n")}
${commands.flatMap(operandCase).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
_shardgate_paths() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$1"))
  compopt -o filenames 2> /dev/null
}
complete -F _shardgate shardgate
`;
}

function keepCase({ path }: CommandNode): string {
  return `    "${path.join(" ")}") ;;`;
}

/** The word after an option with a value is that value. */
function valueCases({ path, options }: CommandNode): readonly string[] {
  return options.flatMap(({ long, short, value }) => {
    if (value === null) return [];
    const flags = [long, ...(short === null ? [] : [short])].map((flag) => `"${path.join(" ")}:${flag}"`);
    return [`    ${flags.join(" | ")}) ${valueCode(value)} ;;`];
  });
}

function valueCode(value: ValueKind): string {
  switch (value.kind) {
    case "words":
      return `COMPREPLY=($(compgen -W "${value.words.join(" ")}" -- "$current")); return`;
    case "path":
      return '_shardgate_paths "$current"; return';
    default:
      return "return";
  }
}

function optionsCase({ path, options }: CommandNode): string {
  return `    "${path.join(" ")}:-"*) words="${options.map(({ long }) => long).join(" ")}" ;;`;
}

function operandCase({ path, commands, operand }: CommandNode): readonly string[] {
  const start = `    "${path.join(" ")}:"*)`;
  if (commands.length > 0) return [`${start} words="${commands.map(nameOf).join(" ")}" ;;`];
  if (operand.kind === "words") return [`${start} words="${operand.words.join(" ")}" ;;`];
  return operand.kind === "path" ? [`${start} _shardgate_paths "$current"; return ;;`] : [];
}
