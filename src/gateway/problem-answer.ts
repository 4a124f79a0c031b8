/**
 * Errors as HTTP answers without a framework: problem details (RFC 9457) on a bare response or socket, and GraphQL
 * errors for GraphQL clients.
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { ShardgateError } from "../core/error.js";
import { breakerOpenMs } from "../core/limits.js";
import { problemMediaType, requestIdHeader } from "../wire/paths.js";
import { problemOf } from "../wire/problem.js";
import { acceptedType, graphqlMediaTypes } from "./accept.js";

/**
 * Sent with every answer of the gateway: browsers do not guess another media type, hide answers from pages of other
 * origins, and cache nothing, unless the route says otherwise.
 */
export const securityHeaders: readonly (readonly [name: string, value: string])[] = [
  ["x-content-type-options", "nosniff"],
  ["cross-origin-resource-policy", "same-origin"],
  ["cache-control", "no-store"],
];

/**
 * The headers of an error's answer. For 429 and 503 they say when to retry: when a breaker that opens now lets a
 * request through.
 */
export function retryHeaders({ rule }: ShardgateError): Record<string, string> {
  // RFC 9110, 11.6.1.
  if (rule.httpStatus === 401) return { "www-authenticate": "Bearer" };
  const isBusy = rule.httpStatus === 429 || rule.httpStatus === 503;
  return isBusy ? { "retry-after": String(Math.ceil(breakerOpenMs / 1000)) } : {};
}

/** The headers of a problem's answer. */
export function problemHeaders(error: ShardgateError): Record<string, string> {
  return { "content-type": problemMediaType, ...retryHeaders(error) };
}

/** Answers with the problem and closes the connection. */
export function endWithProblem(response: ServerResponse, error: ShardgateError): void {
  for (const [name, value] of securityHeaders) response.setHeader(name, value);
  response.writeHead(error.rule.httpStatus, { ...problemHeaders(error), connection: "close" });
  response.end(JSON.stringify(problemOf(error)));
}

/** Answers with a GraphQL error, for errors outside of the execution; does nothing when an answer has begun. */
export function endWithGraphqlError(request: IncomingMessage, response: ServerResponse, error: ShardgateError): void {
  if (response.headersSent) return;
  const { httpStatus, isRetryable } = error.rule;
  const mediaType = acceptedType(request.headers.accept, graphqlMediaTypes) ?? graphqlMediaTypes[0];
  const requestId = error.code === "INTERNAL_SERVER_ERROR" ? { requestId: request.headers[requestIdHeader] } : {};
  const extensions = { ...error.details, code: error.code, isRetryable, ...requestId };
  const body = JSON.stringify({ errors: [{ message: error.message, extensions }] });
  response.writeHead(httpStatus, {
    "content-type": `${mediaType}; charset=utf-8`,
    "content-length": Buffer.byteLength(body),
    ...retryHeaders(error),
  });
  response.end(body);
}

/** The whole answer as text, for a socket whose request could not be parsed. */
export function problemText(error: ShardgateError, headers: Readonly<Record<string, string>> = {}): string {
  const body = JSON.stringify(problemOf(error));
  const all = {
    ...Object.fromEntries(securityHeaders),
    ...problemHeaders(error),
    ...headers,
    "content-length": Buffer.byteLength(body),
    connection: "close",
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const { httpStatus } = error.rule;
  return `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus]}\r\n${lines.join("")}\r\n${body}`;
}
