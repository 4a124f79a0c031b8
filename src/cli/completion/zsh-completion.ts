/** The completion script for zsh; it works when sourced, and as the file `_shardgate` in a folder of `fpath`. */
import { allCommands, nameOf, type CommandNode, type ValueKind } from "./command-tree.js";

export function zshCompletion(root: CommandNode): string {
  const commands = allCommands(root);
  return `#compdef shardgate
# zsh completion for shardgate. Load it with: source <(shardgate completion zsh)
_shardgate() {
  local at="" option=$words[CURRENT-1]
  local -a described
  (( CURRENT > 2 )) && at=$words[2]
  (( CURRENT > 3 )) && at="$at $words[3]"
  case $at in
${commands
  .filter(({ path }) => path.length === 2)
  .map(keepCase)
  .join("\n")}
    (*) at=\${at%% *} ;;
  esac
  if [[ $PREFIX == --*=* ]]; then
    option=\${PREFIX%%=*}
    compset -P '*='
  fi
  case "$at:$option" in
${commands.flatMap(valueCases).join("\n")}
  esac
  case "$at:$PREFIX" in
${commands.map(optionsCase).join("\n")}
${commands.flatMap(operandCase).join("\n")}
  esac
}
if [[ $funcstack[1] == _shardgate ]]; then
  _shardgate "$@"
else
  compdef _shardgate shardgate
fi
`;
}

function keepCase({ path }: CommandNode): string {
  return `    (${quoted(path.join(" "))}) ;;`;
}

/** The word after an option with a value is that value. */
function valueCases({ path, options }: CommandNode): readonly string[] {
  return options.flatMap(({ long, short, value }) => {
    if (value === null) return [];
    const flags = [long, ...(short === null ? [] : [short])].map((flag) => quoted(`${path.join(" ")}:${flag}`));
    return [`    (${flags.join("|")}) ${valueCode(value)}; return ;;`];
  });
}

function valueCode(value: ValueKind): string {
  switch (value.kind) {
    case "words":
      return `compadd -- ${value.words.join(" ")}`;
    case "path":
      return "_files";
    default:
      return "_message value";
  }
}

function optionsCase({ path, options }: CommandNode): string {
  const described = options.map(({ long, description }) => describedWord(long, description));
  return `    (${quoted(`${path.join(" ")}:-`)}*) described=(${described.join(" ")}); _describe -o option described ;;`;
}

function operandCase({ path, commands, operand }: CommandNode): readonly string[] {
  const start = `    (${quoted(`${path.join(" ")}:`)}*)`;
  if (commands.length === 0) return operand.kind === "any" ? [] : [`${start} ${valueCode(operand)} ;;`];
  const described = commands.map((node) => describedWord(nameOf(node), node.description));
  return [`${start} described=(${described.join(" ")}); _describe command described ;;`];
}

/** In the form of _describe: the word, a colon, its description. */
function describedWord(word: string, description: string): string {
  return quoted(`${word}:${description}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
