/** The one way JSON from a client is parsed: not before its shape is known to be within bounds. */
import type { GatewayBounds } from "../core/bounds.js";
import { ShardgateError } from "../core/error.js";
import { jsonFault } from "../core/text/json-fault.js";
import { jsonShape, membersIn } from "../core/text/json-shape.js";
import { duplicateNameProblem } from "../core/text/json-text.js";

export interface JsonBodyRules {
  readonly bounds: Pick<GatewayBounds, "bodyDepth" | "bodyParts">;
  /** Objects nested deeper may have a name twice, of which the last counts: they may be values, and are looked at later. */
  readonly distinctLevels: number;
}

/**
 * `what` begins the messages, for example "The body". Throws BODY_TOO_COMPLEX, and BAD_REQUEST for text that is no JSON, or
 * has a name twice in one object: who looked at the request before may have taken the other one.
 */
export function parseJsonBody(text: string, what: string, { bounds, distinctLevels }: JsonBodyRules): unknown {
  const { problem, members } = jsonShape(text, { depthMax: bounds.bodyDepth, partsMax: bounds.bodyParts });
  if (problem !== null) throw new ShardgateError("BODY_TOO_COMPLEX", `${what} ${problem}.`);
  const parsed = parsedJson(text, what);
  const twice = membersIn(parsed) === members ? null : duplicateNameProblem(text, distinctLevels);
  if (twice !== null) throw new ShardgateError("BAD_REQUEST", `${what} ${twice}.`);
  return parsed;
}

function parsedJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShardgateError("BAD_REQUEST", `${what} is not JSON: ${jsonFault(text)}.`, {}, error);
  }
}
