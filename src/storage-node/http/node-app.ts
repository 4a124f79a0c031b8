/**
 * The HTTP server of a storage node, without its routes: the checks that every request passes, and the answers to
 * refused ones.
 */
import { maxHeaderSize, type RequestListener } from "node:http";
import fastify, { type FastifyInstance } from "fastify";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import { idleConnectionMs, receiveCheckMs, receiveTimeoutMs } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { TlsSource } from "../../tls/tls-source.js";
import { createWebServer } from "../../tls/web-server.js";
import { healthPath, metricsPath, requestIdHeader } from "../../wire/paths.js";
import { transferEncodingRefusal } from "../../wire/transfer-encoding.js";
import type { NodeMetrics } from "../node-metrics.js";
import { watchConnections } from "./connections.js";
import type { Gate } from "./gate.js";
import type { OpenAnswers } from "./open-answers.js";
import { answerClientError, answerError } from "./problem-reply.js";
import { requireToken } from "./required-token.js";
import { refuseWebPages } from "./web-pages.js";

/** How long a storage node waits for a request's head, which has a few kilobytes. */
const receiveHeadTimeoutMs = 10_000;

export interface AppParts {
  readonly log: Log;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly metrics: NodeMetrics;
  readonly tls: TlsSource;
  /** The token that gateways must present. */
  readonly token: string | null;
  readonly ownHosts: readonly string[];
}

export interface ServedApp {
  readonly app: FastifyInstance;
  readonly openAnswers: OpenAnswers;
}

export function createApp({ log, clock, gate, metrics, tls, token, ownHosts }: AppParts): ServedApp {
  const timeouts = { requestTimeout: receiveTimeoutMs, keepAliveTimeout: idleConnectionMs };
  const http = {
    headersTimeout: receiveHeadTimeoutMs,
    connectionsCheckingInterval: receiveCheckMs,
    requireHostHeader: false,
  };
  const parts = { tls, isMutual: true, log, options: { ...timeouts, ...http } };
  const app: FastifyInstance = fastify({
    logger: false,
    ...timeouts,
    http,
    ...(tls.current.server !== null && {
      serverFactory: (handler: RequestListener) => createWebServer(parts, handler),
    }),
    forceCloseConnections: true,
    return503OnClosing: false,
    // The key's own check decides whether it is too long. No path segment is longer than the head of a request.
    routerOptions: { maxParamLength: maxHeaderSize },
    frameworkErrors: (_error, request, reply) => {
      const code = request.url.startsWith("/shard/") ? "INVALID_KEY" : "BAD_REQUEST";
      const error = new ShardgateError(code, "The request's path is not percent-encoded UTF-8.");
      return answerError(error, request, reply, log);
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, openAnswers),
  });
  const openAnswers = watchConnections(app.server, clock);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  refuseWebPages(app, { ownHosts, areCallersProven: token !== null });
  if (token !== null) requireToken(app, token);
  app.addHook("onRequest", async (request, reply) => {
    // Bodies are taken as bytes whatever their media type, including types that fastify cannot parse.
    delete request.raw.headers["content-type"];
    if (!gate.isClosed) gate.enter(reply.raw);
    else if (!watchPaths.has(request.routeOptions.url ?? ""))
      throw new ShardgateError("DRAINING", "The storage node is shutting down.");
    const refusal = transferEncodingRefusal(request.raw.headers["transfer-encoding"]);
    if (refusal !== null) throw refusal;
    // Node's own refusal (RFC 9112, 3.2) would have no error code.
    const { headers, httpVersion } = request.raw;
    if (headers.host === undefined && httpVersion !== "1.0") {
      throw new ShardgateError("BAD_REQUEST", "The request has no `Host` header.");
    }
  });
  app.addHook("onSend", async (_request, reply) => {
    if (gate.isClosed) reply.header("connection", "close");
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method, headers } = request;
    const { statusCode: status, elapsedTime: durationMs } = reply;
    const route = request.routeOptions.url ?? "unknown";
    metrics.requestAnswered({ route, method, status, durationMs });
    log.debug({ requestId: headers[requestIdHeader], method, route, status, durationMs }, "A request was answered.");
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, log));
  app.setNotFoundHandler((request, reply) => {
    const error = new ShardgateError("NOT_FOUND", `A storage node has no route ${request.method} ${request.url}.`);
    return answerError(error, request, reply, log);
  });
  return { app, openAnswers };
}

/** Paths that are answered even while the node drains. */
const watchPaths: ReadonlySet<string> = new Set([healthPath, metricsPath]);
