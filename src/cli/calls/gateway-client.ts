/**
 * Sends GraphQL requests with bodies as text to a gateway. Every failure is returned as data, with whether a retry may
 * help; callers retry themselves, because they know what may be repeated.
 */
import type { Readable } from "node:stream";
import { Agent, buildConnector, request } from "undici";
import { errorRules, isErrorCode, type ErrorCode } from "../../core/error.js";
import { connectTimeoutMs, importInFlightMax } from "../../core/limits.js";
import { tlsVersionMin } from "../../tls/tls-source.js";
import { errorOfProblem } from "../../wire/problem.js";
import { commandAdvice, tokenAdvice } from "../terminal/advice.js";
import { messageOf } from "../terminal/command-failure.js";

/** Longest answer that the command line accepts; keys and entries that exceed it are requested in smaller parts. */
export const clientAnswerBytesMax = 64 * 1024 * 1024;

export type GatewayAnswer =
  { readonly kind: "data"; readonly data: Readonly<Record<string, unknown>>; readonly bytes: number } | GatewayFailure;

export interface GatewayFailure {
  readonly kind: "failure";
  /** For people; follows a colon. Ends with the code in brackets if there is one. */
  readonly reason: string;
  /** What to do about the code, in one sentence or more; null without a code. */
  readonly advice: string | null;
  /** The gateway's code; null when its answer has none, or there was no answer. */
  readonly code: ErrorCode | null;
  /** No connection was established: nothing was requested, and nothing was done. */
  readonly isUnsent: boolean;
  readonly isRetryable: boolean;
  /** The answer was longer than the client accepts; request less. */
  readonly isTooLarge: boolean;
}

export interface GatewayAccess {
  /** URLs of the GraphQL routes of gateways, at least one. */
  readonly endpoints: readonly string[];
  /** Timeout of one attempt at one gateway, from the connection to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Sent as a bearer token (RFC 6750); null: none. */
  readonly token: Token | null;
  /** The only CA that is trusted for an https gateway, PEM; null: those that Node.js trusts. */
  readonly ca: string | null;
}

export interface Token {
  readonly text: string;
  /** Where the token was read: a file or an environment variable. */
  readonly source: string;
}

export class GatewayClient {
  readonly #access: GatewayAccess;
  readonly #agent: Agent;
  /** Index of the gateway that is tried first: the one that was connected to last. */
  #first = 0;
  /** Errors of connections that were not established. */
  readonly #unsent = new WeakSet<object>();

  constructor(access: GatewayAccess) {
    this.#access = access;
    const { ca, endpoints } = access;
    // If there is another gateway, an unreachable one is given up after the timeout for connecting.
    const patience = endpoints.length > 1 ? { timeout: connectTimeoutMs } : {};
    const connector = buildConnector({ minVersion: tlsVersionMin, ...patience, ...(ca !== null && { ca }) });
    this.#agent = new Agent({
      connections: importInFlightMax,
      connect: (options, callback) =>
        connector(options, (...[error, socket]) => {
          if (error === null) return callback(null, socket);
          this.#unsent.add(error);
          callback(error, null);
        }),
    });
  }

  /** Makes one attempt with the JSON text `body`, at the first gateway that can be connected to. Never rejects. */
  async post(body: string): Promise<GatewayAnswer> {
    const { endpoints } = this.#access;
    const reasons: string[] = [];
    for (;;) {
      const index = this.#first;
      const answer = await this.#postTo(endpoints[index] ?? "", body);
      if (answer.kind === "data" || !answer.isUnsent) return answer;
      reasons.push(answer.reason);
      if (reasons.length === endpoints.length || !answer.isRetryable) return { ...answer, reason: reasons.join("; ") };
      // Another request of this client may have changed it meanwhile.
      if (this.#first === index) this.#first = (index + 1) % endpoints.length;
    }
  }

  async #postTo(endpoint: string, body: string): Promise<GatewayAnswer> {
    const { timeoutMs, token } = this.#access;
    try {
      const {
        statusCode,
        headers,
        body: stream,
      } = await request(endpoint, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/graphql-response+json, application/json",
          ...(token === null ? {} : { authorization: `Bearer ${token.text}` }),
        },
        body,
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (Number(headers["content-length"] ?? 0) > clientAnswerBytesMax) return tooLarge(stream);
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        bytes += chunk.length;
        if (bytes > clientAnswerBytesMax) return tooLarge(stream);
        chunks.push(chunk);
      }
      const answer = answerOf(statusCode, Buffer.concat(chunks));
      const isTokenRefused = answer.kind === "failure" && answer.code === "UNAUTHENTICATED";
      return isTokenRefused ? { ...answer, advice: tokenAdvice(token?.source ?? null) } : answer;
    } catch (error) {
      const isUnsent = error instanceof Error && this.#unsent.has(error);
      const reason = `no answer from ${endpoint}: ${messageOf(error)}`;
      if (!isUnsent || !isUntrusted(error)) return { ...failure(reason, true), isUnsent };
      return { ...failure(`${reason}; check that --tls-ca is the gateway's CA`, false), isUnsent };
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

/**
 * Whether repeating an unconditional write or a read may succeed. An unconditional write of unknown outcome may be
 * repeated.
 */
export function isWorthRetrying(code: unknown): boolean {
  return isErrorCode(code) && (errorRules[code].isRetryable || code === "OUTCOME_UNKNOWN");
}

function answerOf(status: number, bytes: Buffer): GatewayAnswer {
  const isOverload = status >= 500 || status === 429;
  let body: { readonly data?: unknown; readonly errors?: unknown } | null;
  try {
    body = JSON.parse(bytes.toString("utf8")) as typeof body;
  } catch {
    return failure(`the answer is not JSON (HTTP ${status}); check that this is the URL of a gateway`, isOverload);
  }
  if (Array.isArray(body?.errors) && body.errors.length > 0) return failureOfErrors(body.errors as readonly unknown[]);
  if (typeof body?.data === "object" && body.data !== null) {
    return { kind: "data", data: body.data as Readonly<Record<string, unknown>>, bytes: bytes.length };
  }
  const problem = errorOfProblem(body);
  if (problem !== null) return failureOfCode(problem.message, problem.code);
  return failure(`the answer is not GraphQL (HTTP ${status}); check that this is the URL of a gateway`, isOverload);
}

function failureOfErrors([first]: readonly unknown[]): GatewayFailure {
  const { message, extensions } = first as { message?: unknown; extensions?: { code?: unknown } };
  return failureOfCode(String(message), extensions?.code);
}

/** A code that this program does not know is shown, but otherwise treated as none. */
function failureOfCode(message: string, code: unknown): GatewayFailure {
  const reason = typeof code === "string" ? `${message} (${code})` : message;
  if (!isErrorCode(code)) return failure(reason, false);
  return { ...failure(reason, isWorthRetrying(code)), code, advice: commandAdvice(code) };
}

/** Closes the connection, which still carries the rest of the answer. */
function tooLarge(rest: Readable): GatewayFailure {
  rest.once("error", () => {});
  rest.destroy();
  return { ...failure("the answer is too large", false), isTooLarge: true };
}

function failure(reason: string, isRetryable: boolean): GatewayFailure {
  return { kind: "failure", reason, advice: null, code: null, isUnsent: false, isRetryable, isTooLarge: false };
}

/** Whether a TLS connection failed because the gateway's certificate is not trusted; codes of OpenSSL and Node.js. */
function isUntrusted(error: Error): boolean {
  const code = "code" in error ? String(error.code) : "";
  return /^(CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERR_TLS_CERT)/.test(code);
}
