/** The one way JSON from a client is parsed: not before its shape is known to be within bounds. */
import type { GatewayBounds } from "../core/bounds.js";
import { ShardgateError } from "../core/error.js";
import { jsonShapeProblem } from "../core/json-shape.js";

/** `what` begins the messages, for example "The body". Throws BODY_TOO_COMPLEX, and BAD_REQUEST for text that is no JSON. */
export function parseJsonBody(text: string, what: string, { bodyDepth, bodyParts }: GatewayBounds): unknown {
  const problem = jsonShapeProblem(text, { depthMax: bodyDepth, partsMax: bodyParts });
  if (problem !== null) throw new ShardgateError("BODY_TOO_COMPLEX", `${what} ${problem}.`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShardgateError("BAD_REQUEST", `${what} is not JSON: ${String(error)}.`, {}, error);
  }
}
