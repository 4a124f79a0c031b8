/**
 * One storage node as an HTTP server: its routes around a ShardHost, the agent that makes it known to the gateway, and
 * the drain that ends it. Everything it opens it closes, and the engine with it.
 */
import { maxHeaderSize, type RequestListener, type ServerResponse } from "node:http";
import fastify, { type FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.js";
import { ShardgateError } from "../core/error.js";
import {
  drainTimeoutMs,
  idleConnectionMs,
  receiveCheckMs,
  receiveHeadTimeoutMs,
  receiveTimeoutMs,
  refusingMs,
} from "../core/limits.js";
import { partLog, type Log } from "../core/log.js";
import type { Tracer } from "../core/tracing.js";
import { UnderWay } from "../core/tasks/under-way.js";
import type { StorageEngine } from "../storage/engine.js";
import { noTls, schemeOf, type TlsSource } from "../tls/tls-source.js";
import { createWebServer } from "../tls/web-server.js";
import type { ClusterTokens } from "../wire/cluster-token.js";
import { healthPath, listeningUrl, metricsPath, requestIdHeader } from "../wire/paths.js";
import { transferEncodingRefusal } from "../wire/transfer-encoding.js";
import { startAgent, type Agent } from "./membership/agent.js";
import { batchService } from "./batch-service.js";
import { watchConnections } from "./http/connections.js";
import { resultWithin } from "./shards/work-deadline.js";
import { addEntryRoutes } from "./http/entry-routes.js";
import { refuseForeignRequests } from "./http/foreign-requests.js";
import { offerFrames, type FrameConnections } from "./frames/frame-upgrade.js";
import { NodeMetrics } from "./node-metrics.js";
import { addNodeRoutes, figuresOf } from "./http/gateway-routes.js";
import { answerClientError, answerError } from "./http/problem-reply.js";
import type { OpenAnswers } from "./http/open-answers.js";
import { callerOf } from "./http/request-fields.js";
import { requireToken } from "./http/required-token.js";
import { ShardHost } from "./shards/shard-host.js";
import { traceRequests } from "./http/entry-spans.js";
import { refuseWebPages } from "./http/web-pages.js";

export interface StorageNodeOptions {
  readonly name: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The caller's until the start succeeds; from then on `drain` closes it. */
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer;
  /** Null: a storage node that stands alone; it waits for no acknowledgement and claims shards for itself. */
  readonly gatewayUrl: string | null;
  /** Where the gateway reaches this node, when it is not where it listens. */
  readonly advertisedUrl: string | null;
  /** Id of this start of the storage node, drawn anew for each; its workers share one. See NodeRegistration. */
  readonly incarnation: string;
  /** Draws the id of a new store. */
  readonly newId: () => string;
  /** By default, and without a `server` identity in it, plain HTTP is spoken; with a CA, clients must be of the cluster. */
  readonly tls?: TlsSource;
  /** What gateways prove themselves with here, and this node there; null: nobody is asked who they are. */
  readonly tokens?: ClusterTokens | null;
  /** Absent: this process alone serves the storage node. */
  readonly worker?: NodeWorker;
}

/** One of several processes that serve one storage node. */
export interface NodeWorker {
  /** Of one of them: it records the start, registers the storage node, sends its heartbeats and removes expired entries. */
  readonly isFirst: boolean;
  /** How many they are. */
  readonly count: number;
  /** The metrics of all of them, in the Prometheus text format. */
  readonly metricsText: () => Promise<string>;
}

export interface StorageNode {
  /** Where it listens. */
  readonly url: string;
  readonly port: number;
  /** What this process has counted, as data. */
  metrics(): Promise<readonly object[]>;
  /**
   * Refuses new requests with DRAINING, finishes the accepted ones within `drainTimeoutMs`, stops the agent, goes on
   * refusing for `refusingMs`, and closes the server and the engine. A second call waits for the first.
   */
  drain(): Promise<void>;
}

/** Resolves when the node listens. Rejects when it cannot, or when the engine's document is damaged. */
export async function startStorageNode(options: StorageNodeOptions): Promise<StorageNode> {
  const {
    name,
    engine,
    clock,
    log,
    tracer,
    worker,
    gatewayUrl,
    incarnation,
    newId,
    tls = noTls,
    tokens = null,
  } = options;
  const traced = tracer === undefined ? {} : { tracer };
  const metrics = new NodeMetrics();
  const isFirst = worker?.isFirst !== false;
  const hasGateway = gatewayUrl !== null;
  const role = { start: incarnation, newId, hasGateway, isShared: worker !== undefined, isFirst };
  const host = await ShardHost.open({
    engine,
    observer: metrics,
    clock,
    log: partLog(log, "storage"),
    ...role,
    ...traced,
  });
  const gate = new Gate();
  const token = tokens?.gatewayToken ?? null;
  const { app, openAnswers } = createApp({
    log: partLog(log, "requests"),
    clock,
    gate,
    metrics,
    tls,
    token,
    ownHosts: hostsOf(options),
  });
  if (tracer !== undefined) traceRequests(app, tracer);
  const figures = async () => {
    const own = { requestsInFlight: gate.size, isDraining: gate.isClosed, fileBytes: await engine.fileBytes() };
    return figuresOf(host, own);
  };
  refuseForeignRequests(app, { name, hasGateway });
  const answer = batchService(host, metrics);
  const connections = worker?.count ?? 1;
  const service = { answer, gate, metrics, clock, log: partLog(log, "requests"), connections, ...traced };
  const frames = offerFrames(app, service, openAnswers, callerOf);
  addEntryRoutes(app, host);
  addNodeRoutes(app, host, {
    name,
    engineName: engine.name,
    answer,
    isDraining: () => gate.isClosed,
    hasAgent: hasGateway,
    metrics,
    metricsText: worker?.metricsText ?? (async () => metrics.text(await figures())),
  });
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await Promise.allSettled([app.close(), host.drain()]);
    throw error;
  }
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  const url = listeningUrl(options.host, port, schemeOf(tls));
  log.info({ url, engine: engine.name }, "The storage node is listening.");
  const advertisedUrl = options.advertisedUrl ?? url;
  const agent =
    gatewayUrl === null || !isFirst
      ? null
      : startAgent({
          name,
          gatewayUrl,
          advertisedUrl,
          incarnation,
          isEphemeral: !engine.isDurable,
          token: tokens?.nodeToken ?? null,
          host,
          clock,
          log: partLog(log, "membership"),
          tls,
        });
  let draining: Promise<void> | null = null;
  return {
    url,
    port,
    metrics: async () => metrics.data(await figures()),
    drain: () => (draining ??= drainNode({ ...options, app, gate, frames, shardHost: host, agent })),
  };
}

/** Where it listens, and where others reach it. */
function hostsOf({ host, advertisedUrl }: Pick<StorageNodeOptions, "host" | "advertisedUrl">): readonly string[] {
  return advertisedUrl === null ? [host] : [host, new URL(advertisedUrl).hostname];
}

interface Draining {
  readonly app: FastifyInstance;
  readonly gate: Gate;
  readonly frames: FrameConnections;
  readonly shardHost: ShardHost;
  readonly agent: Agent | null;
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly log: Log;
}

async function drainNode({ app, gate, frames, shardHost, agent, engine, clock, log }: Draining): Promise<void> {
  const drained = gate.close().then(() => shardHost.drain());
  frames.sayGoodbye();
  const isFinished = await resultWithin(
    clock,
    drainTimeoutMs,
    drained.then(() => true),
    false,
  );
  if (!isFinished) {
    log.warn(
      { drainTimeoutMs },
      "The drain took too long; unfinished requests were cut off, and their callers try again elsewhere.",
    );
    shardHost.abandon();
  }
  // Before the last refusals, because a heartbeat would make the gateway try again.
  await agent?.stop();
  if (isFinished) await new Promise<void>((resolve) => clock.after(refusingMs, resolve));
  if (isFinished) frames.end();
  else frames.cut();
  await app.close();
  await engine.close();
  log.info({}, "The storage node stopped.");
}

/** Lets requests in until it is closed, and knows how many of their answers are still on their way. */
class Gate {
  readonly #underWay = new UnderWay();
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How many of those there are. */
  get size(): number {
    return this.#underWay.count;
  }

  enter(response: ServerResponse): void {
    this.begin();
    response.once("close", () => this.end());
  }

  begin(): void {
    this.#underWay.begin();
  }

  /** Once for each `begin`. */
  end(): void {
    this.#underWay.end();
  }

  /** Resolves when every request that was let in has its answer. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#underWay.idle();
  }
}

interface AppParts {
  readonly log: Log;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly metrics: NodeMetrics;
  readonly tls: TlsSource;
  /** What gateways prove themselves with. */
  readonly token: string | null;
  readonly ownHosts: readonly string[];
}

interface ServedApp {
  readonly app: FastifyInstance;
  readonly openAnswers: OpenAnswers;
}

function createApp({ log, clock, gate, metrics, tls, token, ownHosts }: AppParts): ServedApp {
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
    // The key decides for itself whether it is too long; no segment is longer than a request's head.
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
    // Bodies are bytes whatever they are called, and a media type that fastify cannot read is no reason to refuse them.
    delete request.raw.headers["content-type"];
    if (!gate.isClosed) gate.enter(reply.raw);
    else if (!watchPaths.has(request.routeOptions.url ?? ""))
      throw new ShardgateError("DRAINING", "The storage node is shutting down.");
    const refusal = transferEncodingRefusal(request.raw.headers["transfer-encoding"]);
    if (refusal !== null) throw refusal;
    // Node's own refusal (RFC 9112, 3.2) would have no code.
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

/** Answered while the node drains, too. */
const watchPaths: ReadonlySet<string> = new Set([healthPath, metricsPath]);
