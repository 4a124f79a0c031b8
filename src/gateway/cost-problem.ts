/** Refuses requests, GraphQL or REST, that would read more keys and shards of storage nodes than one request may. */
import type { GatewayBounds } from "../core/bounds.js";
import { ShardgateError } from "../core/error.js";

/** REQUEST_TOO_COSTLY; null when `cost` is within the bound. */
export function costProblem(cost: number, { requestCost }: Pick<GatewayBounds, "requestCost">): ShardgateError | null {
  if (cost <= requestCost) return null;
  const message = `The request asks for ${cost} keys and shards; at most ${requestCost} are allowed in one request.`;
  return new ShardgateError("REQUEST_TOO_COSTLY", message, { cost });
}
