/**
 * The gateway's one HTTP server: `/graphql` goes to the GraphQL handler, or to the playground when a browser asks, `/` to
 * the console, everything else to the REST facade. How it stops is in edge/drain.ts.
 */
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { idSequence } from "../core/tasks/id-sequence.js";
import type { Log } from "../core/log.js";
import { gatewayConnectionCheckMs } from "../core/limits.js";
import { noTls, schemeOf, type TlsSource } from "../tls/tls-source.js";
import { createWebServer } from "../tls/web-server.js";
import { listeningUrl } from "../wire/paths.js";
import { createConsole, withConsoleDocuments, type Console } from "./pages/console/console.js";
import { boundConnections } from "./edge/bounded-connections.js";
import { Drain } from "./edge/drain.js";
import { closedWeb, Front, type WebOptions } from "./edge/front.js";
import { OpenRequests } from "./edge/open-requests.js";
import { answerUnusual } from "./edge/unusual-requests.js";
import { openRules, type DocumentRules } from "./graphql/documents/document-rules.js";
import { GraphqlHandler, type GraphqlOptions } from "./graphql/handler.js";
import type { PersistedDocuments } from "./graphql/request/persisted-documents.js";
import { createPlayground, type Playground } from "./pages/playground/playground.js";
import type { RecentTraffic } from "./pages/console/recent-traffic.js";
import { createRestApp } from "./rest/app.js";
import type { GatewayServices } from "./services.js";

/** How long a client may take to send its headers; holds off those that open connections and trickle. */
export const gatewayHeadersTimeoutMs = 10_000;

/** How long a client may take to send its whole request: a full GraphQL body over a slow line. */
export const gatewayReceiveTimeoutMs = 60_000;

/** Longest head of a request, its URL and all headers together: Node's own bound, said here so that it stays. */
const gatewayHeaderBytesMax = 16 * 1024;

/** How long a client's idle connection is kept; above the 60 s of usual load balancers, so that they close first. */
const gatewayKeepAliveMs = 65_000;

export interface GatewayServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Stay the caller's, who stops and closes what is behind them after the gateway. */
  readonly services: GatewayServices;
  /** Of the server's start and stop; by default that of `services`, which is about requests. */
  readonly log?: Log;
  /** Serves GraphiQL to browsers. */
  readonly isPlaygroundEnabled: boolean;
  /** What the console shows of the traffic. Without it no console is served. */
  readonly traffic?: RecentTraffic;
  /** By default there are none, and every document is taken. */
  readonly persistedDocuments?: PersistedDocuments | null;
  /** By default, and without a `server` identity in it, plain HTTP is spoken. */
  readonly tls?: TlsSource;
  /** By default no other web page may use it, and on loopback it has no names but `localhost`. */
  readonly web?: WebOptions;
  /** By default the schema is told to whoever asks, and whoever is close. */
  readonly documentRules?: DocumentRules;
  /** See GraphqlOptions. */
  readonly schema?: GraphqlOptions["schema"];
  /** See GraphqlOptions. */
  readonly isOracle?: boolean;
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  /**
   * Stops as edge/drain.ts says: goes on serving for `delayMs` (by default 0), and then waits up to `drainTimeoutMs` for
   * the requests under way. A second call waits for the first.
   */
  close(delayMs?: number): Promise<void>;
}

/** Resolves when the server listens. Rejects with Node's error when it cannot. */
export async function startGateway({ host, port, services, ...options }: GatewayServerOptions): Promise<Gateway> {
  const { clock, bounds, metrics } = services;
  const {
    isPlaygroundEnabled,
    persistedDocuments = null,
    documentRules = openRules,
    traffic,
    schema,
    isOracle,
    tls = noTls,
    web = closedWeb,
    log = services.log,
  } = options;
  const playground: Playground = isPlaygroundEnabled
    ? createPlayground({ hasConsole: traffic !== undefined, asksForToken: !services.access.isOpen })
    : () => false;
  const console =
    traffic === undefined ? noConsole : createConsole(services, { traffic, hasPlayground: isPlaygroundEnabled });
  const documents = traffic === undefined ? persistedDocuments : withConsoleDocuments(persistedDocuments);
  const openRequests = new OpenRequests({
    bounds,
    clock,
    metrics,
    onAnswered: () => drain.answered(),
  });
  const graphql = new GraphqlHandler(services, {
    persistedDocuments: documents,
    schema,
    isOracle,
    ...documentRules,
  });
  const frontBefore = (rest: RequestListener): Front =>
    new Front({
      openRequests,
      web,
      isOpen: services.access.isOpen,
      metrics,
      nextId: idSequence(clock.nowMs()),
      isDraining: () => drain.hasBegun,
      answerPage: (request, response) => playground(request, response) || console.answer(request, response),
      serve: (open, isGraphql) => (isGraphql ? void graphql.answer(open) : rest(open.request, open.response)),
    });
  const app = await createRestApp(services, (rest) => webServer(frontBefore(rest), services, tls), openRequests);
  const server = app.server as Server;
  const drain = new Drain(server, tls.current.server !== null, { openRequests, clock, log });
  try {
    await listening(server, host, port);
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port: actualPort } = server.address() as AddressInfo;
  const url = listeningUrl(host, actualPort, schemeOf(tls));
  log.info({ url }, "The gateway is listening.");

  let closed: Promise<void> | null = null;
  const close = async (delayMs: number): Promise<void> => {
    await drain.announce(delayMs);
    await Promise.all([console.close(), drain.close()]);
    openRequests.close();
    await app.close();
  };
  return { url, port: actualPort, close: (delayMs = 0) => (closed ??= close(delayMs)) };
}

const noConsole: Console = { answer: () => false, close: async () => {} };

function webServer(front: Front, { bounds, metrics, log }: GatewayServices, tls: TlsSource): Server {
  const options = {
    connectionsCheckingInterval: gatewayConnectionCheckMs,
    requireHostHeader: false,
    maxHeaderSize: gatewayHeaderBytesMax,
  };
  const server = createWebServer({ tls, isMutual: false, log, options }, (request, response) =>
    front.receive(request, response, false),
  );
  server.on("checkContinue", (request, response) => front.receive(request, response, true));
  answerUnusual(server);
  boundConnections(server, bounds, metrics);
  // Node would drop those beyond its bound silently, conditions among them; too many are refused instead.
  server.maxHeadersCount = 0;
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
