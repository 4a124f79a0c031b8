/**
 * One attempt at one GraphQL request over HTTP, and the classification of its failure: whether it may be retried, and
 * whether it may have written.
 */
import { abortError, untilAborted } from "./deadline.js";
import type { Settings } from "../options.js";
import { ShardgateRequestError } from "./request-error.js";

export interface GraphqlRequest {
  readonly document: string;
  /** JSON text, because values are serialized by the application's own `stringifyValue`. */
  readonly variables: string;
  readonly isWrite: boolean;
}

/**
 * Resolves to the field `result` of the answer's data. Throws ShardgateRequestError, the reason of an aborted signal,
 * and errors of the application's `headers`.
 */
export async function send(request: GraphqlRequest, settings: Settings, signal: AbortSignal): Promise<unknown> {
  const headers = await untilAborted(headersOf(settings), signal).catch((error: unknown) => {
    throw abortError(error, false);
  });
  const init = { method: "POST", headers, body: await bodyOf(request, settings), signal } as const;
  const { isWrite } = request;
  try {
    return await untilAborted(answerOf(settings, init, isWrite), signal);
  } catch (error) {
    throw signal.aborted ? abortError(signal.reason, isWrite) : error;
  }
}

async function headersOf({ headers }: Settings): Promise<Record<string, string>> {
  const accept = "application/graphql-response+json, application/json";
  return { accept, ...(await headers()), "content-type": "application/json" };
}

async function bodyOf({ document, variables }: GraphqlRequest, { sendsDocumentIds }: Settings): Promise<string> {
  const [name, text] = sendsDocumentIds ? ["documentId", await documentIdOf(document)] : ["query", document];
  return `{"${name}":${JSON.stringify(text)},"variables":${variables}}`;
}

/** As in the appendix on persisted documents of GraphQL over HTTP. */
async function documentIdOf(document: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(document));
  const bytes = [...new Uint8Array(hash)];
  return `sha256:${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

async function answerOf(settings: Settings, init: RequestInit, isWrite: boolean): Promise<unknown> {
  let status: number | null = null;
  let text: string;
  try {
    // A redirect would be followed with GET, and would send the headers to another server.
    const response = await settings.fetch(settings.endpoint, { ...init, redirect: "manual" });
    status = response.status;
    text = await response.text();
  } catch (cause) {
    const message = `There was no answer from ${settings.endpoint}.`;
    const facts = { isRetryable: true, isOutcomeUnknown: isWrite, status, cause };
    throw new ShardgateRequestError("NETWORK_FAILURE", message, facts);
  }
  const body = parse(text);
  if (body?.data?.result != null) return body.data.result;
  throw failureOf(body, status, isWrite);
}

/**
 * The possible members of an answer: those of GraphQL, or problem details (RFC 9457) of a server in front of the
 * gateway.
 */
interface AnswerBody {
  readonly data?: { readonly result?: unknown } | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: ErrorFacts }[];
  readonly detail?: unknown;
  readonly code?: unknown;
  readonly isRetryable?: unknown;
}
type ErrorFacts = Pick<AnswerBody, "code" | "isRetryable">;

function parse(text: string): AnswerBody | null {
  try {
    return JSON.parse(text) as AnswerBody | null;
  } catch {
    return null;
  }
}

function failureOf(body: AnswerBody | null, status: number, isWrite: boolean): ShardgateRequestError {
  const error = body?.errors?.[0];
  const facts: ErrorFacts = error?.extensions ?? body ?? {};
  if (typeof facts.code !== "string") {
    const message = `The answer is not from a gateway (HTTP ${status}); check that \`endpoint\` is the URL of its GraphQL endpoint.`;
    const isRetryable = busyStatuses.has(status);
    const isOutcomeUnknown = isWrite && !isRefusal(status);
    return new ShardgateRequestError("BAD_ANSWER", message, { isRetryable, isOutcomeUnknown, status });
  }
  // Without `data`, the error was raised before the execution began (GraphQL specification, 7.1).
  const isBeforeExecution = body?.data === undefined && facts.code !== "INTERNAL_SERVER_ERROR";
  const isOutcomeUnknown = isWrite && !isBeforeExecution && !argumentCodes.has(facts.code);
  const message = `${error?.message ?? String(body?.detail ?? facts.code)} (${facts.code})`;
  return new ShardgateRequestError(facts.code, message, {
    isRetryable: facts.isRetryable === true,
    isOutcomeUnknown,
    status,
  });
}

/** Statuses of proxies and load balancers after which a retry may succeed. */
const busyStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Codes of fields that were refused because of their arguments, so that nothing of them was executed. */
const argumentCodes: ReadonlySet<string> = new Set(["BAD_USER_INPUT", "TOO_MANY_KEYS"]);

/** Whether a status means that the request was refused, and so not executed. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 499;
}
