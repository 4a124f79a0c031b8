/** The option `--limit`, which `gateway` has and `dev` passes on: bounds that this gateway has instead of the usual ones. */
import type { Option } from "commander";
import { boundName, boundProperties, defaultBounds, parseBounds, type GatewayBounds } from "../../core/bounds.js";
import { option, parsedBy } from "./option.js";

export interface LimitOptions {
  /** Those that were set. */
  readonly limit?: Partial<GatewayBounds>;
}

/** May be given several times; of one bound the last counts. */
export function limitOption(): Option {
  return option(
    "--limit <name=number>",
    "limit on client requests, repeatable; names are in docs/reference/limits.md (in the variable: separated by commas)",
  ).argParser((text: string, before?: Partial<GatewayBounds>) => ({ ...before, ...parsedBy(parseBounds)(text) }));
}

/** Every bound, as it is in force. */
export function boundsOf({ limit }: LimitOptions): GatewayBounds {
  return { ...defaultBounds, ...limit };
}

/** The option as arguments of another process. */
export function limitArguments({ limit = {} }: LimitOptions): readonly string[] {
  return boundProperties.flatMap((property) => {
    const number = limit[property];
    return number === undefined ? [] : ["--limit", `${boundName(property)}=${number}`];
  });
}
