/** A gateway on a free port of loopback over storage nodes in memory; everything from the socket on is real. */
import { defaultBounds, type GatewayBounds } from "../../src/core/bounds.js";
import { requestTimeoutMs as defaultRequestTimeoutMs } from "../../src/core/limits.js";
import { openAccess, type Access } from "../../src/gateway/access/access.js";
import { ClusterLeader } from "../../src/gateway/cluster/leader/cluster-leader.js";
import { Metrics } from "../../src/gateway/metrics/gateway-metrics.js";
import { startGateway, type Gateway, type GatewayServerOptions } from "../../src/gateway/gateway-server.js";
import type { GatewayServices } from "../../src/gateway/services.js";
import { Liveness, suspectAfterMs, downAfterMs } from "../../src/registry/liveness.js";
import { MemoryStore } from "../../src/registry/stores/memory-store.js";
import { Registry } from "../../src/registry/registry.js";
import { MemoryNodeClient } from "../../src/routing/node-client/memory-node-client.js";
import type { NodeKind } from "../../src/routing/node-client/node-client.js";
import { NodePool } from "../../src/routing/node-pool.js";
import { Router } from "../../src/routing/router.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { idsInOrder } from "./cluster/fake-nodes.js";
import { commonSchema } from "./common-schema.js";

export interface TestGateway extends Gateway {
  readonly clock: FakeClock;
  readonly log: RecordLog;
  readonly services: GatewayServices;
  readonly registry: Registry;
  /** The storage node of this name, whether or not it is registered. */
  node(name: string, kind?: NodeKind): MemoryNodeClient;
  /** Registers storage nodes with agents. */
  register(...names: readonly string[]): Promise<void>;
}

export interface TestGatewayOptions extends Partial<Omit<GatewayServerOptions, "services">> {
  readonly shardCount?: number;
  readonly nodesMin?: number;
  readonly bounds?: Partial<GatewayBounds>;
  readonly access?: Access;
  /** URL of the gateway itself, as its cluster map names it. */
  readonly ownUrl?: string | null;
}

const random = (): number => 0.5;

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const { shardCount = 4, nodesMin = 1, bounds = {}, access: givenAccess = null, ownUrl = null, ...settings } = options;
  const clock = new FakeClock();
  const log = new RecordLog();
  const clients = new Map<string, MemoryNodeClient>();
  const node = (name: string, kind: NodeKind = "full"): MemoryNodeClient => {
    const known = clients.get(name) ?? new MemoryNodeClient(clock, kind);
    clients.set(name, known);
    return known;
  };
  const wanted = { shardCount, clusterName: null };
  const registry = await Registry.open({
    store: new MemoryStore(),
    clock,
    log,
    wanted,
    newClusterId: () => "c1",
    newLeaderId: () => "l1",
    self: () => ({ name: null, url: ownUrl }),
  });
  await registry.takeLead();
  const metrics = new Metrics();
  const pool = new NodePool({
    map: () => registry.map,
    createClient: ({ name }) => node(name),
    clock,
    random,
    utilization: () => 1,
    log,
    observer: metrics,
  });
  const liveness = new Liveness({ clock, suspectAfterMs, downAfterMs });
  const newId = idsInOrder();
  const membership = new ClusterLeader({
    registry,
    liveness,
    pool,
    newId,
    clock,
    log,
    nodesMin,
    isAutoAssigning: true,
  });
  const router = new Router({ registry, pool, refresh: (node) => membership.refresh(node), clock, random });
  const services = {
    router,
    membership,
    access: givenAccess ?? openAccess(log),
    clock,
    log,
    metrics,
    bounds: { ...defaultBounds, ...bounds },
    requestTimeoutMs: defaultRequestTimeoutMs,
  };
  const gateway = await startGateway({
    host: "127.0.0.1",
    port: 0,
    services,
    isPlaygroundEnabled: false,
    schema: commonSchema,
    ...settings,
  });
  return {
    ...gateway,
    async close(delayMs) {
      await gateway.close(delayMs);
      await membership.stop();
      await pool.close();
      await registry.close();
    },
    clock,
    log,
    services,
    registry,
    node,
    async register(...names) {
      for (const name of names) {
        const identity = { incarnation: name, storeId: `store-${name}`, starts: [name], shards: [] };
        const assignments = await membership.register({ id: name, url: `http://${name}:8000`, ...identity });
        await node(name).assign(assignments, { timeoutMs: 1_000 });
      }
    },
  };
}
