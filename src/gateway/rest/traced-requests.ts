/** Trace spans of REST requests. Monitoring requests are left out: they would only fill traces. */
import type { FastifyInstance } from "fastify";
import { endRequestSpan, startRequestSpan, type Span, type Tracer } from "../../core/tracing.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Absent when requests are not traced. */
    span?: Span;
  }
}

const untraced: ReadonlySet<string> = new Set([
  "/health",
  "/ready",
  "/metrics",
  "/openapi.json",
  "/nodes/:id/heartbeat",
]);

export function traceRequests(app: FastifyInstance, tracer: Tracer): void {
  app.addHook("onRequest", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    if (untraced.has(route)) return;
    const { method, headers } = request;
    const span = startRequestSpan(tracer, { method, route, headers });
    request.span = span;
    reply.raw.once("close", () => endRequestSpan(span, reply.statusCode));
  });
}
