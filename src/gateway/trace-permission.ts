/** Who may see how a request was served: a receipt in GraphQL, `Server-Timing` at `/data`. */
import type { IncomingMessage } from "node:http";
import { traceHeader } from "../wire/paths.js";
import type { Caller } from "./access/caller.js";

/**
 * Whether the request asks for these data and its caller may read cluster data. They contain names of storage nodes,
 * and how many operations of all clients shared a batch.
 */
export function isTraced({ headers }: IncomingMessage, { permissions }: Caller): boolean {
  return headers[traceHeader] === "1" && permissions.mayReadAll;
}
