/**
 * The gateway's one HTTP server: `/graphql` goes to the GraphQL handler, or to the playground when a browser asks, `/` to
 * the console, everything else to the REST facade. Also how it stops: it takes no new request and finishes those it has.
 */
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ShardgateError } from "../core/error.js";
import { idSequence } from "../core/id-sequence.js";
import {
  drainTimeoutMs,
  gatewayConnectionCheckMs,
  gatewayHeadersTimeoutMs,
  gatewayKeepAliveMs,
  gatewayReceiveTimeoutMs,
} from "../core/limits.js";
import { noTls, schemeOf, type TlsSource } from "../tls/tls-source.js";
import { createWebServer } from "../tls/web-server.js";
import { listeningUrl } from "../wire/paths.js";
import { createConsole, withConsoleDocuments, type Console } from "./console/console.js";
import { createGraphqlHandler } from "./graphql/handler.js";
import type { PersistedDocuments } from "./graphql/persisted-documents.js";
import { OpenAnswers } from "./open-answers.js";
import { createPlayground, type Playground } from "./playground/playground.js";
import { endWithProblem } from "./problem-answer.js";
import type { RecentTraffic } from "./console/recent-traffic.js";
import { settleRequestId } from "./request-id.js";
import { createRestApp } from "./rest/app.js";
import type { GatewayServices } from "./services.js";
import { originForm, refuseExpectations, refuseWithoutHost } from "./unusual-requests.js";

export interface GatewayOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Stay the caller's, who stops and closes what is behind them after the gateway. */
  readonly services: GatewayServices;
  /** Serves GraphiQL to browsers. */
  readonly isPlaygroundEnabled: boolean;
  /** What the console shows of the traffic. Without it no console is served. */
  readonly traffic?: RecentTraffic;
  /** By default there are none, and every document is taken. */
  readonly persistedDocuments?: PersistedDocuments | null;
  /** By default, and without a `server` identity in it, plain HTTP is spoken. */
  readonly tls?: TlsSource;
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  /** Refuses new requests with DRAINING and waits up to `drainTimeoutMs` for those under way. */
  close(): Promise<void>;
}

/** Resolves when the server listens. Rejects with Node's error when it cannot. */
export async function startGateway({ host, port, services, ...options }: GatewayOptions): Promise<Gateway> {
  const gate = { isClosing: false };
  const { isPlaygroundEnabled, persistedDocuments = null, traffic, tls = noTls } = options;
  const playground: Playground = isPlaygroundEnabled ? createPlayground() : () => false;
  const console = traffic === undefined ? noConsole : createConsole(services, traffic);
  const documents = traffic === undefined ? persistedDocuments : withConsoleDocuments(persistedDocuments);
  const graphql = createGraphqlHandler(services, { persistedDocuments: documents });
  const openAnswers = new OpenAnswers();
  const handlersWith = (rest: RequestListener): Handlers => ({ playground, console, graphql, rest, openAnswers });
  const app = await createRestApp(services, (rest) => webServer(services, gate, handlersWith(rest), tls), openAnswers);
  const server = app.server as Server;
  try {
    await listening(server, host, port);
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port: actualPort } = server.address() as AddressInfo;
  const url = listeningUrl(host, actualPort, schemeOf(tls));
  services.log.info({ url }, "The gateway listens.");

  let closed: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    gate.isClosing = true;
    await Promise.all([console.close(), drained(server, services)]);
    await app.close();
  };
  return { url, port: actualPort, close: () => (closed ??= close()) };
}

const noConsole: Console = { answer: () => false, close: async () => {} };

interface Handlers {
  readonly playground: Playground;
  readonly console: Console;
  readonly graphql: RequestListener;
  readonly rest: RequestListener;
  readonly openAnswers: OpenAnswers;
}

function webServer(
  services: GatewayServices,
  gate: { readonly isClosing: boolean },
  handlers: Handlers,
  tls: TlsSource,
): Server {
  const nextId = idSequence(services.clock.nowMs());
  const options = { connectionsCheckingInterval: gatewayConnectionCheckMs, requireHostHeader: false };
  const parts = { tls, isMutual: false, log: services.log, options };
  const server = createWebServer(parts, (request, response) => {
    request.url = originForm(request.url ?? "/");
    settleRequestId(request, response, nextId);
    handlers.openAnswers.begin(request);
    services.metrics.requestBegan();
    response.once("close", () => {
      handlers.openAnswers.end(request);
      services.metrics.requestEnded();
    });
    if (gate.isClosing) {
      services.metrics.errorTold("DRAINING");
      endWithProblem(response, new ShardgateError("DRAINING", "The gateway is stopping."));
      return;
    }
    if (refuseWithoutHost(request, response)) return;
    // A connection that falls idle while the server closes would otherwise be kept for the client's next request.
    response.once("close", () => {
      if (gate.isClosing) setImmediate(() => server.closeIdleConnections());
    });
    if (handlers.playground(request, response) || handlers.console.answer(request, response)) return;
    const isGraphql = request.url?.replace(/\?.*$/s, "") === "/graphql";
    (isGraphql ? handlers.graphql : handlers.rest)(request, response);
  });
  refuseExpectations(server);
  server.headersTimeout = gatewayHeadersTimeoutMs;
  server.requestTimeout = gatewayReceiveTimeoutMs;
  server.keepAliveTimeout = gatewayKeepAliveMs;
  return server;
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Resolves when no connection is left; those that outlast the drain are cut. */
function drained(server: Server, { clock, log }: GatewayServices): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(drainTimeoutMs, () => {
      log.warn({ drainTimeoutMs }, "Requests that were still under way are cut off.");
      server.closeAllConnections();
    });
    server.close(() => {
      cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
