/**
 * Asks for confirmation before something is destroyed; without a terminal, an option must have confirmed it in advance.
 */
import { createInterface } from "node:readline";
import { Option } from "commander";
import type { Environment } from "../environment/environment.js";
import { exitCodes } from "./exit-code.js";
import { CommandFailure } from "./command-failure.js";

/** Without an environment variable: one that is set once would disable every confirmation for ever. */
export function yesOption(): Option {
  return new Option("-y, --yes", "do not ask for confirmation; required without a terminal");
}

/** Resolves when `isConfirmed`, or when the user answers yes to `question`; else throws CommandFailure. */
export async function confirm(question: string, isConfirmed: boolean, environment: Environment): Promise<void> {
  if (isConfirmed) return;
  const { stdin, stderr } = environment;
  if (stdin.isTTY !== true || stderr.isTTY !== true) {
    throw new CommandFailure(`${question} There is no terminal to ask on; add --yes to confirm.`, exitCodes.usage);
  }
  stderr.write(`${question} [y/N] `);
  if (!/^y(es)?$/i.test((await firstLine(environment)).trim())) throw new CommandFailure("nothing was done.");
}

/** Empty when the input ends before. */
async function firstLine({ stdin }: Environment): Promise<string> {
  // The terminal itself edits the line, and Ctrl-C ends the program as usual.
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
  }
}
