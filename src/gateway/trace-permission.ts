/** Who gets to see how a request was served: a receipt in GraphQL, `Server-Timing` at `/data`. */
import type { IncomingMessage } from "node:http";
import { traceHeader } from "../wire/paths.js";

/** Whether this request asks for it, and may have it. */
export function isTraced(request: IncomingMessage): boolean {
  return request.headers[traceHeader] === "1" && mayTrace(request);
}

/**
 * Whether the client may see it: names of storage nodes, and how many operations of all clients shared a batch. Everyone
 * may as long as the gateway does not know its clients.
 */
function mayTrace(_request: IncomingMessage): boolean {
  return true;
}
