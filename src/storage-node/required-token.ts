/** Lets only gateways of the cluster in, which prove themselves by a token. Who asks whether the node lives needs none. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { ShardgateError } from "../core/error.js";
import { healthPath } from "../wire/paths.js";

/** Refuses every other request with UNAUTHENTICATED, which does not say what was wrong. */
export function requireToken(app: FastifyInstance, token: string): void {
  const expected = digestOf(`Bearer ${token}`);
  app.addHook("onRequest", async ({ headers, method, routeOptions }, reply) => {
    if (routeOptions.url === healthPath && (method === "GET" || method === "HEAD")) return;
    // Digests have one length, so that the comparison takes one time.
    if (timingSafeEqual(digestOf(headers.authorization ?? ""), expected)) return;
    reply.header("www-authenticate", "Bearer");
    throw new ShardgateError("UNAUTHENTICATED", "Only gateways of this cluster may ask.");
  });
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
