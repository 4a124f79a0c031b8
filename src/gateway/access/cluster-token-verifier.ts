/** Recognises the storage nodes of the cluster by the token that they derive from its secret. */
import { hash, timingSafeEqual } from "node:crypto";
import type { TokenVerifier } from "./access.js";
import { nodeCaller } from "./caller.js";

export function clusterTokenVerifier(nodeToken: string): TokenVerifier {
  const expected = hash("sha256", nodeToken, "buffer");
  return { callerOf: (token) => (timingSafeEqual(hash("sha256", token, "buffer"), expected) ? nodeCaller : null) };
}
