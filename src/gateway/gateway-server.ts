/**
 * The gateway's HTTP server. `/graphql` goes to the GraphQL handler, or to the playground when a browser opens it; `/`
 * to the console; everything else to the REST API. edge/drain.ts stops the server.
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

/** How long a client may take to send its headers. Stops clients that open connections and send slowly. */
export const gatewayHeadersTimeoutMs = 10_000;

/** How long a client may take to send its whole request: enough for a full GraphQL body over a slow line. */
export const gatewayReceiveTimeoutMs = 60_000;

/**
 * Longest head of a request, its URL and all headers together. The same as Node's own bound, set here so that it does
 * not change.
 */
const gatewayHeaderBytesMax = 16 * 1024;

/**
 * How long a client's idle connection is kept; longer than the 60 s of usual load balancers, so that they close first.
 */
const gatewayKeepAliveMs = 65_000;

export interface GatewayServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Belong to the caller, who stops and closes them after the gateway. */
  readonly services: GatewayServices;
  /** Log of the server's start and stop; by default that of `services`, which is for requests. */
  readonly log?: Log;
  /** Whether browsers get GraphiQL. */
  readonly isPlaygroundEnabled: boolean;
  /** The recent traffic that the console shows. Without it there is no console. */
  readonly traffic?: RecentTraffic;
  /** By default there are none, and all documents are accepted. */
  readonly persistedDocuments?: PersistedDocuments | null;
  /** By default, and without a `server` identity, the server uses plain HTTP. */
  readonly tls?: TlsSource;
  /** By default no other web page may use the gateway, and on loopback it accepts no host name but `localhost`. */
  readonly web?: WebOptions;
  /** By default every client may read the schema, and suggestions are shown. */
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
   * Stops the server as edge/drain.ts describes: keeps serving for `delayMs` (by default 0), then waits up to
   * `drainTimeoutMs` for open requests. A second call waits for the first.
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
  // Node would silently drop headers beyond its bound, conditions among them; too many are refused instead.
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
