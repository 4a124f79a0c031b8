/** How a process of a gateway reaches the storage nodes: with which certificates, which token, and at which addresses. */
import type { Log } from "../../core/log.js";
import type { Tracer } from "../../core/tracing.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import type { NodeAllowList } from "../../registry/address/node-allow-list.js";
import { NodeGuard } from "../../registry/address/node-guard.js";
import { NodePool } from "../../routing/node-pool.js";
import type { RoutingObserver } from "../../routing/observer.js";
import { UndiciNodeClient } from "../../routing/node-client/undici-node-client.js";
import type { TlsSource } from "../../tls/tls-source.js";
import type { ClusterTokens } from "../../wire/cluster-token.js";
import type { Environment } from "../environment/environment.js";

export interface NodesOptions {
  readonly allowNodes?: NodeAllowList | null;
  readonly tlsCa?: string;
}

export interface NodesParts {
  readonly environment: Pick<Environment, "clock" | "random" | "resolve" | "utilization">;
  readonly log: Log;
  readonly tls: TlsSource;
  readonly tokens: ClusterTokens | null;
  readonly map: () => ClusterMap;
  readonly observer: RoutingObserver;
  readonly tracer?: Tracer;
}

export function openNodes(
  { allowNodes: allowList = null, tlsCa }: NodesOptions,
  { environment, log, tls, tokens, map, observer, tracer }: NodesParts,
): { readonly guard: NodeGuard; readonly pool: NodePool } {
  const { clock, random, resolve } = environment;
  const guard = new NodeGuard({ allowList, isHttpsOnly: tlsCa !== undefined, resolve, clock });
  const token = tokens?.gatewayToken ?? null;
  const pool = new NodePool({
    map,
    createClient: ({ name, url }, facts) => new UndiciNodeClient({ name, url, facts, guard, tls, token }),
    clock,
    random,
    utilization: () => environment.utilization(),
    log,
    observer,
    ...(tracer !== undefined && { tracer }),
  });
  return { guard, pool };
}
