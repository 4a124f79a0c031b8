/** The registry as a leader needs it. Whoever leads for a time only has one that ends with it: see member/lead-term.ts. */
import type { Registry } from "../../../registry/registry.js";

export type LedRegistry = Pick<
  Registry,
  "map" | "execute" | "refresh" | "onChange" | "history" | "isReachable" | "heardOfVersion"
>;
