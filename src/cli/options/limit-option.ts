/** The option `--limit` of `gateway`, which `dev` passes on: bounds of this gateway that differ from the defaults. */
import type { Option } from "commander";
import { boundName, boundProperties, defaultBounds, parseBounds, type GatewayBounds } from "../../core/bounds.js";
import { option, parsedBy } from "./option.js";

export interface LimitOptions {
  /** The bounds that were set. */
  readonly limit?: Partial<GatewayBounds>;
}

/** May be given several times; the last value of a bound counts. */
export function limitOption(): Option {
  return option(
    "--limit <name=number>",
    "limit on client requests, repeatable; names are in docs/reference/limits.md (in the variable: separated by commas)",
  ).argParser((text: string, before?: Partial<GatewayBounds>) => ({ ...before, ...parsedBy(parseBounds)(text) }));
}

/** All bounds, with defaults where none is set. */
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
