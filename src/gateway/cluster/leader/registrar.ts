/**
 * Registers storage nodes: those that register by themselves at each start, and those that an operator names. The
 * registry decides whether a start continues the last acknowledged one; the reason of a refusal is kept here, for
 * operators.
 */
import { adviceFor, ShardgateError, type ErrorCode } from "../../../core/error.js";
import type { Log } from "../../../core/log.js";
import { parseNodeUrl } from "../../../registry/address/node-url.js";
import type { ClusterMap } from "../../../registry/cluster-map.js";
import { applyCommand, areOfOneStore, otherCluster, type NodeIdentity } from "../../../registry/commands.js";
import type { NodeState } from "../../../registry/liveness.js";
import { isPlainNode } from "../../../routing/node-pool.js";
import { ownedShards } from "../../../routing/owned-shards.js";
import type { HostedShard, NodeRegistration } from "../../../wire/membership.js";
import type { MapChanges } from "./map-changes.js";
import type { NodeCalls } from "../node-calls.js";
import type { NodeMemories } from "./node-memories.js";
import type { NodeReports } from "../node-reports.js";

export interface RegistrarParts {
  readonly changes: Pick<MapChanges, "map" | "make">;
  readonly memories: NodeMemories;
  readonly reports: NodeReports;
  readonly calls: Pick<NodeCalls, "probeAt">;
  readonly nodeState: (name: string) => NodeState;
  /** Called at each sign of life of a registered node. */
  readonly seen: (name: string) => void;
  readonly newId: () => string;
  readonly log: Log;
}

/** A registration whose name and URL are known to be well formed. */
export interface Newcomer {
  readonly name: string;
  readonly url: string;
  readonly registration: NodeRegistration;
}

export class Registrar {
  readonly #parts: RegistrarParts;

  constructor(parts: RegistrarParts) {
    this.#parts = parts;
  }

  /** Acknowledges a start of a storage node with an agent, or refuses it. Throws what ClusterCommands.register throws. */
  async registerStart({ name, url, registration }: Newcomer, start: string): Promise<void> {
    const { calls, changes, memories, newId, seen } = this.#parts;
    this.#refuseImpostor(name, url, start);
    // Refuses the URL only when a gateway answers there: the storage node itself may not be reachable yet.
    if (changes.map.nodes.get(name)?.url !== url) await calls.probeAt({ name, url });
    try {
      this.#refuseOtherCount(name, registration.shardCount ?? null);
      const identity = identityOf(registration, start, changes.map.shardCount);
      await changes.make({ kind: "registerNode", name, url, identity, newMark: newId() });
      // Not acknowledged before it is settled who owns which shard.
      this.requireSettled();
    } catch (error) {
      this.#remember(name, url, registration, error);
      throw error;
    }
    const { shards = [] } = registration;
    this.accepted(name);
    seen(name);
    Object.assign(memories.of(name), { incarnation: start, held: shards, isLeaving: false, fitSinceMs: null });
    this.#noteStale(name, shards);
  }

  /**
   * Registers a storage node that an operator named. A plain one that answers is used from now on; one with an agent
   * has to register by itself first, because only it knows what its store is.
   */
  async registerByHand({ name, url, registration }: Newcomer): Promise<void> {
    const { calls, changes, newId, log, seen } = this.#parts;
    this.#refuseOtherCount(name, registration.shardCount ?? null);
    this.#refuseImpostor(name, url, null);
    const sign = await calls.probeAt({ name, url });
    this.#refuseOtherCluster(name, registration.clusterId ?? null);
    this.#refuseOtherCluster(name, sign?.clusterId ?? null);
    if (sign !== null && sign.name !== null && sign.name !== name) throw otherNode(name, sign.name, url);
    const map = await changes.make({ kind: "registerNode", name, url, identity: null, newMark: newId() });
    if (sign?.kind === "full") {
      log.info(
        { node: name, url },
        "A storage node was added by hand. It serves shards after it has registered itself.",
      );
    } else if (sign !== null && isPlain(map, name)) {
      this.accepted(name);
      seen(name);
    }
  }

  /** Throws REGISTRY_PUT_BACK, with the mark to name, until every storage node has registered again. */
  requireSettled(): void {
    const { putBack } = this.#parts.changes.map;
    if (putBack === null) return;
    // The message leaves out how many nodes are missing: every waiting node would log each change of the number as a
    // new problem.
    const message = "The registry was restored from an older copy, and some storage nodes have not registered since.";
    throw new ShardgateError("REGISTRY_PUT_BACK", message, { mark: putBack.mark });
  }

  /** The node may serve its shards, whatever it was refused for before. */
  accepted(name: string): void {
    const { reports, log } = this.#parts;
    if (reports.setProblem(name, null)) log.info({ node: name }, "The storage node's problem is resolved.");
  }

  /** The node may not serve its shards. Logged once, however often it is found. */
  refused(name: string, refusal: ShardgateError, storeId: string | null): void {
    const { changes, reports, log } = this.#parts;
    const { code, message } = refusal;
    const shards = ownedShards(changes.map, name).map(({ shard }) => shard);
    const problem = { code, message, advice: adviceFor(code, name), shards, storeId };
    // A restored registry is logged once, not for each node.
    if (!reports.setProblem(name, problem) || code === "REGISTRY_PUT_BACK") return;
    log.error({ node: name, ...problem }, "A storage node was refused and serves no shards; `advice` says what to do.");
  }

  #remember(name: string, url: string, { storeId }: NodeRegistration, error: unknown): void {
    if (!(error instanceof ShardgateError) || !problemCodes.has(error.code)) return;
    const { changes, memories, seen } = this.#parts;
    this.refused(name, error, storeId ?? null);
    const { knownStart } = error.details;
    if (error.code === "STORE_NOT_RECOGNIZED" && changes.map.nodes.has(name)) {
      memories.of(name).refusal = { lastStart: typeof knownStart === "string" ? knownStart : null };
    }
    // A refused node is alive all the same.
    if (changes.map.nodes.get(name)?.url === url) seen(name);
  }

  /** A former owner has come back whose entries clients do not see. */
  #noteStale(name: string, hosted: readonly HostedShard[]): void {
    const { changes, reports, log } = this.#parts;
    const stale = hosted.filter(({ shardId, epoch, keyCount }) => {
      const record = changes.map.shards[shardId];
      const isForeign = record !== undefined && record.primary !== null && record.primary !== name;
      // Its owner serves the same entries.
      if (isForeign && areOfOneStore(changes.map, name, record.primary)) return false;
      return isForeign && keyCount > 0 && (epoch ?? 0) < record.epoch;
    });
    const shards = stale.map(({ shardId }) => shardId);
    if (!reports.setStaleShards(name, shards) || shards.length === 0) return;
    const message =
      "A storage node has entries of shards that other storage nodes own now; clients do not see these entries. " +
      "To serve them instead, assign the shards to it by force.";
    log.warn({ node: name, shards }, message);
  }

  #refuseOtherCount(name: string, shardCount: number | null): void {
    const { map } = this.#parts.changes;
    if (shardCount === null || shardCount === map.shardCount) return;
    throw new ShardgateError(
      "SHARD_COUNT_MISMATCH",
      `Storage node ${name} has data of a cluster with ${shardCount} shards; this cluster has ${map.shardCount}.`,
      { node: name },
    );
  }

  #refuseOtherCluster(name: string, clusterId: string | null): void {
    const { map } = this.#parts.changes;
    if (clusterId !== null && clusterId !== map.clusterId) throw otherCluster(name, clusterId, map);
  }

  /**
   * One URL is one process, so a restart under the same URL is no conflict; another URL with a live name is, unless what
   * lives there was refused for its store.
   */
  #refuseImpostor(name: string, url: string, start: string | null): void {
    const { changes, memories, nodeState, reports } = this.#parts;
    const known = changes.map.nodes.get(name);
    if (known === undefined || known.url === url || nodeState(name) !== "UP") return;
    if (reports.of(name).problem?.code === "STORE_NOT_RECOGNIZED") return;
    if (start !== null && start === memories.of(name).incarnation) return;
    const message = `Storage node ${name} is live at ${known.url}; ${url} cannot use its name.`;
    throw new ShardgateError("NODE_CONFLICT", message);
  }
}

/** Whether the map has acknowledged this start already, so that the registration would change nothing. */
export function isAcknowledged(map: ClusterMap, registration: NodeRegistration): boolean {
  const { id: name, incarnation } = registration;
  if (incarnation === undefined || map.putBack !== null || map.nodes.get(name)?.lastStart !== incarnation) return false;
  const identity = identityOf(registration, incarnation, map.shardCount);
  try {
    const url = parseNodeUrl(registration.url);
    return applyCommand(map, { kind: "registerNode", name, url, identity, newMark: "" }, 0).map === map;
  } catch {
    return false;
  }
}

/** Another storage node answers where `name` is expected. */
export function otherNode(name: string, answering: string, url: string): ShardgateError {
  const message =
    `Storage node ${answering} answers at ${url}, not ${name}. ` +
    `Start ${name} with its own data folder and its own URL; it then registers that URL itself.`;
  return new ShardgateError("NODE_CONFLICT", message, { node: name });
}

/** Whether the storage node is registered, and without a store. */
export function isPlain({ nodes }: ClusterMap, name: string): boolean {
  const record = nodes.get(name);
  return record !== undefined && isPlainNode(record);
}

/** Refusals that last until a later registration is accepted. */
const problemCodes: ReadonlySet<ErrorCode> = new Set([
  "STORE_NOT_RECOGNIZED",
  "CLUSTER_MISMATCH",
  "SHARD_COUNT_MISMATCH",
  "NODE_CONFLICT",
  "REGISTRY_PUT_BACK",
]);

function identityOf(registration: NodeRegistration, start: string, shardCount: number): NodeIdentity {
  const { storeId = null, starts = [start], isEphemeral = false, shards = [] } = registration;
  const { isStoreShared = false } = registration;
  const { clusterId = null, mapVersion, mark = null } = registration;
  const claims = shards
    .filter(({ shardId }) => shardId < shardCount)
    .map(({ shardId: shard, epoch, releasedEpoch = 0, keyCount, lineage = 0 }) => {
      return { shard, epoch: epoch ?? 0, releasedEpoch, keyCount, lineage };
    });
  return { start, storeId, starts, isEphemeral, isStoreShared, clusterId, mapVersion: mapVersion ?? 0, claims, mark };
}
