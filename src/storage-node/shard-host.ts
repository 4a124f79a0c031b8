/**
 * The shards of one storage node, without HTTP: runs operations against the engine behind the epoch fence, and takes
 * assignments. Writes of all callers share group commits; the reads of one batch share one read of the engine. Several
 * processes may each have one over the same engine's data: see kept-state.ts.
 */
import { answerBytes } from "../core/answer-bytes.js";
import type { Clock } from "../core/clock.js";
import type { ErrorCode } from "../core/error.js";
import { utf8Bytes } from "../core/key.js";
import { keyBytesMax, nodeBatchAnswerBytesMax } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { GetOperation, Outcome, RefusedOutcome, RoutedOperation, ScanOperation } from "../core/operation.js";
import { startShared, type Tracer } from "../core/tracing.js";
import { UnderWay } from "../core/under-way.js";
import { sequenceFloor } from "../core/version.js";
import { DocumentChanged, type StorageEngine } from "../storage/engine.js";
import type { HostedShard, NodeAssignments } from "../wire/membership.js";
import { batchStages } from "./batch-stages.js";
import { GroupCommit, type Caller, type RoutedWrite } from "./group-commit.js";
import { KeptState } from "./kept-state.js";
import { fence, withAssignments } from "./node-state.js";
import { startSweeper, type Sweeper } from "./sweeper.js";

export interface ShardHostOptions {
  /** Stays the caller's, who closes it after `drain`. */
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer;
  /** Other processes serve the same data; absent: this one is alone with them. */
  readonly isShared?: boolean;
  /** Removes expired entries: one of those processes, which is enough. */
  readonly isSweeping?: boolean;
}

export class ShardHost {
  readonly #options: ShardHostOptions;
  readonly #commits: GroupCommit;
  readonly #sweeper: Sweeper | null;
  readonly #underWay = new UnderWay();
  readonly #kept: KeptState;
  #isDraining = false;

  /** Throws STORAGE_FAILED when the engine's document of an earlier run is damaged. */
  static async open(options: ShardHostOptions): Promise<ShardHost> {
    return new ShardHost(options, await KeptState.open({ isShared: false, ...options }));
  }

  private constructor(options: ShardHostOptions, kept: KeptState) {
    this.#options = options;
    this.#kept = kept;
    this.#commits = new GroupCommit({
      ...options,
      kept,
      refusalOf: (write) => fence(kept.current, write),
      floorOf: (shard) => sequenceFloor(kept.current?.shards.get(shard)?.epoch ?? 0),
    });
    this.#sweeper = options.isSweeping === false ? null : startSweeper(options);
  }

  /** Version of the cluster map that the assignments come from; null before the first. */
  get mapVersion(): number | null {
    return this.#kept.current?.mapVersion ?? null;
  }

  /** The cluster whose data are kept here; null before the first assignments. */
  get clusterId(): string | null {
    return this.#kept.current?.clusterId ?? null;
  }

  /** Of that cluster; null before the first assignments. */
  get shardCount(): number | null {
    return this.#kept.current?.shardCount ?? null;
  }

  /** Writes that wait for their commit. */
  get queuedWrites(): number {
    return this.#commits.queued;
  }

  /** How many shards are assigned to this storage node. */
  get hostedCount(): number {
    return [...(this.#kept.current?.shards.values() ?? [])].filter(({ isHosted }) => isHosted).length;
  }

  /**
   * One outcome per operation, in order; what is wrong with one operation is its own refused outcome, so it never
   * rejects for that. The first operation always gets a real answer, whatever the size of the others'. `caller`:
   * the request that all this is done for.
   */
  async execute(operations: readonly RoutedOperation[], caller: Caller = {}): Promise<readonly Outcome[]> {
    if (this.#isDraining) return operations.map(() => refused("DRAINING", "The storage node is stopping."));
    this.#underWay.begin();
    try {
      return await this.#runStages(operations, caller);
    } finally {
      this.#underWay.end();
    }
  }

  /**
   * Takes newer assignments, durably, between two commits; older ones change nothing. Once it resolves, no process that
   * serves these data runs anything under the old ones.
   * Throws CLUSTER_MISMATCH, SHARD_COUNT_MISMATCH, OVERLOADED, and what the engine throws.
   */
  applyAssignments(assignments: NodeAssignments): Promise<void> {
    return this.#commits.change(async () => {
      const isChanged = await this.#kept.change((state) => withAssignments(state, assignments));
      if (!isChanged) return;
      this.#options.log.info({ mapVersion: this.mapVersion, shards: this.hostedCount }, "The assignments changed.");
    });
  }

  /** Every shard that has live keys here, is assigned, or once was; in the order of their numbers. */
  async hostedShards(): Promise<readonly HostedShard[]> {
    await this.#kept.refresh();
    const stats = await this.#options.engine.stats(this.#options.clock.nowMs());
    const epochs = this.#kept.current?.shards;
    const withKeys = [...stats].filter(([, { keyCount }]) => keyCount > 0).map(([shard]) => shard);
    return [...new Set([...withKeys, ...(epochs?.keys() ?? [])])]
      .toSorted((a, b) => a - b)
      .map((shard) => ({
        shardId: shard,
        epoch: epochs?.get(shard)?.epoch ?? null,
        keyCount: stats.get(shard)?.keyCount ?? 0,
        sizeBytes: stats.get(shard)?.sizeBytes ?? 0,
      }));
  }

  /** Refuses what comes from now on with DRAINING, and resolves when everything accepted before has its outcome. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.allSettled([this.#sweeper?.stop(), this.#underWay.idle()]);
    await this.#commits.idle();
  }

  /** For when `drain` took too long: also refuses the writes that wait for a commit. */
  abandon(): void {
    this.#isDraining = true;
    this.#commits.discard();
  }

  async #runStages(operations: readonly RoutedOperation[], caller: Caller): Promise<readonly Outcome[]> {
    const answer: Answer = { outcomes: new Map(), bytes: 0 };
    for (const { reads, writes } of batchStages(operations)) {
      await this.#read(pick(operations, reads), answer, caller);
      await this.#write(pick(operations, writes), answer, caller);
    }
    return operations.map((_, index) => answer.outcomes.get(index) ?? refused("STORAGE_FAILED", engineFailed));
  }

  async #read(reads: Picked, answer: Answer, caller: Caller): Promise<void> {
    try {
      await this.#kept.run(() => this.#readAdmitted(reads, answer, caller));
    } catch (error) {
      this.#options.log.error(
        { err: error, requestId: caller.requestId, operations: reads.length },
        "The storage engine failed to read; `err` has the cause. Check the disk.",
      );
    }
  }

  /** Rejects with what the engine rejects with; with DocumentChanged when the fence did not go by the newest assignments. */
  async #readAdmitted(reads: Picked, answer: Answer, { span: request }: Caller): Promise<void> {
    const admitted: [number, GetOperation | ScanOperation][] = [];
    for (const [index, routed] of reads) {
      const refusal = fence(this.#kept.current, routed) ?? this.#answerFull(answer, index) ?? scanRefusal(routed);
      if (refusal !== null) answer.outcomes.set(index, refusal);
      else admitted.push([index, routed.operation as GetOperation | ScanOperation]);
    }
    if (admitted.length === 0) return this.#kept.confirm();
    const { engine, clock, tracer } = this.#options;
    const attributes = { "shardgate.engine": engine.name, "shardgate.operations": admitted.length };
    const span = startShared(tracer, "engine read", request === undefined ? [] : [request], {
      kind: "internal",
      attributes,
    });
    const budget = {
      nowMs: clock.nowMs(),
      answerBytesMax: nodeBatchAnswerBytesMax - answer.bytes,
      documentVersion: this.#kept.version,
    };
    try {
      const outcomes = await engine.read(
        admitted.map(([, operation]) => operation),
        budget,
      );
      for (const [at, [index]] of admitted.entries()) this.#answer(answer, index, outcomes[at]);
    } catch (error) {
      if (!(error instanceof DocumentChanged)) span?.fail("STORAGE_FAILED");
      throw error;
    } finally {
      span?.end();
    }
  }

  async #write(writes: Picked, answer: Answer, caller: Caller): Promise<void> {
    if (writes.length === 0) return;
    const outcomes = await this.#commits.submit(
      writes.map(([, routed]) => routed as RoutedWrite),
      caller,
    );
    for (const [at, [index]] of writes.entries()) {
      const outcome = outcomes[at];
      // A conflict carries the entry as it is, and nothing was written, so it may be asked again like a read.
      const full = outcome?.kind === "conflict" ? this.#answerFull(answer, index) : null;
      this.#answer(answer, index, full ?? outcome);
    }
  }

  #answer(answer: Answer, index: number, outcome: Outcome | undefined): void {
    if (outcome === undefined) return;
    answer.outcomes.set(index, outcome);
    answer.bytes += answerBytes(outcome);
  }

  #answerFull(answer: Answer, index: number): RefusedOutcome | null {
    if (index === 0 || answer.bytes < nodeBatchAnswerBytesMax) return null;
    return refused("BATCH_ANSWER_FULL", "The answer was full before this operation's turn.");
  }
}

/** Outcomes by index, and the bytes that their entries take. */
interface Answer {
  readonly outcomes: Map<number, Outcome>;
  bytes: number;
}

type Picked = readonly (readonly [number, RoutedOperation])[];

const engineFailed = "The storage engine failed.";

function pick(operations: readonly RoutedOperation[], indexes: readonly number[]): Picked {
  return indexes.flatMap((index) => {
    const operation = operations[index];
    return operation === undefined ? [] : [[index, operation] as const];
  });
}

/** A boundary longer than any key would reach the engine as a key it cannot take, and fail its neighbours. */
function scanRefusal({ operation }: RoutedOperation): RefusedOutcome | null {
  if (operation.kind !== "scan") return null;
  for (const name of ["prefix", "after", "before"] as const) {
    const text = operation[name] ?? "";
    if (utf8Bytes(text) > keyBytesMax)
      return refused("BAD_REQUEST", `\`${name}\` is longer than ${keyBytesMax} bytes.`);
    if (!text.isWellFormed()) return refused("BAD_REQUEST", `\`${name}\` has a lone surrogate.`);
  }
  return null;
}

function refused(code: ErrorCode, message: string): RefusedOutcome {
  return { kind: "refused", code, message };
}
