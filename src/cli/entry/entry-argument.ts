/** Parses keys and values in arguments, before anything is sent. */
import { Argument } from "commander";
import { jsonProblem } from "../../core/text/json-text.js";
import { parseKey } from "../../core/key.js";
import type { Input } from "../environment/environment.js";
import { exitCodes } from "../terminal/exit-code.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { parsedBy } from "../options/option.js";
import { valueBytesMax } from "../../core/limits.js";

/** Most bytes that `put` reads from standard input: one full value, and white space around it. */
export const valueInputBytesMax = valueBytesMax + 64 * 1024;

export function keyArgument(): Argument {
  return new Argument("<key>", "1 to 1024 bytes of UTF-8").argParser(parsedBy(parseKey));
}

export function keysArgument(): Argument {
  const parse = parsedBy(parseKey);
  return new Argument("<key...>", "1 to 1024 bytes of UTF-8 each").argParser((text, keys: readonly string[] = []) => [
    ...keys,
    parse(text),
  ]);
}

/** The JSON text in `argument`, or from `stdin` when it is `-`. Throws CommandFailure. */
export async function readValue(argument: string, stdin: Input): Promise<string> {
  const text = (argument === "-" ? await readAll(stdin) : argument).trim();
  const problem = jsonProblem(text);
  if (problem === null) return text;
  const hint = /^[\w .-]+$/.test(text) && argument !== "-" ? `; a JSON string needs double quotes: '"${text}"'` : "";
  throw usageFailure(problem + hint);
}

async function readAll(stdin: Input): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > valueInputBytesMax) throw usageFailure("on standard input is too long");
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw usageFailure("on standard input is not UTF-8");
  }
}

function usageFailure(problem: string): CommandFailure {
  return new CommandFailure(`the value ${problem}`, exitCodes.usage);
}
