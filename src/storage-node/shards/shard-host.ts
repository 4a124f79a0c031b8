/**
 * The shards of one storage node, without HTTP. Admits requests of its own cluster once its start is acknowledged, runs their
 * operations on the engine, which checks them against the shards' claims, and applies assignments. Writes of all callers share
 * group commits; the reads of one batch share one read. Several processes may each have a ShardHost over the same store.
 */
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import { engineTimeoutMs, nodeBatchAnswerBytesMax } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { Outcome, RefusedOutcome, RoutedOperation } from "../../core/operation.js";
import type { Tracer } from "../../core/tracing.js";
import { UnderWay } from "../../core/tasks/under-way.js";
import type { FencedRead, FencedWrite, StorageEngine } from "../../storage/engine.js";
import type { HostedShard, NodeAssignments } from "../../wire/membership.js";
import { BatchAnswer, withinOneAnswer } from "./batch-answer.js";
import { batchStages, isRead, isWrite } from "./batch-stages.js";
import type { OperationCaller } from "../operation-caller.js";
import { resultWithin } from "./work-deadline.js";
import { notInTime, refusalBeforeWrite, refused } from "./engine-failure.js";
import type { EngineObserver } from "./engine-observer.js";
import { EngineReads } from "./engine-reads.js";
import { GroupCommit } from "./group-commit.js";
import { hostedShards } from "./hosted-shards.js";
import type { NodeDocument } from "../identity/node-state.js";
import { NodeStore } from "../identity/node-store.js";
import { scanRefusal } from "./scan-bounds.js";
import { SpentVersions, type ShardEpoch } from "./spent-versions.js";
import { startSweeper, type Sweeper } from "./sweeper.js";

export interface ShardHostOptions {
  /** Belongs to the caller, who closes it after `drain`. */
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is counted. */
  readonly observer?: EngineObserver;
  /** Absent: requests are not traced. */
  readonly tracer?: Tracer;
  /** Id of this start of the storage node, the same in all of its processes. */
  readonly start: string;
  /** Draws the id of a new store. */
  readonly newId: () => string;
  /** True: a gateway acknowledges the start and assigns shards. False: the storage node claims shards for itself. */
  readonly hasGateway: boolean;
  /** Whether other processes serve the same store; absent: false. */
  readonly isShared?: boolean;
  /** Whether this is the one process that records the start and expires entries; absent: true. */
  readonly isFirst?: boolean;
}

export class ShardHost {
  readonly #options: ShardHostOptions;
  readonly #store: NodeStore;
  readonly #reads: EngineReads;
  readonly #commits: GroupCommit;
  readonly #spent = new SpentVersions();
  readonly #sweeper: Sweeper | null;
  readonly #underWay = new UnderWay();
  #isDraining = false;

  /** Records the start durably. Throws STORAGE_FAILED for a damaged document, and errors of the engine. */
  static async open(options: ShardHostOptions): Promise<ShardHost> {
    const { isShared = false, isFirst = true } = options;
    return new ShardHost(options, await NodeStore.open({ ...options, isShared, isFirst }));
  }

  private constructor(options: ShardHostOptions, store: NodeStore) {
    this.#options = options;
    this.#store = store;
    this.#reads = new EngineReads(options);
    this.#commits = new GroupCommit(options);
    // An expiry takes a version, and the versions of an epoch belong to this start only once it is acknowledged.
    const mayRun = (): boolean => store.isAcknowledged;
    this.#sweeper = options.isFirst === false ? null : startSweeper({ ...options, mayRun });
    if (options.isFirst !== false) this.#logDamage();
    const { clusterId } = store.document;
    if (options.hasGateway || clusterId === null) return;
    options.log.warn(
      { clusterId, shards: this.hostedCount },
      "This storage node has data of a cluster but runs without a gateway. It refuses requests of the cluster's gateways, and serves all other clients the shards that it owned in the cluster.",
    );
  }

  /** Identity and cluster of the store, as last seen by this process. */
  get document(): NodeDocument {
    return this.#store.document;
  }

  /** Whether a gateway has acknowledged this start, or none is needed. */
  get isAcknowledged(): boolean {
    return this.#store.isAcknowledged;
  }

  /** Number of writes that wait for their commit. */
  get queuedWrites(): number {
    return this.#commits.queued;
  }

  /** Number of shards that the store owns. */
  get hostedCount(): number {
    return this.#store.ownedCount;
  }

  /** Whether other storage nodes have the same store. */
  get isStoreShared(): boolean {
    return this.#store.isStoreShared;
  }

  get isStoreLost(): boolean {
    return this.#options.engine.isStoreLost;
  }

  /** Shards that need a new epoch: its versions are running out, or the engine's database has failed over. */
  exhausted(): readonly ShardEpoch[] {
    return this.#spent.exhausted(this.#options.engine.outdatedClaims(), (shard) => this.#store.ownedEpoch(shard));
  }

  /**
   * Resolves to one outcome per operation, in order; a faulty one gets a refusal of its own. The first is always answered,
   * however large the others' answers are. Throws CLUSTER_MISMATCH, running nothing, when `caller` names another cluster.
   */
  async execute(operations: readonly RoutedOperation[], caller: OperationCaller = {}): Promise<readonly Outcome[]> {
    if (this.#isDraining) return operations.map(() => refused("DRAINING", "The storage node is shutting down."));
    this.#underWay.begin();
    try {
      const refusal = this.#isAdmitted(caller) ? null : await this.#refusalOf(caller);
      return refusal === null ? await this.#run(operations, caller) : operations.map(() => refusal);
    } finally {
      this.#underWay.end();
    }
  }

  /** Reads the changes of other processes of this storage node. See NodeStore. Passes on errors of the engine. */
  refresh(isToRegister = false): Promise<void> {
    return this.#store.refresh(isToRegister);
  }

  /**
   * Applies newer assignments durably; older ones have no effect. Once it resolves, no process that serves this store
   * runs operations under the old ones. Throws CLUSTER_MISMATCH, SHARD_COUNT_MISMATCH, OVERLOADED, and the engine's errors.
   */
  async applyAssignments(assignments: NodeAssignments): Promise<void> {
    if (await this.#store.applyAssignments(assignments, false)) this.#logAssignments();
  }

  /** Applies the assignments that answer this start's registration, which acknowledges the start. */
  async acknowledge(assignments: NodeAssignments): Promise<void> {
    if (await this.#store.applyAssignments(assignments, true)) this.#logAssignments();
  }

  /** Every shard that was claimed here or has data, by number. */
  hostedShards(): Promise<readonly HostedShard[]> {
    return hostedShards(this.#options.engine, this.#options.clock.nowMs());
  }

  /** Refuses all further operations with DRAINING, and resolves when every accepted one has its outcome. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.allSettled([this.#sweeper?.stop(), this.#underWay.idle()]);
    await this.#commits.idle();
  }

  /** Call when `drain` takes too long: also refuses the writes that wait for a commit. */
  abandon(): void {
    this.#isDraining = true;
    this.#commits.discard();
  }

  #logDamage(): void {
    const shards = this.#store.damagedShards;
    if (shards.length === 0) return;
    this.#options.log.error(
      { shards },
      "The header records of these shards are damaged. These shards are neither read nor written; all others are served. Stop this storage node, run `shardgate node verify` to list all damage, and restore the data folder from a backup.",
    );
  }

  #logAssignments(): void {
    const facts = { mapVersion: this.document.mapVersion, shards: this.hostedCount };
    this.#options.log.info(facts, "The assignments changed.");
  }

  /** Decided by what this process has seen so far. */
  #isAdmitted({ clusterId }: OperationCaller): boolean {
    return this.isAcknowledged && (clusterId === undefined || clusterId === this.document.clusterId);
  }

  /** Decided by what all processes of the node have stored; null: it may run. Throws CLUSTER_MISMATCH. */
  async #refusalOf({ clusterId }: OperationCaller): Promise<RefusedOutcome | null> {
    const failed = await this.#refresh();
    if (failed !== null) return failed;
    const known = this.document.clusterId;
    if (clusterId !== undefined && known !== null && clusterId !== known) {
      const [own, other] = [JSON.stringify(known), JSON.stringify(clusterId)];
      const message = `This storage node belongs to cluster ${own}; the request is from cluster ${other}.`;
      throw new ShardgateError("CLUSTER_MISMATCH", message, { clusterId: known });
    }
    return this.isAcknowledged ? null : notAcknowledged;
  }

  /** Resolves to null once the state is refreshed, else to a refusal. */
  async #refresh(): Promise<RefusedOutcome | null> {
    try {
      const refreshed = this.#store.refresh().then(() => null);
      return await resultWithin(this.#options.clock, engineTimeoutMs, refreshed, notInTime);
    } catch (error) {
      this.#options.log.error(
        { err: error },
        "The storage engine failed to read the storage node's record of its cluster.",
      );
      return refusalBeforeWrite(error);
    }
  }

  #run(operations: readonly RoutedOperation[], caller: OperationCaller): Promise<readonly Outcome[]> {
    // Batches of reads only or writes only, which are most, need no stages.
    if (operations.every(isRead)) return this.#read(operations, nodeBatchAnswerBytesMax, caller);
    if (operations.every(isWrite)) return this.#write(operations, caller).then(withinOneAnswer);
    return this.#runStages(operations, caller);
  }

  async #runStages(operations: readonly RoutedOperation[], caller: OperationCaller): Promise<readonly Outcome[]> {
    const answer = new BatchAnswer(operations.length);
    for (const { reads, writes } of batchStages(operations)) {
      const open = reads.filter((index) => answer.isOpenAt(index));
      answer.add(open, await this.#read(pick(operations, open).filter(isRead), answer.bytesLeft, caller));
      answer.add(writes, await this.#write(pick(operations, writes).filter(isWrite), caller));
    }
    return answer.outcomes;
  }

  /** A faulty read gets a refusal of its own, and does not fail the other reads in the engine. */
  async #read(reads: readonly FencedRead[], bytesMax: number, caller: OperationCaller): Promise<readonly Outcome[]> {
    const refusals = reads.some(isScan) ? reads.map(scanRefusal) : [];
    if (refusals.some((refusal) => refusal !== null)) {
      const admitted = reads.filter((_, at) => refusals[at] === null);
      const outcomes = (await this.#read(admitted, bytesMax, caller)).values();
      return refusals.map((refusal) => refusal ?? outcomes.next().value ?? unanswered);
    }
    if (reads.length === 0) return [];
    const outcomes = await this.#reads.run(reads, bytesMax, caller);
    if (!this.#store.isIndependent || !outcomes.some(isNotHosted)) return outcomes;
    // If another process of this storage node has joined a cluster meanwhile, or another storage node of the same store has
    // claimed the shard, the refusals stay.
    if ((await this.#refresh()) !== null || !this.#store.isIndependent) return outcomes;
    return reads.map((read, at) => {
      const outcome = outcomes[at] ?? unanswered;
      const isNothing = read.epoch === null && isNotHosted(outcome) && this.#store.isNew(read.operation.shard);
      return isNothing ? nothingIn(read) : outcome;
    });
  }

  async #write(writes: readonly FencedWrite[], caller: OperationCaller): Promise<readonly Outcome[]> {
    if (writes.length === 0) return [];
    const refusal = this.#store.isIndependent ? await this.#claimFor(writes) : null;
    if (refusal !== null) return writes.map(() => refusal);
    const outcomes = await this.#commits.submit(writes, caller);
    for (const [at, { operation }] of writes.entries()) this.#spent.note(operation.shard, outcomes[at] ?? unanswered);
    return outcomes;
  }

  /** Without a gateway, the node claims a shard at its first write, and an outdated claim anew. Null: they may be written. */
  async #claimFor(writes: readonly FencedWrite[]): Promise<RefusedOutcome | null> {
    const shards = new Set(writes.filter(({ epoch }) => epoch === null).map(({ operation }) => operation.shard));
    const unclaimed = [...shards].filter((shard) => this.#store.isNew(shard));
    const outdated = this.#options.engine.outdatedClaims().filter(({ shard }) => shards.has(shard));
    if (unclaimed.length + outdated.length === 0) return null;
    try {
      const claimed = this.#store.claim(unclaimed, outdated).then(() => null);
      return await resultWithin(this.#options.clock, engineTimeoutMs, claimed, notInTime);
    } catch (error) {
      this.#options.log.error({ err: error, shards: [...shards] }, "The storage engine failed to claim shards.");
      return refusalBeforeWrite(error);
    }
  }
}

const notAcknowledged = refused(
  "SHARD_UNAVAILABLE",
  "The storage node has started and waits for its gateway to acknowledge it.",
);

const unanswered = refused("STORAGE_FAILED", "The storage engine failed.");

function pick(operations: readonly RoutedOperation[], indexes: readonly number[]): readonly RoutedOperation[] {
  return indexes.flatMap((index) => operations[index] ?? []);
}

function isScan({ operation }: FencedRead): boolean {
  return operation.kind === "scan";
}

function isNotHosted(outcome: Outcome): boolean {
  return outcome.kind === "refused" && outcome.code === "SHARD_NOT_HOSTED";
}

/** The outcome of a read of a shard that was never written. */
function nothingIn({ operation }: FencedRead): Outcome {
  return operation.kind === "get" ? { kind: "notFound" } : { kind: "page", entries: [], hasMore: false };
}
