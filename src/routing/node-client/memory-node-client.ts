/**
 * The in-memory twin of UndiciNodeClient: a full or plain storage node without a network, which records its batches and
 * fails on request. For tests and experiments.
 */
import type { Clock } from "../../core/clock.js";
import type { Outcome, RoutedOperation } from "../../core/operation.js";
import type { HostedShard, NodeAssignments } from "../../wire/membership.js";
import { MemoryShards, type MemoryClaim } from "./memory-shards.js";
import {
  NodeFault,
  plainSign,
  type NodeCallOptions,
  type NodeClient,
  type NodeKind,
  type NodeSign,
} from "./node-client.js";
import { isPlain, unknownFacts } from "./plain-routes.js";
import { refused } from "../refusal.js";

/** A fault that replaces the answer to a call. */
export interface InjectedFault {
  readonly fault: NodeFault;
  /** The operations are executed nevertheless: only the answer is lost. */
  readonly isExecuted?: boolean;
}

export class MemoryNodeClient implements NodeClient {
  /** Every batch that arrived, oldest first, including those that failed. */
  readonly batches: (readonly RoutedOperation[])[] = [];
  /** Called before each call of any kind; null lets the call pass. */
  injectFault: () => InjectedFault | null = () => null;
  /** The cluster that calls name; null: none. */
  callerClusterId: string | null = null;
  /** The storage node that calls name; null: none. */
  targetNode: string | null = null;
  /** The node's own name; null: it reveals none, as plain nodes do. */
  name: string | null = null;
  readonly #clock: Clock;
  readonly #kind: NodeKind;
  readonly #shards = new MemoryShards();
  readonly #claims = new Map<number, MemoryClaim>();
  readonly #held = new Set<() => void>();
  readonly #ends = new Set<(fault: NodeFault) => void>();
  #mapVersion = 0;
  #clusterId: string | null = null;
  #isHolding = false;

  constructor(clock: Clock, kind: NodeKind = "full") {
    this.#clock = clock;
    this.#kind = kind;
  }

  /** Fails the next `count` calls with `fault`. */
  failNext(fault: InjectedFault, count = 1): void {
    let left = count;
    this.injectFault = () => (left-- > 0 ? fault : null);
  }

  /** From now on calls arrive but are not answered, until `release`. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Answers the held calls in order, and all later ones at once. */
  release(): void {
    this.#isHolding = false;
    for (const pass of this.#held) pass();
    this.#held.clear();
  }

  execute(operations: readonly RoutedOperation[], options: NodeCallOptions): Promise<readonly Outcome[]> {
    this.batches.push(operations);
    return this.#call(options, () => operations.map((routed) => this.#outcome(routed)));
  }

  probe(options: NodeCallOptions): Promise<NodeSign> {
    return this.#call(options, () => {
      if (this.#kind === "plain") return plainSign;
      return { kind: "full", name: this.name, clusterId: this.#clusterId, isAcknowledged: true };
    });
  }

  shards(options: NodeCallOptions): Promise<readonly HostedShard[] | null> {
    return this.#call(options, () => {
      this.#refuseForOther();
      return this.#kind === "full" ? this.#shards.hosted(this.#claims) : null;
    });
  }

  engine(options: NodeCallOptions): Promise<string | null> {
    return this.#call(options, () => (this.#kind === "full" ? "memory" : null));
  }

  assign(assignments: NodeAssignments, options: NodeCallOptions): Promise<void> {
    return this.#call(options, () => {
      this.#refuseForOther();
      if (this.#kind === "plain" || assignments.mapVersion < this.#mapVersion) return;
      this.#mapVersion = assignments.mapVersion;
      this.#clusterId = assignments.clusterId;
      for (const [shard, claim] of this.#claims) this.#claims.set(shard, { ...claim, releasedEpoch: claim.epoch });
      for (const { shardId, epoch, lineage = 0, sealedFor = null } of assignments.shards ?? []) {
        this.#claims.set(shardId, { epoch, releasedEpoch: 0, lineage, sealedFor });
      }
    });
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end(new NodeFault("aborted", "the storage node is no longer used", false));
  }

  async #call<Result>(options: NodeCallOptions, run: () => Result): Promise<Result> {
    const injected = this.injectFault();
    if (injected !== null) {
      if (injected.isExecuted === true) run();
      throw injected.fault;
    }
    await this.#turn(options);
    return run();
  }

  /**
   * Resolves when the call may be answered. Rejects at its timeout, when the caller cancels it, or when the client
   * closes.
   */
  #turn({ timeoutMs, signal }: NodeCallOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (fault: NodeFault | null): void => {
        cancelTimer();
        signal?.removeEventListener("abort", onAbort);
        this.#ends.delete(settle);
        this.#held.delete(pass);
        if (fault === null) resolve();
        else reject(fault);
      };
      const pass = (): void => settle(null);
      const onAbort = (): void => settle(new NodeFault("aborted", "the request was cancelled", false));
      const cancelTimer = this.#clock.after(timeoutMs, () =>
        settle(new NodeFault("timeout", "the storage node did not answer in time", false)),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#ends.add(settle);
      if (signal?.aborted === true) onAbort();
      else if (this.#isHolding) this.#held.add(pass);
      else pass();
    });
  }

  /** The refusal of a call that names another storage node; null when it names this one. */
  #conflict(): string | null {
    if (this.#kind === "plain" || this.name === null || this.targetNode === null) return null;
    return this.name === this.targetNode ? null : `This storage node is ${this.name}, not ${this.targetNode}.`;
  }

  #refuseForOther(): void {
    const conflict = this.#conflict();
    if (conflict !== null)
      throw new NodeFault("serverError", `the storage node answered NODE_CONFLICT (${conflict})`, true);
  }

  #outcome({ operation, epoch }: RoutedOperation): Outcome {
    if (this.#kind === "plain") return this.#plainOutcome(operation);
    return this.#fenced(operation.shard, epoch) ?? this.#shards.execute(operation, this.#clock.nowMs());
  }

  /** Like a storage node's fence: null lets the operation pass. Before the first assignments every operation passes. */
  #fenced(shard: number, epoch: number | null): Outcome | null {
    const conflict = this.#conflict();
    if (conflict !== null) return refused("NODE_CONFLICT", conflict);
    if (this.#clusterId !== null && this.callerClusterId !== null && this.callerClusterId !== this.#clusterId) {
      return refused("CLUSTER_MISMATCH", `The storage node belongs to cluster ${this.#clusterId}.`);
    }
    if (epoch === null || this.#mapVersion === 0) return null;
    const claim = this.#claims.get(shard);
    const message = `Shard ${shard} is not held under epoch ${epoch}.`;
    if (claim !== undefined && epoch < claim.epoch) return { ...refused("STALE_EPOCH", message), epoch: claim.epoch };
    if (claim === undefined || epoch > claim.epoch || claim.releasedEpoch >= claim.epoch) {
      return refused("SHARD_NOT_HOSTED", message);
    }
    return claim.sealedFor === null ? null : refused("SHARD_UNAVAILABLE", `Shard ${shard} is being moved.`);
  }

  #plainOutcome(operation: RoutedOperation["operation"]): Outcome {
    if (!isPlain(operation))
      return refused("NOT_SUPPORTED", `Shard ${operation.shard} is kept by a plain storage node.`);
    const outcome = this.#shards.execute(operation, this.#clock.nowMs());
    if (outcome.kind === "found") return { kind: "found", entry: { ...outcome.entry, ...unknownFacts } };
    if (outcome.kind === "written") return { ...outcome, facts: unknownFacts };
    return outcome.kind === "deleted" ? { kind: "deleted", version: null } : outcome;
  }
}
