/** Problems (RFC 9457) as HTTP answers, also where no framework is at hand: on a bare response or a bare socket. */
import type { ServerResponse } from "node:http";
import type { ShardgateError } from "../core/error.js";
import { breakerOpenMs } from "../core/limits.js";
import { problemMediaType } from "../wire/paths.js";
import { problemOf } from "../wire/problem.js";

/** The headers of a problem's answer. 429 and 503 say when to try again: when a breaker opened now lets someone through. */
export function problemHeaders({ rule }: ShardgateError): Record<string, string> {
  const headers = { "content-type": problemMediaType };
  const isBusy = rule.httpStatus === 429 || rule.httpStatus === 503;
  return isBusy ? { ...headers, "retry-after": String(Math.ceil(breakerOpenMs / 1000)) } : headers;
}

/** Answers with the problem and closes the connection. */
export function endWithProblem(response: ServerResponse, error: ShardgateError): void {
  response.writeHead(error.rule.httpStatus, { ...problemHeaders(error), connection: "close" });
  response.end(JSON.stringify(problemOf(error)));
}

/** The whole answer as text, for a socket whose request could not be parsed. */
export function problemText(error: ShardgateError): string {
  const body = JSON.stringify(problemOf(error));
  const headers = { ...problemHeaders(error), "content-length": Buffer.byteLength(body), connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${error.rule.httpStatus} ${problemOf(error).title}\r\n${lines.join("")}\r\n${body}`;
}
