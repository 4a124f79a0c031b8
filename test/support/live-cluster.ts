/**
 * A gateway and storage nodes in one process, over real sockets and on the real clock: for what must be seen from inside
 * (the log, what nobody caught) while bytes really travel.
 */
import { randomUUID } from "node:crypto";
import { systemClock } from "../../src/cli/environment/system-clock.js";
import { defaultBounds } from "../../src/core/bounds.js";
import { requestTimeoutMs } from "../../src/core/limits.js";
import { openAccess } from "../../src/gateway/access/access.js";
import { ClusterLeader } from "../../src/gateway/cluster/leader/cluster-leader.js";
import { Metrics } from "../../src/gateway/metrics/gateway-metrics.js";
import { startGateway } from "../../src/gateway/gateway-server.js";
import { Liveness, suspectAfterMs, downAfterMs } from "../../src/registry/liveness.js";
import { MemoryStore } from "../../src/registry/stores/memory-store.js";
import { Registry } from "../../src/registry/registry.js";
import type { MapFacts } from "../../src/routing/node-client/node-client.js";
import { NodePool, type NodePlace } from "../../src/routing/node-pool.js";
import { Router } from "../../src/routing/router.js";
import { UndiciNodeClient } from "../../src/routing/node-client/undici-node-client.js";
import { startStorageNode, type StorageNode } from "../../src/storage-node/node-server.js";
import type { StorageEngine } from "../../src/storage/engine.js";
import { MemoryEngine } from "../../src/storage/memory/memory-engine.js";
import { noTls } from "../../src/tls/tls-source.js";
import type { ClusterTokens } from "../../src/wire/cluster-token.js";
import { untilReady } from "./gateway-calls.js";
import { openGuard } from "./open-guard.js";
import { RecordLog } from "./record-log.js";

export interface LiveNode {
  readonly name: string;
  /** A free one when not given. */
  readonly port?: number;
  /** Where the gateway calls it, when it is not where it listens. */
  readonly advertisedUrl?: string;
  /** By default one in memory. */
  readonly engine?: StorageEngine;
}

export interface LiveCluster {
  readonly origin: string;
  /** Serves the same data; every GraphQL request goes through Yoga. */
  readonly yogaOrigin: string;
  /** Of gateway and storage nodes. */
  readonly log: RecordLog;
  readonly registry: Registry;
  readonly membership: ClusterLeader;
  /** As given, in the same order. */
  readonly nodes: readonly StorageNode[];
  close(): Promise<void>;
}

const clock = systemClock;
const random = (): number => 0.5;
const newId = randomUUID;

/** Resolves when every shard is served. With `tokens`, gateway and storage nodes prove themselves to each other. */
export async function startLiveCluster(
  shardCount: number,
  nodes: readonly LiveNode[],
  tokens: ClusterTokens | null = null,
): Promise<LiveCluster> {
  const log = new RecordLog();
  const wanted = { shardCount, clusterName: "live" };
  const ids = { newClusterId: () => "live", newLeaderId: newId };
  const registry = await Registry.open({ store: new MemoryStore(), clock, log, wanted, ...ids });
  await registry.takeLead();
  const metrics = new Metrics();
  const createClient = (node: NodePlace, facts: MapFacts) =>
    new UndiciNodeClient({ ...node, facts, guard: openGuard, tls: noTls, token: tokens?.gatewayToken ?? null });
  const pool = new NodePool({
    map: () => registry.map,
    createClient,
    clock,
    random,
    utilization: () => 1,
    log,
    observer: metrics,
  });
  const liveness = new Liveness({ clock, suspectAfterMs, downAfterMs });
  const parts = { registry, liveness, pool, newId, clock, log };
  const membership = new ClusterLeader({ ...parts, nodesMin: nodes.length, isAutoAssigning: true });
  const router = new Router({ registry, pool, refresh: (node) => membership.refresh(node), clock, random });
  const services = {
    router,
    membership,
    clock,
    log,
    metrics,
    bounds: defaultBounds,
    access: openAccess(log),
    requestTimeoutMs,
  };
  const listening = { host: "127.0.0.1", port: 0, services, isPlaygroundEnabled: false };
  const gateway = await startGateway(listening);
  const yoga = await startGateway({ ...listening, isOracle: true });
  membership.start();
  const running = await Promise.all(nodes.map((node) => startLiveNode(node, gateway.url, log, tokens)));
  await untilReady(gateway.url);
  return {
    origin: gateway.url,
    yogaOrigin: yoga.url,
    log,
    registry,
    membership,
    nodes: running,
    async close() {
      await Promise.all(running.map((node) => node.drain()));
      await Promise.all([gateway.close(), yoga.close()]);
      await membership.stop();
      await pool.close();
      await registry.close();
    },
  };
}

/** Without a gateway it stands alone. */
export function startLiveNode(
  { name, port = 0, advertisedUrl, engine = new MemoryEngine() }: LiveNode,
  gatewayUrl: string | null,
  log: RecordLog,
  tokens: ClusterTokens | null = null,
): Promise<StorageNode> {
  return startStorageNode({
    name,
    host: "127.0.0.1",
    port,
    engine,
    clock,
    log,
    gatewayUrls: gatewayUrl === null ? [] : [gatewayUrl],
    advertisedUrl: advertisedUrl ?? null,
    incarnation: newId(),
    newId,
    tokens,
  });
}
