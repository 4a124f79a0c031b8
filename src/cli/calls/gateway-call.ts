/**
 * One GraphQL request of a command: sends it once, because the gateway itself retries what may be retried, and converts
 * every failure to the message and exit code that the command ends with.
 */
import type { Command } from "commander";
import { commandAdvice } from "../terminal/advice.js";
import { readSecret } from "../options/cluster-secret.js";
import type { Environment } from "../environment/environment.js";
import { exitCodeOf, exitCodes, type ExitCode } from "../terminal/exit-code.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { GatewayClient, type GatewayFailure, type Token } from "./gateway-client.js";
import { endpointOption, timeoutOption, tokenFileOption } from "../options/option.js";
import { readCa } from "../files/tls-files.js";
import { caOption, needsHttps } from "../options/tls-option.js";

/** The parsed options of every command that calls a gateway. */
export interface ConnectionOptions {
  /** URLs of GraphQL routes, separated by commas. */
  readonly endpoint: string;
  readonly timeout: number;
  readonly tlsCa?: string;
  readonly tokenFile?: string;
}

/** Adds the options for the gateway's URL, credentials and timeout. */
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
  const endpoints = endpoint.split(",");
  if (tlsCa !== undefined && endpoints.some((url) => url.startsWith("http:")))
    throw new CommandFailure(needsHttps("--endpoint"), exitCodes.usage);
  const ca = tlsCa === undefined ? null : await readCa(tlsCa, environment.clock.nowMs());
  const client = new GatewayClient({ endpoints, timeoutMs, token: await tokenOf(tokenFile, environment), ca });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/**
 * The effect of a request: reads, writes entries, or changes the cluster. Without an answer, the latter two may have
 * happened.
 */
export type Asked = "read" | "write" | "change";

/**
 * Sends `document` with the JSON text `variables`. `T` is the type of the document's selection. Throws CommandFailure.
 */
export async function ask<T>(
  client: Pick<GatewayClient, "post">,
  document: string,
  variables = "{}",
  asked: Asked = document.startsWith("mutation") ? "change" : "read",
): Promise<T> {
  const answer = await client.post(`{"query":${JSON.stringify(document)},"variables":${variables}}`);
  if (answer.kind === "data") return answer.data as T;
  throw callFailure(answer, asked);
}

/** The failure of a request in words for the user of the command. */
export function callFailure(failure: GatewayFailure, asked: Asked): CommandFailure {
  const { reason, code, isUnsent } = failure;
  const isLost = asked !== "read" && code === null && !isUnsent && failure.isRetryable;
  if (isLost) return new CommandFailure(`${reason}. ${lostAdvice[asked]}`);
  const advice =
    isUnsent && failure.isRetryable ? "; check that a gateway runs there, or set another URL with --endpoint" : "";
  return new CommandFailure(withAdvice(reason + advice, failure.advice), failureExitCode(failure));
}

const lostAdvice: Readonly<Record<Exclude<Asked, "read">, string>> = {
  write: commandAdvice("OUTCOME_UNKNOWN"),
  change: "The change may or may not have happened. Check with `shardgate status` before repeating it.",
};

/** The exit code of a failed read, or of a write that may be repeated. */
export function failureExitCode({ code, isRetryable }: GatewayFailure): ExitCode {
  if (code !== null) return exitCodeOf(code);
  return isRetryable ? exitCodes.unavailable : exitCodes.failed;
}

/** `reason`, which ends with its code in brackets, followed by the advice for that code. */
export function withAdvice(reason: string, advice: string | null): string {
  return advice === null ? reason : `${reason.replace(/\.(?= \([A-Z_]+\)$)/, "")}. ${advice}`;
}

/** Reads the token from a file or the environment; it is not an option, so that lists of processes do not show it. */
async function tokenOf(file: string | undefined, environment: Environment): Promise<Token | null> {
  const text = file === undefined ? environment.variable("SHARDGATE_TOKEN") : await readSecret(file);
  if (file === undefined && (text === undefined || text === "")) return null;
  const source = file ?? "SHARDGATE_TOKEN";
  // RFC 6750, 2.1, b64token. The token itself is never shown.
  if (text !== undefined && /^[A-Za-z0-9._~+/-]+=*$/.test(text)) return { text, source };
  throw new CommandFailure(
    `The token in ${source} is empty or has characters that are not allowed in a bearer token.`,
    exitCodes.usage,
  );
}
