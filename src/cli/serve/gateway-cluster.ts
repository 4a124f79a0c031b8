/** The cluster as a gateway has it that decides for itself: the registry, and its leader over it. */
import { dirname, join } from "node:path";
import type { Clock } from "../../core/clock.js";
import type { Log } from "../../core/log.js";
import type { ClusterCommands } from "../../gateway/cluster/cluster-commands.js";
import { ClusterLeader } from "../../gateway/cluster/leader/cluster-leader.js";
import type { MembershipService } from "../../gateway/services.js";
import { FileStore } from "../../registry/stores/file-store.js";
import { Liveness } from "../../registry/liveness.js";
import { MemoryStore } from "../../registry/stores/memory-store.js";
import type { RegistryStore } from "../../registry/registry-store.js";
import { Registry } from "../../registry/registry.js";
import { leadAlone } from "../../registry/lease/sole-lead.js";
import type { NodeGuard } from "../../registry/address/node-guard.js";
import type { NodePool } from "../../routing/node-pool.js";
import type { RouterOptions } from "../../routing/router.js";
import { lockRegistry } from "../files/file-lock.js";
import { watchFiles } from "../files/file-watch.js";
import { makeFolder } from "../files/make-folder.js";

/** How often the registry's file is looked at for one that a person has put there: one call of the system each time. */
const registryFilePollMs = 1_000;

export interface ClusterOptions {
  readonly shards?: number;
  readonly nodes: number;
  readonly data: string;
  readonly registry?: string;
  readonly suspectAfter: number;
  readonly downAfter: number;
  readonly autoAssign: boolean;
}

type ClusterService = MembershipService & Pick<ClusterCommands, "refresh">;

/** What a gateway's process needs of the cluster, whether it leads or follows. */
export interface Cluster<Service extends ClusterService = ClusterService> {
  readonly registry: RouterOptions["registry"];
  /** To be made once there is a pool, and to be stopped before `close`. */
  membership(pool: NodePool, guard: NodeGuard): { readonly service: Service; start(): void; stop(): unknown };
  close(): Promise<void>;
}

export interface OwnCluster extends Cluster<ClusterLeader> {
  readonly registry: Registry;
  readonly liveness: Liveness;
}

export interface ClusterParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
  /** Hears of every sign of life of a storage node, after the pool. */
  readonly onSeen?: (name: string) => void;
}

/** Throws what the store and `Registry.open` throw. */
export async function openOwnCluster(options: ClusterOptions, parts: ClusterParts): Promise<OwnCluster> {
  const { clock, log, newId, onSeen = () => undefined } = parts;
  const { suspectAfter: suspectAfterMs, downAfter: downAfterMs } = options;
  const store = await openStore(options, parts);
  try {
    const wanted = { shardCount: options.shards ?? null, clusterName: null };
    const registry = await Registry.open({ store, clock, log, wanted, newClusterId: newId, newLeaderId: newId });
    // These stores let no other process in.
    const stopLeading = await leadAlone(registry, log);
    const liveness = new Liveness({ clock, suspectAfterMs, downAfterMs });
    return {
      registry,
      liveness,
      membership(pool, guard) {
        const heard = {
          client: (name: string) => pool.client(name),
          probeAt: (...place: Parameters<NodePool["probeAt"]>) => pool.probeAt(...place),
          figures: (name: string) => pool.figures(name),
          prune: () => pool.prune(),
          reachable(name: string) {
            pool.reachable(name);
            onSeen(name);
          },
        };
        const { nodes: nodesMin, autoAssign: isAutoAssigning } = options;
        const service = new ClusterLeader({
          registry,
          liveness,
          pool: heard,
          guard,
          newId,
          clock,
          log,
          nodesMin,
          isAutoAssigning,
        });
        return { service, start: () => service.start(), stop: () => service.stop() };
      },
      async close() {
        stopLeading();
        await registry.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openStore(
  { registry, data }: ClusterOptions,
  { clock, log }: Pick<ClusterParts, "clock" | "log">,
): Promise<RegistryStore> {
  if (registry === "memory") return new MemoryStore();
  const path = registry ?? join(data, "registry.json");
  await makeFolder(dirname(path));
  return FileStore.open(path, {
    lockFile: (lockPath) => lockRegistry(lockPath, clock),
    watchFile(filePath, onChange) {
      const look = (isChanged: boolean): void => (isChanged ? onChange() : undefined);
      const watch = watchFiles([filePath], look, { clock, log, pauseMs: registryFilePollMs });
      return () => void watch.stop();
    },
  });
}
