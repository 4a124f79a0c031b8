/**
 * Recognises the storage nodes and the other gateways of the cluster by the tokens that they derive from its secret.
 */
import { hash, timingSafeEqual } from "node:crypto";
import type { ClusterTokens } from "../../wire/cluster-token.js";
import type { TokenVerifier } from "./access.js";
import { nodeCaller, peerCaller } from "./caller.js";

export function clusterTokenVerifier({
  nodeToken,
  peerToken,
}: Pick<ClusterTokens, "nodeToken" | "peerToken">): TokenVerifier {
  const digestOf = (token: string): Buffer => hash("sha256", token, "buffer");
  const ofNodes = digestOf(nodeToken);
  const ofPeers = digestOf(peerToken);
  return {
    callerOf(token) {
      const digest = digestOf(token);
      if (timingSafeEqual(digest, ofNodes)) return nodeCaller;
      return timingSafeEqual(digest, ofPeers) ? peerCaller : null;
    },
  };
}
