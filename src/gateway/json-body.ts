/** Parses JSON from clients, after a check that its shape is within bounds. */
import type { GatewayBounds } from "../core/bounds.js";
import { ShardgateError } from "../core/error.js";
import { jsonFault } from "../core/text/json-fault.js";
import { jsonShape, membersIn } from "../core/text/json-shape.js";
import { duplicateNameProblem } from "../core/text/json-text.js";

export interface JsonBodyRules {
  readonly bounds: Pick<GatewayBounds, "bodyDepth" | "bodyParts">;
  /**
   * Down to this level of nesting, an object must not have a name twice. Deeper objects may be values, which are
   * checked later.
   */
  readonly distinctLevels: number;
}

/**
 * `what` begins the messages, for example "The body". Throws BODY_TOO_COMPLEX, and BAD_REQUEST for text that is not
 * JSON or has a name twice in one object: a proxy that checked the request may have used the other member.
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
