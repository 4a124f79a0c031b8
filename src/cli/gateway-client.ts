/**
 * Sends GraphQL requests to a gateway for `import` and `export`, whose bodies are made as text. Every failure is told
 * as data, with whether another attempt may help; the attempts themselves are the callers', who know what to repeat.
 */
import { Agent, request } from "undici";
import type { Clock } from "../core/clock.js";
import { errorRules, isErrorCode } from "../core/error.js";
import { clientAnswerBytesMax, clientPauseMs, clientPauseMsMax, importInFlightMax } from "../core/limits.js";
import { errorOfProblem } from "../wire/problem.js";
import { messageOf } from "./failure.js";

export type GatewayAnswer =
  { readonly kind: "data"; readonly data: Readonly<Record<string, unknown>>; readonly bytes: number } | GatewayFailure;

interface GatewayFailure {
  readonly kind: "failure";
  /** For people; follows a colon. */
  readonly reason: string;
  readonly isRetryable: boolean;
  /** The answer was longer than the client takes: ask for less. */
  readonly isTooLarge: boolean;
}

export class GatewayClient {
  readonly #endpoint: string;
  readonly #timeoutMs: number;
  readonly #agent = new Agent({ connections: importInFlightMax });

  constructor(endpoint: string, timeoutMs: number) {
    this.#endpoint = endpoint;
    this.#timeoutMs = timeoutMs;
  }

  /** One attempt with the JSON text `body`. Never rejects. */
  async post(body: string): Promise<GatewayAnswer> {
    try {
      const { statusCode, body: stream } = await request(this.#endpoint, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/graphql-response+json, application/json" },
        body,
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        bytes += chunk.length;
        if (bytes > clientAnswerBytesMax) return { ...failure("the answer is too large", false), isTooLarge: true };
        chunks.push(chunk);
      }
      return answerOf(statusCode, Buffer.concat(chunks));
    } catch (error) {
      return failure(`no answer from ${this.#endpoint}: ${messageOf(error)}`, true);
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

/** Whether a repeated unconditional write or read may do better. A write whose outcome is unknown may be repeated. */
export function isWorthRetrying(code: unknown): boolean {
  return isErrorCode(code) && (errorRules[code].isRetryable || code === "OUTCOME_UNKNOWN");
}

/** Waits before attempt number `attempt + 1`, with full jitter; ends at once when `signal` is aborted. */
export async function pauseAfter(
  attempt: number,
  { clock, random }: { readonly clock: Clock; random(): number },
  signal?: AbortSignal,
): Promise<void> {
  const pauseMs = random() * Math.min(clientPauseMsMax, clientPauseMs * 2 ** (attempt - 1));
  await new Promise<void>((resolve) => {
    const cancel = clock.after(pauseMs, resolve);
    const stop = () => {
      cancel();
      resolve();
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

function answerOf(status: number, bytes: Buffer): GatewayAnswer {
  const isOverload = status >= 500 || status === 429;
  let body: { readonly data?: unknown; readonly errors?: unknown } | null;
  try {
    body = JSON.parse(bytes.toString("utf8")) as typeof body;
  } catch {
    return failure(`the answer is not JSON (HTTP ${status}); is this the URL of a gateway?`, isOverload);
  }
  if (Array.isArray(body?.errors) && body.errors.length > 0) return failureOfErrors(body.errors as readonly unknown[]);
  if (typeof body?.data === "object" && body.data !== null) {
    return { kind: "data", data: body.data as Readonly<Record<string, unknown>>, bytes: bytes.length };
  }
  const problem = errorOfProblem(body);
  if (problem !== null) return failure(`${problem.message} (${problem.code})`, isWorthRetrying(problem.code));
  return failure(`the answer is not GraphQL (HTTP ${status}); is this the URL of a gateway?`, isOverload);
}

function failureOfErrors([first]: readonly unknown[]): GatewayFailure {
  const { message, extensions } = first as { message?: unknown; extensions?: { code?: unknown } };
  const code = extensions?.code;
  return failure(typeof code === "string" ? `${String(message)} (${code})` : String(message), isWorthRetrying(code));
}

function failure(reason: string, isRetryable: boolean): GatewayFailure {
  return { kind: "failure", reason, isRetryable, isTooLarge: false };
}
