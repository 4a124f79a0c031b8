/**
 * The cluster in a gateway process that opens the registry itself: the registry, and the member that leads or follows
 * with it.
 */
import type { ClusterCommands } from "../../gateway/cluster/cluster-commands.js";
import { ClusterMember } from "../../gateway/cluster/member/cluster-member.js";
import type { ClusterMemberParts, SharedLead } from "../../gateway/cluster/member/roles-of-member.js";
import { HttpLeaderTransport } from "../../gateway/cluster/peers/http-leader-transport.js";
import { evidenceOf, type NodeEvidence } from "../../gateway/cluster/node-evidence.js";
import type { MembershipService } from "../../gateway/services.js";
import { Liveness } from "../../registry/liveness.js";
import { Registry } from "../../registry/registry.js";
import { LeaseLoop } from "../../registry/lease/lease-loop.js";
import { leadAlone } from "../../registry/lease/sole-lead.js";
import type { NodeGuard } from "../../registry/address/node-guard.js";
import type { NodePool } from "../../routing/node-pool.js";
import type { RouterOptions } from "../../routing/router.js";
import type { TlsSource } from "../../tls/tls-source.js";
import type { ClusterTokens } from "../../wire/cluster-token.js";
import { awaitedRegistry, untilServersAnswer, type WaitParts } from "../servers/awaited-servers.js";
import { openRegistry, type RegistryParts } from "../registry/open-registry.js";
import type { RegistryPlaceOptions } from "../registry/registry-options.js";
import { usualPlace } from "../registry/registry-place.js";

export interface ClusterOptions extends RegistryPlaceOptions {
  readonly shards?: number;
  readonly nodes: number;
  readonly data: string;
  readonly suspectAfter: number;
  readonly downAfter: number;
  readonly takeoverAfter: number;
  readonly autoAssign: boolean;
  readonly autoRebalance?: true;
}

type ClusterService = MembershipService & Pick<ClusterCommands, "refresh">;

/** What a gateway's process needs of the cluster, whether it leads or follows. */
export interface Cluster<Service extends ClusterService = ClusterService> {
  readonly registry: RouterOptions["registry"];
  /** To be made once there is a pool. */
  /** `evidence`: of the requests for keys; absent: those that use this pool. */
  membership(pool: NodePool, guard: NodeGuard, evidence?: NodeEvidence): Membership<Service>;
  close(): Promise<void>;
}

/** To be stopped before its cluster is closed. */
interface Membership<Service extends ClusterService> {
  readonly service: Service;
  start(): void;
  /** Called when the gateway begins to drain: gives up the lead, which another gateway then takes, if there is one. */
  resign(): Promise<void>;
  stop(): unknown;
}

export interface OwnCluster extends Cluster<ClusterMember> {
  readonly registry: Registry;
  readonly liveness: Liveness;
}

export interface ClusterParts
  extends
    RegistryParts,
    WaitParts,
    Pick<ClusterMemberParts, "newId" | "onSeen" | "onStanding">,
    Pick<SharedLead, "self"> {
  /** How it calls other gateways of its cluster. */
  readonly tls: TlsSource;
  readonly tokens: ClusterTokens | null;
}

/**
 * Waits for a registry on servers until it answers. Throws StoppedWaiting, and what the store and `Registry.open` throw.
 */
export async function openOwnCluster(options: ClusterOptions, parts: ClusterParts): Promise<OwnCluster> {
  const { clock, log, newId, self } = parts;
  const { data, registry: place = usualPlace(data) } = options;
  const { store, isShared, close } = await openRegistry(place, options, parts);
  try {
    const wanted = { shardCount: options.shards ?? null, clusterName: null };
    const open = (): Promise<Registry> =>
      Registry.open({ store, clock, log, wanted, newClusterId: newId, newLeaderId: newId, self });
    const registry = await (isShared ? untilServersAnswer(open, awaitedRegistry, parts) : open());
    const stopLeading = isShared ? () => {} : await leadAlone(registry, log);
    const isStoreShared = (name: string): boolean => registry.map.nodes.get(name)?.isStoreShared === true;
    const liveness = new Liveness({ clock, ...silenceOf(options), isStoreShared });
    return {
      registry,
      liveness,
      membership(pool, guard, evidence = evidenceOf(pool, clock)) {
        const shared = isShared ? sharedLead(registry, parts) : null;
        const { nodes: nodesMin, autoAssign: isAutoAssigning, autoRebalance: isAutoRebalancing = false } = options;
        const rules = { guard, nodesMin, isAutoAssigning, isAutoRebalancing };
        const service = new ClusterMember({ ...parts, ...rules, registry, liveness, pool, evidence, shared });
        return {
          service,
          start: () => service.start(),
          resign: () => service.resign(),
          async stop() {
            await service.stop();
            await shared?.transport.close();
          },
        };
      },
      async close() {
        stopLeading();
        await registry.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How long a storage node is silent before it is SUSPECT, is DOWN, or is taken over from. */
export function silenceOf({
  suspectAfter: suspectAfterMs,
  downAfter: downAfterMs,
  takeoverAfter,
}: Pick<ClusterOptions, "suspectAfter" | "downAfter" | "takeoverAfter">) {
  return { suspectAfterMs, downAfterMs, takeoverAfterMs: Math.min(takeoverAfter, downAfterMs) };
}

function sharedLead(registry: Registry, { clock, log, tls, tokens, self }: ClusterParts): SharedLead {
  const transport = new HttpLeaderTransport({ token: tokens?.peerToken ?? null, tls, clock });
  return { lease: new LeaseLoop({ registry, clock, log }), transport, self };
}
