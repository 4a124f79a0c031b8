/**
 * Gives shards to storage nodes: on request, and by itself those without an owner. Gathers what the registry's pure
 * commands must know of the outside (who lives, who has data), runs them one after the other, and tells the result to
 * the nodes concerned.
 */
import { ShardgateError } from "../core/error.js";
import { registryQueueMax } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { ShardNumber } from "../core/shard.js";
import type { ClusterMap, ShardRecord } from "../registry/cluster-map.js";
import { shardsOfNode, type RegistryCommand } from "../registry/commands.js";
import type { NodeState } from "../registry/liveness.js";
import type { Registry } from "../registry/registry.js";
import { isForgotten, type HeldShard } from "../registry/unassigned-shards.js";
import { concernedNodes } from "./concerned-nodes.js";
import type { NodeCalls } from "./node-calls.js";
import type { NodeMemories } from "./node-memories.js";

export interface AssignRequest {
  readonly shard: ShardNumber;
  readonly node: string;
  readonly isPrimary: boolean;
  /** The epoch the caller has seen; null does not check. */
  readonly ifEpoch: number | null;
  readonly isForced: boolean;
}

export interface ShardAssignerParts {
  readonly registry: Pick<Registry, "map" | "execute">;
  readonly nodeState: (name: string) => NodeState;
  readonly calls: NodeCalls;
  readonly memories: NodeMemories;
  readonly log: Log;
  readonly nodesMin: number;
  readonly isAutoAssigning: boolean;
}

export class ShardAssigner {
  readonly #parts: ShardAssignerParts;
  /** The tail of the changes that wait for each other. */
  #lastChange: Promise<unknown> = Promise.resolve();
  #queued = 0;

  constructor(parts: ShardAssignerParts) {
    this.#parts = parts;
  }

  /**
   * Runs `work` when every earlier one has ended, however it ended. Must not be called from within `work`.
   * Rejects with OVERLOADED when too many wait.
   */
  alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#queued >= registryQueueMax) {
      const message = `${registryQueueMax} changes of storage nodes and shards are waiting already.`;
      return Promise.reject(new ShardgateError("OVERLOADED", message));
    }
    this.#queued++;
    const result = this.#lastChange.then(work).finally(() => this.#queued--);
    this.#lastChange = result.catch(() => undefined);
    return result;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#lastChange;
  }

  /** See Membership.assign. */
  assign({ shard, node, isPrimary, ifEpoch, isForced }: AssignRequest): Promise<ShardRecord> {
    return this.alone(async () => {
      if (!isPrimary)
        throw new ShardgateError("NOT_SUPPORTED", "Replicas are not kept yet; assign a primary.", { shard });
      const { map } = this.#parts.registry;
      const owner = map.shards[shard]?.primary ?? null;
      const isAsked = owner !== null && owner !== node && !isForced;
      const ownerHoldsData = isAsked && (await this.#holdsData(owner, [shard]));
      // Matters after a lost registry only: nodes may know higher epochs than the map, and would refuse lower ones.
      const reported = this.#parts.memories.epochReported(shard);
      const epochMin = reported > (map.shards[shard]?.epoch ?? 0) ? reported + 1 : 0;
      const cause = "operator";
      const after = await this.#change({
        kind: "assign",
        shard,
        node,
        ifEpoch,
        isForced,
        ownerHoldsData,
        cause,
        epochMin,
      });
      const record = after.shards[shard];
      if (record === undefined) throw new Error(`Shard ${shard} was assigned and is not in the cluster map.`);
      return record;
    });
  }

  /** See Membership.remove. */
  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]> {
    return this.alone(async () => {
      const { registry, nodeState, log } = this.#parts;
      const owned = shardsOfNode(registry.map, name).map(({ shard }) => shard);
      const holdsData = !isForced && owned.length > 0 && (await this.#holdsData(name, owned));
      const isLive = nodeState(name) !== "DOWN";
      await this.#change({ kind: "removeNode", name, isForced, holdsData, isLive });
      log.info({ node: name, shards: owned }, "A storage node was removed.");
      return owned;
    });
  }

  /**
   * Gives every shard without an owner to a live node, once enough of them live, and back to `reporter` those of its
   * shards that the map forgot. It has just said what it holds; the others are asked, because they may have gained data
   * since they registered. To be run `alone`.
   */
  async assignUnassigned(reporter: string | null): Promise<void> {
    const { registry, nodeState, memories, log } = this.#parts;
    const { map } = registry;
    const isComplete = map.shards.every(({ primary }) => primary !== null);
    if (!this.#parts.isAutoAssigning || (isComplete && this.#forgottenBy(map, reporter).length === 0)) return;
    const isFirst = map.shards.every(({ epoch }) => epoch === 0);
    const needed = isFirst ? Math.max(1, this.#parts.nodesMin) : 1;
    const up = [...map.nodes.keys()].filter((name) => nodeState(name) === "UP");
    if (up.length < needed) return;
    await Promise.all(up.map((name) => this.#learnHeld(name, reporter)));
    const liveNodes: string[] = [];
    const held: HeldShard[] = [];
    for (const node of up) {
      const hosted = memories.of(node).held;
      if (hosted === null) continue;
      liveNodes.push(node);
      held.push(...hosted.map(({ shardId, epoch, keyCount }) => ({ shard: shardId, node, epoch, keyCount })));
    }
    if (liveNodes.length < needed) return;
    const after = await this.#change({ kind: "assignUnassigned", liveNodes, held }, reporter);
    if (after !== map) log.info({ mapVersion: after.version, liveNodes }, "Unassigned shards were assigned.");
    const unseen = this.#forgottenBy(after, reporter);
    if (unseen.length > 0) {
      const message =
        "A storage node has data of shards that another one owns and has data of; clients see only those. Assign the shards to it, by force, to see its data instead.";
      log.error({ node: reporter, shards: unseen }, message);
    }
  }

  /** Shards that the node has keys of, as an owner whom the map does not know. */
  #forgottenBy(map: ClusterMap, node: string | null): readonly number[] {
    if (node === null) return [];
    const held = this.#parts.memories.of(node).held ?? [];
    const forgotten = held.filter(({ shardId: shard, ...report }) => {
      const record = map.shards[shard];
      return record !== undefined && isForgotten(record, { ...report, shard, node });
    });
    return forgotten.map(({ shardId }) => shardId);
  }

  /** A plain node holds nothing that anyone could ask for. Without an answer, what was known before stands. */
  async #learnHeld(name: string, reporter: string | null): Promise<void> {
    const memory = this.#parts.memories.of(name);
    if (name === reporter && memory.held !== null) return;
    const hosted = await this.#parts.calls.shards(name);
    if (hosted !== "silent") memory.held = hosted === "plain" ? [] : hosted;
  }

  /** What cannot be known counts as data; a node that is DOWN has lost its say. */
  async #holdsData(name: string, shards: readonly ShardNumber[]): Promise<boolean> {
    const { nodeState, calls, log } = this.#parts;
    if (nodeState(name) === "DOWN") {
      log.warn(
        { node: name, shards },
        "Shards are taken from a storage node that is down; its data stay there, unseen.",
      );
      return false;
    }
    const hosted = await calls.shards(name);
    if (hosted === "plain" || hosted === "silent") return true;
    const wanted = new Set<number>(shards);
    return hosted.some(({ shardId, keyCount }) => keyCount > 0 && wanted.has(shardId));
  }

  /** Old owners are told first, so that they stop before the new ones start; `isTold` gets it with an answer of its own. */
  async #change(command: RegistryCommand, isTold: string | null = null): Promise<ClusterMap> {
    const { registry, nodeState, calls } = this.#parts;
    const before = registry.map;
    const after = await registry.execute(command);
    const { losing, gaining } = concernedNodes(before, after);
    for (const names of [losing, gaining]) {
      const reachable = names.filter((name) => name !== isTold && nodeState(name) !== "DOWN");
      await Promise.all(reachable.map((name) => calls.tell(name, after)));
    }
    return after;
  }
}
