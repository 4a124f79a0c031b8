/**
 * Requests that hardly anybody sends: with a whole URL as their target, without a host, or with an expectation. Node
 * would answer the latter two without a problem.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { ShardgateError } from "../core/error.js";
import { endWithProblem } from "./problem-answer.js";

/** The target as `/path?query`: servers must also take `http://host/path?query` (RFC 9112, 3.2.2), whatever its host. */
export function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const rest = /^https?:\/\/[^/?#]*(.*)$/is.exec(target)?.[1];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** Answers a request without a host (RFC 9112, 3.2); false, and nothing is answered, for every other one. */
export function refuseWithoutHost({ headers, httpVersion }: IncomingMessage, response: ServerResponse): boolean {
  if (headers.host !== undefined || httpVersion === "1.0") return false;
  endWithProblem(response, new ShardgateError("BAD_REQUEST", "The request has no `Host` header."));
  return true;
}

/** Node's own answer would have no code. */
export function refuseExpectations(server: Server): void {
  server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) => {
    endWithProblem(response, new ShardgateError("BAD_REQUEST", "Nothing but `Expect: 100-continue` is understood."));
  });
}
