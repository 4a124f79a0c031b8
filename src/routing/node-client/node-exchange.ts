/**
 * One HTTP request to a storage node and its answer, as plain data, and the meaning of failures in between. Independent
 * of the HTTP library: errors are classified by their codes, and by whether the request had been sent.
 */
import type { ShardgateError } from "../../core/error.js";
import type { StopSignal } from "../../core/tasks/stop-signal.js";
import { errorOfProblem } from "../../wire/problem.js";
import { NodeFault, type NodeFaultReason } from "./node-client.js";

export interface NodeRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Percent-encoded, and sent unchanged after the base path of the node's URL. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** A longer answer is cut off and fails with `answerTooLarge`. */
  readonly answerBytesMax: number;
}

export interface RawNodeAnswer {
  readonly status: number;
  /** In lower case, without parameters; empty when the answer has none. */
  readonly mediaType: string;
  readonly body: Buffer;
}

/**
 * Resolves to any final answer, including 3xx (redirects are never followed), 4xx and 5xx. Rejects with a NodeFault.
 */
export type NodeExchange = (request: NodeRequest, signal: StopSignal) => Promise<RawNodeAnswer>;

/** A storage node, as messages name it, and the function that sends it requests. */
export interface NodeLine {
  readonly node: string;
  readonly exchange: NodeExchange;
}

/** The fault for `error` of a failed exchange. If nothing was sent, the storage node provably executed nothing. */
export function faultOfError(error: unknown, node: string, isSent: boolean): NodeFault {
  if (error instanceof NodeFault) return error;
  const code = codeOf(error);
  const [reason, what] = isSent ? sentFault(code) : unsentFault(code);
  return new NodeFault(reason, `${node} ${what}`, !isSent, error);
}

/** The fault for an answer that the request does not allow. */
export function faultOfAnswer(answer: RawNodeAnswer, node: string): NodeFault {
  const { status, mediaType } = answer;
  if (status >= 300 && status < 400) {
    return new NodeFault("redirect", `${node} answered with a redirect (${status}), which is not followed`, false);
  }
  if (status >= 400) {
    const problem = problemIn(answer);
    if (problem === null) return new NodeFault("serverError", `${node} answered ${status}`, false);
    const isDraining = problem.code === "DRAINING";
    const isUnsent = status < 500 || isDraining || problem.code === "OVERLOADED";
    const message = `${node} answered ${problem.code} (${clause(problem.message)})`;
    return new NodeFault(isDraining ? "draining" : "serverError", message, isUnsent);
  }
  return malformedFault(node, `status ${status}, ${mediaType || "no media type"}`);
}

export function malformedFault(node: string, what: string, cause?: unknown): NodeFault {
  return new NodeFault("malformedAnswer", `${node} gave an answer that cannot be understood (${what})`, false, cause);
}

/** The error described by the answer's problem details; null when it has none with a known code. */
export function problemIn({ body }: RawNodeAnswer): ShardgateError | null {
  return errorOfProblem(jsonIn(body));
}

/** The parsed JSON; undefined when `body` is not JSON. */
export function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** A sentence as a part of another: without its full stop. */
export function clause(sentence: string): string {
  return sentence.replace(/\.$/, "");
}

/** Beside these codes, all of the parser llhttp, which begin with HPE_. */
const notHttp: ReadonlySet<string> = new Set([
  "HTTPParserError",
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
]);

function unsentFault(code: string): readonly [NodeFaultReason, string] {
  switch (code) {
    case "ECONNREFUSED":
      return ["connectionRefused", "refused the connection"];
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return ["connectTimeout", "could not be connected to in time"];
    case "UND_ERR_DESTROYED":
    case "UND_ERR_CLOSED":
      return ["aborted", "is no longer used"];
    case "EMFILE":
    case "ENFILE":
    case "ENOBUFS":
    case "ENOMEM":
    case "EADDRNOTAVAIL":
      return ["noConnection", `could not be connected to: the gateway can open no further connection (${code})`];
    default:
      return ["unreachable", `could not be connected to (${code})`];
  }
}

function sentFault(code: string): readonly [NodeFaultReason, string] {
  if (code === "UND_ERR_DESTROYED" || code === "UND_ERR_CLOSED")
    return ["aborted", "did not answer before the request was cancelled"];
  if (notHttp.has(code) || code.startsWith("HPE_"))
    return ["malformedAnswer", `gave an answer that is not HTTP (${code})`];
  return ["connectionReset", `closed the connection before its answer was complete (${code})`];
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.name : "unknown";
}
