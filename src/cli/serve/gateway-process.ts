/**
 * One process of a gateway that serves requests, from reading its files and starting its server to shutting both down.
 * Its role decides where the cluster comes from: its own registry or, in a worker, the primary.
 */
import { shareOf } from "../../core/bounds.js";
import { drainTimeoutMs, requestTimeoutMs, stopMarginMs } from "../../core/limits.js";
import { partLog, type Log } from "../../core/log.js";
import { RecentTraffic } from "../../gateway/pages/console/recent-traffic.js";
import { clusterFigures } from "../../gateway/cluster/health.js";
import { Metrics } from "../../gateway/metrics/gateway-metrics.js";
import { startGateway } from "../../gateway/gateway-server.js";
import { Router } from "../../routing/router.js";
import { openGatewayAccess, type AccessOptions } from "./access-options.js";
import { clusterTokens, type ClusterSecretOptions } from "../options/cluster-secret.js";
import { documentRulesOf, type DisclosureOptions } from "../options/disclosure-option.js";
import type { Environment } from "../environment/environment.js";
import type { ExposureOptions } from "../options/exposure.js";
import { ownAddress, type GatewayAddressOptions } from "./gateway-address.js";
import type { Cluster, ClusterOptions, ClusterParts } from "./gateway-cluster.js";
import { openNodes, type NodesOptions } from "./gateway-nodes.js";
import { boundsOf, type LimitOptions } from "../options/limit-option.js";
import type { LogLevels } from "./telemetry/log-level.js";
import { OpenedParts } from "./opened-parts.js";
import { readPersistedDocuments, type PersistedDocumentsOptions } from "../options/persisted-documents-option.js";
import { closeWithin, listenForStop } from "./stop-request.js";
import { TlsFiles } from "../files/tls-files.js";
import { tlsPaths, type GatewayTlsOptions } from "../options/tls-option.js";
import { openTracing, type TracingOptions } from "./telemetry/tracing-option.js";
import { webOptionsOf, type WebCliOptions } from "../options/web-option.js";

export interface GatewayOptions
  extends
    ClusterOptions,
    GatewayAddressOptions,
    NodesOptions,
    WebCliOptions,
    DisclosureOptions,
    PersistedDocumentsOptions,
    LimitOptions,
    GatewayTlsOptions,
    AccessOptions,
    ClusterSecretOptions,
    ExposureOptions,
    TracingOptions {
  readonly port: number;
  readonly workers: number;
  readonly drainDelay: number;
  readonly playground: boolean;
  readonly console: boolean;
  readonly logLevel: LogLevels;
}

export interface GatewayRole {
  readonly log: Log;
  readonly openCluster: (reach: Pick<ClusterParts, "tls" | "tokens" | "self" | "signal">) => Promise<Cluster>;
  /** Of a worker: its number, and the metrics of all of them. */
  readonly number?: number;
  readonly metricsOfAll?: () => Promise<string>;
  /** Called with the URL once the gateway listens; `figures` returns its metrics. */
  serves(url: string, figures: () => Promise<readonly object[]>): void;
}

/** Resolves when the gateway has stopped after a request to stop. */
export async function serveGateway(
  options: GatewayOptions,
  environment: Environment,
  role: GatewayRole,
): Promise<void> {
  const stop = listenForStop(environment);
  try {
    const opened = new OpenedParts();
    const gateway = await opened.orClose(() =>
      openGateway(options, environment, { ...role, opened, signal: stop.signal }),
    );
    role.serves(gateway.url, gateway.figures);
    const reason = await stop.requested;
    role.log.info({ reason }, "The gateway is shutting down.");
    const delayMs = drainDelayAfter(reason, options);
    const closing = gateway.drain(delayMs).then(() => opened.close());
    await closeWithin(closing, delayMs + drainTimeoutMs + stopMarginMs, environment.clock);
  } finally {
    stop.dispose();
  }
}

/** Only a supervisor or a load balancer's script sends SIGTERM; a person who presses Ctrl-C waits for nothing. */
export function drainDelayAfter(reason: string, { drainDelay }: Pick<GatewayOptions, "drainDelay">): number {
  return reason === "SIGTERM" ? drainDelay : 0;
}

interface OpenGateway {
  readonly url: string;
  /** See Gateway.close. */
  drain(delayMs: number): Promise<void>;
  readonly figures: () => Promise<readonly object[]>;
}

interface OpeningParts {
  readonly opened: OpenedParts;
  readonly signal: AbortSignal;
}

async function openGateway(
  options: GatewayOptions,
  environment: Environment,
  { log, openCluster, number, metricsOfAll, opened, signal }: GatewayRole & OpeningParts,
): Promise<OpenGateway> {
  const { clock, random } = environment;
  const bounds = shareOf(boundsOf(options), options.workers);
  const persistedDocuments = await readPersistedDocuments(options, bounds);
  const tls = await TlsFiles.open({ paths: tlsPaths(options), clock, log });
  opened.add(() => tls.close());
  const tokens = await clusterTokens(options);
  const { access, close: closeAccess } = await openGatewayAccess(options, tokens, {
    clock,
    log: partLog(log, "access"),
  });
  opened.add(closeAccess);
  const instance = `${options.host}:${options.port}${number === undefined ? "" : `#${number}`}`;
  const tracing = await openTracing(options, { name: "shardgate-gateway", instance }, { clock, log });
  opened.add(() => tracing.close());
  let listening: string | null = null;
  const cluster = await openCluster({ tls, tokens, signal, self: ownAddress(options, () => listening) });
  opened.add(() => cluster.close());
  const { registry } = cluster;
  const traffic = new RecentTraffic(clock);
  const metrics = new Metrics(traffic);
  const reach = {
    environment,
    log: partLog(log, "routing"),
    tls,
    tokens,
    map: () => registry.map,
    observer: metrics,
    ...tracing.traced,
  };
  const { guard, pool } = openNodes(options, reach);
  opened.add(() => pool.close());
  const { service: membership, start, resign, stop } = cluster.membership(pool, guard);
  opened.add(stop);
  const router = new Router({ registry, pool, refresh: (node) => membership.refresh(node), clock, random, bounds });
  const optional = { ...tracing.traced, ...(metricsOfAll !== undefined && { metricsOfAll }) };
  const forRequests = { access, log: partLog(log, "requests"), bounds, requestTimeoutMs };
  const services = { router, membership, clock, metrics, ...forRequests, ...optional };
  const server = await startGateway({
    host: options.host,
    port: options.port,
    services,
    log,
    tls,
    isPlaygroundEnabled: options.playground && options.persistedOnly !== true && options.production !== true,
    documentRules: documentRulesOf(options),
    persistedDocuments,
    web: webOptionsOf(options),
    ...(options.console && { traffic }),
  });
  opened.add(() => server.close());
  listening = server.url;
  start();
  const figures = (): Promise<readonly object[]> => {
    metrics.clusterSeen(clusterFigures(membership));
    return metrics.data();
  };
  const drain = async (delayMs: number): Promise<void> => {
    await Promise.all([server.close(delayMs), resign()]);
  };
  return { url: server.url, figures, drain };
}
