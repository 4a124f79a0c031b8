/** The spans of requests for entries, when requests are traced: each continues the gateway's. */
import type { FastifyInstance } from "fastify";
import { endRequestSpan, startRequestSpan, type Span, type Tracer } from "../../core/tracing.js";
import { batchPath } from "../../wire/paths.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Absent where nothing is traced. */
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
