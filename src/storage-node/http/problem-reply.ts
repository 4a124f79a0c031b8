/** Answers errors of a storage node as problem details (RFC 9457). Unexpected errors are masked. */
import { STATUS_CODES, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ShardgateError, type ErrorCode } from "../../core/error.js";
import { refusedRequestMs } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { OpenAnswers } from "./open-answers.js";
import { problemMediaType, requestIdHeader } from "../../wire/paths.js";
import { problemOf } from "../../wire/problem.js";

/**
 * Answers `error`. An unexpected error, neither a ShardgateError nor the client's fault, is logged with its cause and
 * masked.
 */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const known = error instanceof ShardgateError ? error : clientFault(error);
  if (known !== null) return answerProblem(reply, known);
  const { method, url } = request;
  log.error(
    { err: error, method, url, requestId: request.headers[requestIdHeader] },
    "A request failed unexpectedly; this is a bug, please report `err`.",
  );
  return answerProblem(
    reply,
    new ShardgateError(
      "INTERNAL_SERVER_ERROR",
      "The storage node failed to process the request; its log has the cause.",
    ),
  );
}

/**
 * Answers bytes that are not an HTTP request, or a request that did not arrive in time, and closes the connection. If
 * another answer is pending, only that one is sent: the client would take anything else for that answer or a part of
 * it.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, openAnswers: OpenAnswers): void {
  if (error.code !== "ECONNRESET" && openAnswers.endBehindAnswers(socket)) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  // A client that does not close its side would keep the connection open for ever.
  socket.setTimeout(refusedRequestMs, () => socket.destroy());
  const status = clientErrorStatus[error.code ?? ""] ?? 400;
  const detail = `The request cannot be read: ${STATUS_CODES[status]}.`;
  const body = JSON.stringify({ ...problemOf(new ShardgateError("BAD_REQUEST", detail)), status });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${problemMediaType}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Answers on a bare response, and closes the connection. */
export function endWithProblem(response: ServerResponse, error: ShardgateError): void {
  response.writeHead(error.rule.httpStatus, { "content-type": problemMediaType, connection: "close" });
  response.end(JSON.stringify(problemOf(error)));
}

function answerProblem(reply: FastifyReply, error: ShardgateError): FastifyReply {
  if (waitCodes.has(error.code)) reply.header("retry-after", "1");
  return reply
    .code(error.rule.httpStatus)
    .type(problemMediaType)
    .send(JSON.stringify(problemOf(error, isWrite(reply.request))));
}

function isWrite({ method, routeOptions }: FastifyRequest): boolean {
  return (method === "PUT" || method === "DELETE") && routeOptions.url?.startsWith("/shard/") === true;
}

/** Fastify's own refusal as a ShardgateError; null when it is not the client's fault. */
function clientFault(error: unknown): ShardgateError | null {
  if (!(error instanceof Error)) return null;
  const { code, statusCode } = error as Error & { readonly code?: string; readonly statusCode?: number };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new ShardgateError("BODY_TOO_LARGE", "The request's body is longer than this route allows.");
  }
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return null;
  return new ShardgateError("BAD_REQUEST", `The request cannot be read: ${error.message}.`, {}, error);
}

/** Answers with these codes carry `Retry-After`. */
const waitCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["DRAINING", "OVERLOADED"]);

/** Node's error codes for requests that its parser rejects. */
const clientErrorStatus: Readonly<Record<string, number>> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };
