/** Who gets to see how a request was served: a receipt in GraphQL, `Server-Timing` at `/data`. */
import type { IncomingMessage } from "node:http";
import { traceHeader } from "../wire/paths.js";
import type { Caller } from "./access/caller.js";

/**
 * Whether this request asks for it, and may have it: it has names of storage nodes, and how many operations of all clients
 * shared a batch, which is for callers who may look at the cluster.
 */
export function isTraced({ headers }: IncomingMessage, { permissions }: Caller): boolean {
  return headers[traceHeader] === "1" && permissions.mayReadAll;
}
