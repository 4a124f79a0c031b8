/** Runs one command line within the test and returns its exit code and output. */
import type { ErrorCode } from "../../src/core/error.js";
import type { Environment } from "../../src/cli/environment/environment.js";
import { runCli } from "../../src/cli/program.js";
import { bytesOf, testEnvironment } from "./test-environment.js";

export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  /** The typed or piped input. */
  readonly input?: string | Uint8Array;
  /** Whether input and output are terminals. */
  readonly isTerminal?: boolean;
  readonly variables?: Readonly<Record<string, string>>;
  readonly overrides?: Partial<Environment>;
}

export async function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<CommandRun> {
  const { input = "", isTerminal = false, variables = {}, overrides = {} } = options;
  const stdin = Object.assign(bytesOf(input), { isTTY: isTerminal });
  const environment = testEnvironment({ stdin, variable: (name) => variables[name], ...overrides });
  Object.assign(environment.stdout, { isTTY: isTerminal });
  Object.assign(environment.stderr, { isTTY: isTerminal });
  const code = await runCli(argv, environment);
  return { code, out: environment.written.out, err: environment.written.err };
}

/** Body of an answer whose only content is an error with this code. */
export function errorBody(code: ErrorCode | "NEWER_CODE", message = "No."): string {
  return JSON.stringify({ data: null, errors: [{ message, extensions: { code } }] });
}
