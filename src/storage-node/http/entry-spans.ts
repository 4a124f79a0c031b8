/** Trace spans of requests for entries. Each continues the span of the gateway. */
import type { FastifyInstance } from "fastify";
import { endRequestSpan, startRequestSpan, type Span, type Tracer } from "../../core/tracing.js";
import { batchPath } from "../../wire/paths.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Absent when requests are not traced. */
    span?: Span;
  }
}

export function traceRequests(app: FastifyInstance, tracer: Tracer): void {
  app.addHook("onRequest", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    if (route !== batchPath && !route.startsWith("/shard/")) return;
    const { method, headers } = request;
    const span = startRequestSpan(tracer, { method, route, headers });
    request.span = span;
    reply.raw.once("close", () => endRequestSpan(span, reply.statusCode));
  });
}
