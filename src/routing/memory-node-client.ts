/**
 * The twin of UndiciNodeClient without a network: a storage node in memory, of either kind, that records its batches and
 * fails when told to. For tests and for trying things out.
 */
import type { Clock } from "../core/clock.js";
import type { Outcome, RoutedOperation } from "../core/operation.js";
import type { HostedShard, NodeAssignments } from "../wire/membership.js";
import { MemoryShards } from "./memory-shards.js";
import { NodeFault, type CallOptions, type NodeClient, type NodeKind } from "./node-client.js";
import { isPlain, unknownFacts } from "./plain-routes.js";
import { refused } from "./refusal.js";

/** What happens to a call instead of an answer. */
export interface InjectedFault {
  readonly fault: NodeFault;
  /** The operations are carried out all the same: the answer is what gets lost. */
  readonly isExecuted?: boolean;
}

export class MemoryNodeClient implements NodeClient {
  /** Every batch that arrived, oldest first, those that failed included. */
  readonly batches: (readonly RoutedOperation[])[] = [];
  /** Asked before each call of any kind; null lets it pass. */
  injectFault: () => InjectedFault | null = () => null;
  readonly #clock: Clock;
  readonly #kind: NodeKind;
  readonly #shards = new MemoryShards();
  readonly #epochs = new Map<number, number>();
  readonly #held = new Set<() => void>();
  readonly #ends = new Set<(fault: NodeFault) => void>();
  #mapVersion = 0;
  #isHolding = false;

  constructor(clock: Clock, kind: NodeKind = "full") {
    this.#clock = clock;
    this.#kind = kind;
  }

  /** The next `count` calls fail so. */
  failNext(fault: InjectedFault, count = 1): void {
    let left = count;
    this.injectFault = () => (left-- > 0 ? fault : null);
  }

  /** From now on calls arrive but are not answered, until `release`. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Answers the calls that were held, in order, and all later ones at once. */
  release(): void {
    this.#isHolding = false;
    for (const pass of this.#held) pass();
    this.#held.clear();
  }

  execute(operations: readonly RoutedOperation[], options: CallOptions): Promise<readonly Outcome[]> {
    this.batches.push(operations);
    return this.#call(options, () => operations.map((routed) => this.#outcome(routed)));
  }

  probe(options: CallOptions): Promise<NodeKind> {
    return this.#call(options, () => this.#kind);
  }

  shards(options: CallOptions): Promise<readonly HostedShard[] | null> {
    return this.#call(options, () => (this.#kind === "full" ? this.#shards.hosted(this.#epochs) : null));
  }

  engine(options: CallOptions): Promise<string | null> {
    return this.#call(options, () => (this.#kind === "full" ? "memory" : null));
  }

  assign(assignments: NodeAssignments, options: CallOptions): Promise<void> {
    return this.#call(options, () => {
      if (this.#kind === "plain" || assignments.mapVersion < this.#mapVersion) return;
      this.#mapVersion = assignments.mapVersion;
      this.#epochs.clear();
      for (const { shardId, epoch } of assignments.shards ?? []) this.#epochs.set(shardId, epoch);
    });
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end(new NodeFault("aborted", "the storage node is no longer used", false));
  }

  async #call<Result>(options: CallOptions, run: () => Result): Promise<Result> {
    const injected = this.injectFault();
    if (injected !== null) {
      if (injected.isExecuted === true) run();
      throw injected.fault;
    }
    await this.#turn(options);
    return run();
  }

  /** Resolves when the call may be answered; rejects when its time is over, the caller gives up, or the client closes. */
  #turn({ timeoutMs, signal }: CallOptions): Promise<void> {
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
      const onAbort = (): void => settle(new NodeFault("aborted", "the storage node was given up", false));
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

  #outcome({ operation, epoch }: RoutedOperation): Outcome {
    if (this.#kind === "plain") return this.#plainOutcome(operation);
    const own = this.#epochs.get(operation.shard) ?? null;
    // As a storage node's fence: whoever was told epochs answers to them only.
    if (epoch !== null && this.#mapVersion > 0 && epoch !== own) {
      const message = `Shard ${operation.shard} is not held under epoch ${epoch}.`;
      return { ...refused("STALE_EPOCH", message), epoch: own };
    }
    return this.#shards.execute(operation, this.#clock.nowMs());
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
