/**
 * Composes one storage node: an HTTP server with its routes around a ShardHost, and the agent that registers it at the
 * gateway. It closes everything it opens, and the engine too.
 */
import type { Clock } from "../core/clock.js";
import { partLog, type Log } from "../core/log.js";
import type { Tracer } from "../core/tracing.js";
import type { StorageEngine } from "../storage/engine.js";
import { noTls, schemeOf, type TlsSource } from "../tls/tls-source.js";
import type { ClusterTokens } from "../wire/cluster-token.js";
import { listeningUrl } from "../wire/paths.js";
import { startAgent } from "./membership/agent.js";
import { batchService } from "./batch-service.js";
import { drainNode } from "./drain-node.js";
import { leaveNode } from "./leave-node.js";
import { addEntryRoutes } from "./http/entry-routes.js";
import { refuseForeignRequests } from "./http/foreign-requests.js";
import { offerFrames } from "./frames/frame-upgrade.js";
import { NodeMetrics } from "./node-metrics.js";
import { addNodeRoutes, figuresOf } from "./http/gateway-routes.js";
import { Gate } from "./http/gate.js";
import { createApp } from "./http/node-app.js";
import { callerOf } from "./http/request-fields.js";
import { ShardHost } from "./shards/shard-host.js";
import { traceRequests } from "./http/entry-spans.js";

export interface StorageNodeOptions {
  readonly name: string;
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Belongs to the caller until the start succeeds; from then on `drain` closes it. */
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: requests are not traced. */
  readonly tracer?: Tracer;
  /**
   * URLs of the cluster's gateways. Empty: the storage node has no gateway; it waits for no acknowledgement and claims
   * shards for itself.
   */
  readonly gatewayUrls: readonly string[];
  /** The URL under which the gateway reaches this node, if it differs from where the node listens; else null. */
  readonly advertisedUrl: string | null;
  /** Id of this start of the storage node, new for each start and shared by its workers. See NodeRegistration. */
  readonly incarnation: string;
  /** Draws the id of a new store. */
  readonly newId: () => string;
  /** Absent, or without a `server` identity: plain HTTP. With a CA, clients need a certificate of the cluster. */
  readonly tls?: TlsSource;
  /** The tokens with which gateways authenticate here, and this node at the gateway; null: no authentication. */
  readonly tokens?: ClusterTokens | null;
  /** Absent: this process alone serves the storage node. */
  readonly worker?: NodeWorker;
}

/** One of several processes that serve one storage node. */
export interface NodeWorker {
  /**
   * True for exactly one of them, which records the start, registers the storage node, sends its heartbeats and removes
   * expired entries.
   */
  readonly isFirst: boolean;
  /** Number of workers. */
  readonly count: number;
  /** The metrics of all workers, in the Prometheus text format. */
  readonly metricsText: () => Promise<string>;
}

export interface StorageNode {
  /** The URL where the node listens. */
  readonly url: string;
  readonly port: number;
  /** The metrics of this process, as data. */
  metrics(): Promise<readonly object[]>;
  /**
   * For a node that is about to be drained: if other storage nodes share its store, tells the gateways so, and serves on
   * until others have taken over all of its shards, at most `leavingMsMax`. Does nothing without a gateway.
   */
  leave(): Promise<void>;
  /**
   * Refuses new requests with DRAINING, finishes the accepted ones within `drainTimeoutMs`, stops the agent, keeps
   * refusing for `refusingMs`, and closes the server and the engine. A second call waits for the first.
   */
  drain(): Promise<void>;
}

/** Resolves when the node listens. Rejects when it cannot listen, or when the engine's document is damaged. */
export async function startStorageNode(options: StorageNodeOptions): Promise<StorageNode> {
  const {
    name,
    engine,
    clock,
    log,
    tracer,
    worker,
    gatewayUrls,
    incarnation,
    newId,
    tls = noTls,
    tokens = null,
  } = options;
  const traced = tracer === undefined ? {} : { tracer };
  const metrics = new NodeMetrics();
  const isFirst = worker?.isFirst !== false;
  const hasGateway = gatewayUrls.length > 0;
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
    !hasGateway || !isFirst
      ? null
      : startAgent({
          name,
          gatewayUrls,
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
    leave: async () => (hasGateway ? leaveNode({ shardHost: host, agent, clock, log }) : undefined),
    drain: () => (draining ??= drainNode({ ...options, app, gate, frames, shardHost: host, agent })),
  };
}

/** The hosts where the node listens and where others reach it. */
function hostsOf({ host, advertisedUrl }: Pick<StorageNodeOptions, "host" | "advertisedUrl">): readonly string[] {
  return advertisedUrl === null ? [host] : [host, new URL(advertisedUrl).hostname];
}
