/**
 * One GraphQL request of a command: sends it once, because the gateway itself repeats what may be repeated, and turns
 * every failure into the message and exit code that the command ends with.
 */
import type { Command } from "commander";
import { errorRules, isErrorCode } from "../core/error.js";
import { readSecret } from "./cluster-secret.js";
import type { Environment } from "./environment.js";
import { exitCodeOf, exitCodes, type ExitCode } from "./exit-code.js";
import { CommandFailure } from "./failure.js";
import { GatewayClient, type GatewayFailure } from "./gateway-client.js";
import { endpointOption, timeoutOption, tokenFileOption } from "./option.js";
import { readCa } from "./tls-files.js";
import { caOption, needsHttps } from "./tls-option.js";

/** What the options of every command that talks to a gateway are parsed to. */
export interface ConnectionOptions {
  readonly endpoint: string;
  readonly timeout: number;
  readonly tlsCa?: string;
  readonly tokenFile?: string;
}

/** Adds the options that say which gateway, and how long to wait for it. */
export function addConnectionOptions(command: Command): Command {
  return command
    .addOption(endpointOption())
    .addOption(caOption())
    .addOption(timeoutOption())
    .addOption(tokenFileOption());
}

/** Runs `use` with a client that is closed afterwards. */
export async function withGateway<T>(
  { endpoint, timeout: timeoutMs, tlsCa, tokenFile }: ConnectionOptions,
  environment: Environment,
  use: (client: GatewayClient) => Promise<T>,
): Promise<T> {
  if (tlsCa !== undefined && endpoint.startsWith("http:"))
    throw new CommandFailure(needsHttps("--endpoint"), exitCodes.usage);
  const ca = tlsCa === undefined ? null : await readCa(tlsCa, environment.clock.nowMs());
  const client = new GatewayClient({ endpoint, timeoutMs, token: await tokenOf(tokenFile, environment), ca });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** Asks `document` with the JSON text `variables`. `T` is what the document selects. Throws CommandFailure. */
export async function ask<T>(client: Pick<GatewayClient, "post">, document: string, variables = "{}"): Promise<T> {
  const answer = await client.post(`{"query":${JSON.stringify(document)},"variables":${variables}}`);
  if (answer.kind === "data") return answer.data as T;
  throw callFailure(answer, document.startsWith("mutation"));
}

/** What a failed request means to the person who asked. `isWrite`: without an answer nobody knows what happened. */
export function callFailure(failure: GatewayFailure, isWrite: boolean): CommandFailure {
  const { reason, code, isUnsent } = failure;
  const isLost = isWrite && code === null && !isUnsent && failure.isRetryable;
  if (isLost) return new CommandFailure(`${reason}; ${errorRules.OUTCOME_UNKNOWN.advice}`);
  const advice = isUnsent && failure.isRetryable ? "; is a gateway running there? Name another with --endpoint" : "";
  return new CommandFailure(withAdvice(reason + advice, code), failureExitCode(failure));
}

/** The exit code of a failed read, or of a write that may be repeated. */
export function failureExitCode({ code, isRetryable }: GatewayFailure): ExitCode {
  if (code !== null) return exitCodeOf(code);
  return isRetryable ? exitCodes.unavailable : exitCodes.failed;
}

/** `reason`, which ends with its code in brackets, and what to do about that code. */
export function withAdvice(reason: string, code: unknown): string {
  return isErrorCode(code) ? `${reason.replace(/\.(?= \([A-Z_]+\)$)/, "")}. ${errorRules[code].advice}` : reason;
}

/** From a file or the environment; the token itself is no option, so that it stands in no list of processes. */
async function tokenOf(file: string | undefined, environment: Environment): Promise<string | null> {
  const token = file === undefined ? environment.variable("SHARDGATE_TOKEN") : await readSecret(file);
  if (file === undefined && (token === undefined || token === "")) return null;
  // RFC 6750, 2.1, b64token. The token itself is never shown.
  if (token !== undefined && /^[A-Za-z0-9._~+/-]+=*$/.test(token)) return token;
  throw new CommandFailure(
    `${file ?? "SHARDGATE_TOKEN"} has characters that no bearer token has, or none.`,
    exitCodes.usage,
  );
}
