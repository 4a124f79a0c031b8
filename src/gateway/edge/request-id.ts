/**
 * The id under which a request is logged and answered: the client's own if it is harmless text, else a generated one.
 */
import type { IncomingMessage } from "node:http";
import { requestIdCharactersMax } from "../../core/limits.js";
import { requestIdHeader } from "../../wire/paths.js";

/**
 * Determines the request's id and stores it in the request's header, where handlers read it. Every answer carries it.
 */
export function settleRequestId(request: IncomingMessage, nextId: () => string): string {
  const told = request.headers[requestIdHeader];
  const id = typeof told === "string" && isHarmless(told) ? told : nextId();
  request.headers[requestIdHeader] = id;
  return id;
}

function isHarmless(id: string): boolean {
  return id.length <= requestIdCharactersMax && /^[A-Za-z0-9._-]+$/.test(id);
}
