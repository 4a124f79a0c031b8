/**
 * The registry as a leader needs it. A gateway that may lose the lead uses one that ends with the lead: see
 * member/lead-term.ts.
 */
import type { Registry } from "../../../registry/registry.js";

export type LedRegistry = Pick<
  Registry,
  "map" | "execute" | "refresh" | "onChange" | "history" | "isReachable" | "heardOfVersion"
>;
