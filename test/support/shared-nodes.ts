/**
 * Storage nodes in memory over one shared store, for tests of routing: each shard's claim is in the store, and only its
 * owner, under its epoch, reads and writes.
 */
import type { Outcome, RoutedOperation } from "../../src/core/operation.js";
import type { ErrorCode } from "../../src/core/error.js";
import { MemoryShards } from "../../src/routing/node-client/memory-shards.js";
import { NodeFault, type NodeCallOptions } from "../../src/routing/node-client/node-client.js";
import { refused } from "../../src/routing/refusal.js";
import type { MemoryCluster } from "./memory-cluster.js";

/** What a storage node does with its batches. "hangs": it takes them and answers nothing. */
export type SharedNodeState = "serves" | "refuses" | "drains" | "searches" | "hangs";

interface SharedClaim {
  readonly owner: string;
  readonly epoch: number;
}

export class SharedNodes {
  readonly #cluster: MemoryCluster;
  readonly #store = new MemoryShards();
  readonly #claims = new Map<number, SharedClaim>();
  readonly #states = new Map<string, SharedNodeState>();
  /** Whether the next answer is lost on its way back. */
  losesAnswer: () => boolean = () => false;

  /** From now on the storage nodes of `cluster` are over this store, and have the claims of its map. */
  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster;
    for (const { shard, primary, epoch } of cluster.map.shards)
      if (primary !== null) this.claim(shard, { owner: primary, epoch });
    for (const [name, node] of cluster.nodes) {
      node.execute = (operations, options) => this.#execute(name, operations, options);
      node.injectFault = () => (this.stateOf(name) === "refuses" ? { fault: refusedConnection(name) } : null);
    }
  }

  stateOf(name: string): SharedNodeState {
    return this.#states.get(name) ?? "serves";
  }

  turn(name: string, state: SharedNodeState): void {
    this.#states.set(name, state);
  }

  /** A claim of a lower epoch changes nothing. */
  claim(shard: number, claim: SharedClaim): void {
    if (claim.epoch > (this.#claims.get(shard)?.epoch ?? 0)) this.#claims.set(shard, claim);
  }

  async #execute(
    name: string,
    operations: readonly RoutedOperation[],
    { timeoutMs }: NodeCallOptions,
  ): Promise<readonly Outcome[]> {
    const state = this.stateOf(name);
    if (state === "refuses") throw refusedConnection(name);
    if (state === "hangs") {
      await new Promise<void>((resolve) => this.#cluster.clock.after(timeoutMs, resolve));
      throw new NodeFault("timeout", `storage node ${name} did not answer in time`, false);
    }
    const outcomes = operations.map((routed) => this.#outcome(name, state, routed));
    if (this.losesAnswer()) throw new NodeFault("connectionReset", `storage node ${name} broke off`, false);
    return outcomes;
  }

  #outcome(name: string, state: SharedNodeState, { operation, epoch }: RoutedOperation): Outcome {
    if (state === "drains") return no("DRAINING");
    if (state === "searches") return no("SHARD_UNAVAILABLE");
    const claim = this.#claims.get(operation.shard);
    if (claim === undefined || epoch === null || epoch > claim.epoch) return no("SHARD_NOT_HOSTED");
    if (epoch < claim.epoch || claim.owner !== name) return no("STALE_EPOCH");
    return this.#store.execute(operation, this.#cluster.clock.nowMs());
  }
}

function no(code: ErrorCode): Outcome {
  return refused(code, "Not here, or not now.");
}

function refusedConnection(name: string): NodeFault {
  return new NodeFault("connectionRefused", `storage node ${name} refused the connection`, true);
}
