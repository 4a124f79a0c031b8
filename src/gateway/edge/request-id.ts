/** The id under which a request is logged and answered: the client's own when it is harmless text, else one of ours. */
import type { IncomingMessage } from "node:http";
import { requestIdCharactersMax } from "../../core/limits.js";
import { requestIdHeader } from "../../wire/paths.js";

/** Settles the request's id: whoever serves it reads it from the request's header, and the answer carries it whatever happens. */
export function settleRequestId(request: IncomingMessage, nextId: () => string): string {
  const told = request.headers[requestIdHeader];
  const id = typeof told === "string" && isHarmless(told) ? told : nextId();
  request.headers[requestIdHeader] = id;
  return id;
}

function isHarmless(id: string): boolean {
  return id.length <= requestIdCharactersMax && /^[A-Za-z0-9._-]+$/.test(id);
}
