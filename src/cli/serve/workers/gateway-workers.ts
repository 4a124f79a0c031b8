/**
 * A gateway of several workers. Their primary process has the registry, watches the storage nodes and assigns shards,
 * and serves no requests; each worker serves them with the cluster map and the signs of life that the primary sends it.
 */
import { boundName, shareOf, type GatewayBounds } from "../../../core/bounds.js";
import type { Clock } from "../../../core/clock.js";
import { partLog, type Log } from "../../../core/log.js";
import { ClusterFollower } from "../../../gateway/cluster/follower/cluster-follower.js";
import {
  FollowedCluster,
  type ClusterBegin,
  type ClusterNews,
} from "../../../gateway/cluster/follower/followed-cluster.js";
import { evidenceOf } from "../../../gateway/cluster/node-evidence.js";
import { leaderOver, type LeaderCalls } from "../../../gateway/cluster/workers/leader-calls.js";
import { WorkerViews } from "../../../gateway/cluster/workers/worker-views.js";
import { Liveness } from "../../../registry/liveness.js";
import { silentObserver } from "../../../routing/observer.js";
import { Peer } from "../../../wire/peer.js";
import { clusterTokens, type ClusterSecretOptions } from "../../options/cluster-secret.js";
import type { Environment } from "../../environment/environment.js";
import { ownAddress, type GatewayAddressOptions } from "../gateway-address.js";
import { openOwnCluster, type ClusterOptions } from "../gateway-cluster.js";
import { openNodes, type NodesOptions } from "../gateway-nodes.js";
import { drainDelayAfter, type GatewayRole } from "../gateway-process.js";
import { OpenedParts } from "../opened-parts.js";
import { listenForStop, type StopRequest } from "../stop-request.js";
import { TlsFiles } from "../../files/tls-files.js";
import { tlsPaths, type GatewayTlsOptions } from "../../options/tls-option.js";
import { joinPrimary, metricsOfAll } from "./own-worker.js";
import { runWorkers } from "./run-workers.js";
import type { PrimaryCalls, WorkerCalls } from "./worker-calls.js";
import type { OwnWorkerSeat, PrimarySeat } from "../../environment/worker-process.js";

export interface GatewayWorkersOptions
  extends ClusterOptions, GatewayAddressOptions, NodesOptions, ClusterSecretOptions, GatewayTlsOptions {
  readonly workers: number;
  readonly drainDelay: number;
}

export interface GatewayJoinParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly logOf: (worker: number) => Log;
  readonly suspectAfterMs: number;
  readonly downAfterMs: number;
  readonly takeoverAfterMs: number;
}

export async function joinAsGateway(seat: OwnWorkerSeat, parts: GatewayJoinParts): Promise<GatewayRole> {
  const { clock } = parts;
  const liveness = new Liveness({ ...parts, isStoreShared: (name) => followed.isStoreShared(name) });
  const followed: FollowedCluster = new FollowedCluster(liveness);
  let figures = async (): Promise<readonly object[]> => [];
  const calls = { ...followed.news, figures: () => figures() };
  const primary = new Peer<PrimaryCalls & LeaderCalls>({ line: seat.line, calls, clock, log: parts.log });
  const begin = await joinPrimary<ClusterBegin>(primary);
  followed.begin(begin);
  const log = parts.logOf(begin.worker);
  return {
    log,
    number: begin.worker,
    openCluster: async () => ({
      registry: followed,
      membership(pool) {
        const leader = leaderOver(primary);
        const clusterLog = partLog(log, "cluster");
        const { peers, gateways, refused } = leader;
        const ways = { cluster: followed, leader, peers, gateways, refused, evidence: evidenceOf(pool, clock) };
        const service = new ClusterFollower({ ...ways, liveness, pool, log: clusterLog });
        return { service, start() {}, resign: async () => {}, stop: () => service.stop() };
      },
      close: async () => {},
    }),
    metricsOfAll: () => metricsOfAll(primary),
    serves(url, ownFigures) {
      figures = ownFigures;
      primary.tell("listening", url);
    },
  };
}

export interface PrimaryParts {
  readonly environment: Environment;
  readonly log: Log;
  readonly bounds: GatewayBounds;
}

/** The primary process, from its start to its end. Rejects as `runWorkers` and `openOwnCluster` do. */
export async function runGatewayWorkers(
  seat: PrimarySeat,
  options: GatewayWorkersOptions,
  { environment, log, bounds }: PrimaryParts,
): Promise<void> {
  const stop = listenForStop(environment);
  const opened = new OpenedParts();
  try {
    warnOfSmallShares(bounds, options.workers, log);
    const { views, calls } = await opened.orClose(() => openLeader(options, { environment, log, opened, stop }));
    const { MetricsOfWorkers } = await import("./metrics-of-workers.js");
    const metrics = new MetricsOfWorkers();
    const service = {
      beginOf(peer: Peer<WorkerCalls & ClusterNews>): ClusterBegin {
        metrics.came(peer);
        return views.begin(peer);
      },
      calls,
      metrics: () => metrics.text(),
      onGone(peer: Peer<WorkerCalls & ClusterNews>) {
        void metrics.gone(peer);
        views.gone(peer);
      },
    };
    const count = options.workers;
    const drainDelayMs = (reason: string): number => drainDelayAfter(reason, options);
    await runWorkers<WorkerCalls & ClusterNews>({ seat, count, environment, log, stop, service, drainDelayMs });
    log.info({}, "The gateway stopped.");
  } finally {
    await opened.close();
    stop.dispose();
  }
}

interface LeaderParts extends Pick<PrimaryParts, "environment" | "log"> {
  readonly opened: OpenedParts;
  readonly stop: StopRequest;
}

async function openLeader(
  options: GatewayWorkersOptions,
  { environment, log, opened, stop }: LeaderParts,
): Promise<{ readonly views: WorkerViews; readonly calls: LeaderCalls }> {
  const { clock, newId } = environment;
  const tls = await TlsFiles.open({ paths: tlsPaths(options), clock, log });
  opened.add(() => tls.close());
  const tokens = await clusterTokens(options);
  const onSeen = (name: string): void => views.seen(name);
  const onStanding = (...news: Parameters<WorkerViews["standing"]>): void => views.standing(...news);
  const clusterLog = partLog(log, "cluster");
  const variable = (name: string): string | undefined => environment.variable(name);
  const reach = { tls, tokens, self: ownAddress(options), signal: stop.signal };
  const own = { clock, log: clusterLog, newId, variable };
  const cluster = await openOwnCluster(options, { ...own, ...reach, onSeen, onStanding });
  opened.add(() => cluster.close());
  const { registry, liveness } = cluster;
  const views = new WorkerViews({ registry, liveness, log: clusterLog });
  opened.add(() => views.close());
  const map = () => registry.map;
  const { guard, pool } = openNodes(options, {
    environment,
    log: partLog(log, "routing"),
    tls,
    tokens,
    map,
    observer: silentObserver,
  });
  opened.add(() => pool.close());
  const membership = cluster.membership(pool, guard, views.evidence);
  opened.add(() => membership.stop());
  const calls = views.calls(membership.service);
  membership.start();
  void stop.requested.then(() => membership.resign());
  return { views, calls };
}

/** A single client gets half of a limit, which should be enough for the largest request. */
function warnOfSmallShares(bounds: GatewayBounds, workers: number, log: Log): void {
  const shares = shareOf(bounds, workers);
  for (const [all, one] of [
    ["bodiesBytes", "bodyBytes"],
    ["answersBytes", "answerBytes"],
  ] as const) {
    if (shares[all] >= 2 * shares[one]) continue;
    log.warn(
      { workers, [boundName(all)]: bounds[all], [boundName(one)]: bounds[one] },
      `A request of the size that \`${boundName(one)}\` allows does not fit into one worker's share of \`${boundName(all)}\`. Raise \`${boundName(all)}\` to twice that size for each worker, or lower \`${boundName(one)}\`.`,
    );
  }
}
