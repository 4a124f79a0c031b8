/**
 * Admits only gateways of the cluster, which authenticate with a token. Health and metrics need no token: they reveal
 * no keys or values.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { ShardgateError } from "../../core/error.js";
import { healthPath, metricsPath } from "../../wire/paths.js";

declare module "fastify" {
  interface FastifyRequest {
    /** True once the request has been authenticated as that of a gateway of the cluster. */
    isOfCluster?: boolean;
  }
}

/** Refuses all other requests with UNAUTHENTICATED; the message tells a missing token from a wrong one. */
export function requireToken(app: FastifyInstance, token: string): void {
  const expected = digestOf(`Bearer ${token}`);
  app.addHook("onRequest", async (request, reply) => {
    const { headers, method, routeOptions } = request;
    const isWatching = routeOptions.url === healthPath || routeOptions.url === metricsPath;
    if (isWatching && (method === "GET" || method === "HEAD")) return;
    // Digests have equal lengths, so that the comparison takes constant time.
    request.isOfCluster = timingSafeEqual(digestOf(headers.authorization ?? ""), expected);
    if (request.isOfCluster) return;
    reply.header("www-authenticate", "Bearer");
    const what = headers.authorization === undefined ? "carries no token" : "does not carry the cluster's token";
    throw new ShardgateError(
      "UNAUTHENTICATED",
      `Only gateways of this cluster may call this storage node, and the request ${what}.`,
    );
  });
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
