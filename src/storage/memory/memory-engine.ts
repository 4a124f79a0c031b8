/**
 * The storage engine in memory, for tests and for `--engine memory`. Its content is lost with the process. Otherwise it
 * works like an engine over a database: it reads what a change depends on, plans, commits if that is unchanged, and
 * plans again if not. With faults injected it simulates a slow and unreliable database.
 */
import { ShardgateError } from "../../core/error.js";
import { planAttemptsMax } from "../../core/limits.js";
import type { ScanOperation } from "../../core/operation.js";
import type { ShardNumber } from "../../core/shard.js";
import { readChanges } from "../change-feed.js";
import { fenceRefusal, withClaimChange } from "../claim.js";
import type {
  ChangesRequest,
  ShardClaim,
  ShardStats,
  StorageEngine,
  StoreChange,
  StoreState,
  Swept,
} from "../engine.js";
import { readJudged } from "../judged-read.js";
import { MemoryShard } from "./memory-shard.js";
import { PrefetchedState } from "./prefetched-state.js";
import { readFrom, type RaisedMark, type ReadAnswer } from "../read-operations.js";
import { claimOf, emptyHeader, judgingMs, statsOf, type ShardHeader } from "../shard-header.js";
import type { StoragePlan } from "../storage-plan.js";
import { planSweep, sweepLimits, sweptOf } from "../sweep-plan.js";
import { planWrites } from "../write-plan.js";

/** Faults to inject in tests. */
export interface MemoryFaults {
  /** Awaited by every call between reading and committing or answering. */
  pause(): Promise<void>;
  /** Called at each commit: decides whether the commit happens and whether its reply arrives. */
  commit(): "happens" | "happens, reply lost" | "is lost";
  /** Number of fail-overs so far. A call that began before a fail-over fails without changing anything. */
  failovers(): number;
}

export class MemoryEngine implements StorageEngine {
  readonly name = "memory";
  readonly isDurable = false;
  readonly lanes = 1;
  readonly #faults: MemoryFaults | null;
  readonly #shards = new Map<ShardNumber, MemoryShard>();
  #document: string | null = null;
  /** Number of changes of document and claims. */
  #stateChanges = 0;

  constructor(faults: MemoryFaults | null = null) {
    this.#faults = faults;
  }

  read(...[operations, budget]: Parameters<StorageEngine["read"]>): ReturnType<StorageEngine["read"]> {
    const source = {
      fence: (shard: ShardNumber) => this.#header(shard),
      find: (shard: ShardNumber, key: Parameters<MemoryShard["find"]>[0]) =>
        this.#shards.get(shard)?.find(key)?.entry ?? null,
      range: (operation: ScanOperation) => this.#shards.get(operation.shard)?.range(operation) ?? [],
    };
    const read = (): Promise<ReadAnswer> => this.#answer(() => readFrom(source, operations, budget));
    return readJudged(read, (marks) => this.#raise(marks));
  }

  write(...[operations, nowMs]: Parameters<StorageEngine["write"]>): ReturnType<StorageEngine["write"]> {
    return this.#change(
      () =>
        new PrefetchedState(operations, {
          header: (shard) => this.#header(shard),
          key: (shard, key) => {
            const stored = this.#shards.get(shard);
            const tombstone = stored?.findTombstone(key) ?? null;
            return {
              entry: stored?.find(key) ?? null,
              tombstone: tombstone === null ? null : Number(tombstone.version),
            };
          },
        }),
      (state) => {
        const plan = planWrites(state, operations, nowMs);
        return { plan, result: plan.outcomes };
      },
    );
  }

  changes(request: ChangesRequest): ReturnType<StorageEngine["changes"]> {
    const source = {
      header: () => this.#header(request.shard),
      changesAfter: (after: number) => this.#shards.get(request.shard)?.changesAfter(after) ?? [],
    };
    return this.#answer(() => readChanges(source, request));
  }

  state(): Promise<StoreState> {
    return this.#answer(() => this.#state());
  }

  async changeState(decide: (state: StoreState) => StoreChange | null): Promise<StoreState> {
    for (let attempt = 1; attempt <= planAttemptsMax; attempt++) {
      const call = this.#begin();
      const seen = this.#stateChanges;
      const state = this.#state();
      const change = decide(state);
      if (change === null) return state;
      await this.#faults?.pause();
      if (seen !== this.#stateChanges) continue;
      // Based on the current headers: writes that were committed meanwhile have changed no claim.
      const headers = new Map<ShardNumber, ShardHeader>();
      for (const claim of change.claims) {
        headers.set(claim.shard, withClaimChange(headers.get(claim.shard) ?? this.#header(claim.shard), claim));
      }
      this.#commit(call, () => {
        this.#stateChanges++;
        this.#document = change.document ?? this.#document;
        for (const [shard, header] of headers) {
          if (header !== this.#header(shard)) this.#shard(shard).header = header;
        }
      });
      return this.#state();
    }
    throw changedTooOften();
  }

  async stats(nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>> {
    return this.#answer(() => {
      const figures = [...this.#shards].map(([number, shard]) => {
        const { entries } = shard.expired(judgingMs(shard.header, nowMs), Infinity);
        return [
          number,
          statsOf(
            shard.header,
            entries.map(({ sizeBytes }) => sizeBytes),
          ),
        ] as const;
      });
      return new Map(figures);
    });
  }

  async fileBytes(): Promise<null> {
    return null;
  }

  sweep(nowMs: number, entriesMax: number): Promise<Swept> {
    const source = {
      headers: () => [...this.#shards].map(([number, shard]) => [number, shard.header] as const),
      expired: (shard: ShardNumber, atMs: number, limit: number) => this.#shard(shard).expired(atMs, limit),
      oldestTombstones: (shard: ShardNumber, limit: number) => this.#shard(shard).oldestTombstones(limit),
    };
    return this.#change(
      () => planSweep(source, nowMs, sweepLimits(entriesMax)),
      (plan) => ({ plan, result: sweptOf(plan) }),
    );
  }

  outdatedClaims(): readonly ShardClaim[] {
    return [];
  }

  async close(): Promise<void> {
    this.#shards.clear();
  }

  /** Plans a change over the result of `prefetch`, and commits it if the plan's headers are unchanged. */
  async #change<Prefetched, Result>(
    prefetch: () => Prefetched,
    decide: (prefetched: Prefetched) => { readonly plan: StoragePlan; readonly result: Result },
  ): Promise<Result> {
    for (let attempt = 1; attempt <= planAttemptsMax; attempt++) {
      const call = this.#begin();
      const prefetched = prefetch();
      await this.#faults?.pause();
      const { plan, result } = decide(prefetched);
      await this.#faults?.pause();
      if (plan.headers.some(({ shard, before }) => this.#header(shard) !== before)) continue;
      if (plan.headers.some(({ before, after }) => before !== after)) this.#commit(call, () => this.#apply(plan));
      return result;
    }
    throw changedTooOften();
  }

  async #raise(marks: ReadonlyMap<ShardNumber, RaisedMark>): Promise<boolean> {
    const call = this.#begin();
    await this.#faults?.pause();
    const isHeld = [...marks].every(([shard, { epoch }]) => fenceRefusal(this.#header(shard), shard, epoch) === null);
    if (!isHeld) return false;
    this.#commit(call, () => {
      for (const [number, { expiryMarkMs }] of marks) {
        const shard = this.#shard(number);
        if (expiryMarkMs > shard.header.expiryMarkMs) shard.header = { ...shard.header, expiryMarkMs };
      }
    });
    return true;
  }

  /** The result of `read` over one snapshot. */
  async #answer<T>(read: () => T): Promise<T> {
    const call = this.#begin();
    const answer = read();
    await this.#faults?.pause();
    this.#refuseAfterFailover(call);
    return answer;
  }

  #begin(): number {
    return this.#faults?.failovers() ?? 0;
  }

  #refuseAfterFailover(call: number): void {
    if (call === this.#begin()) return;
    throw new ShardgateError("STORAGE_FAILED", "The storage engine failed over during the call; nothing was written.");
  }

  #commit(call: number, apply: () => void): void {
    this.#refuseAfterFailover(call);
    const fate = this.#faults?.commit() ?? "happens";
    if (fate !== "is lost") apply();
    if (fate === "happens") return;
    throw new ShardgateError("OUTCOME_UNKNOWN", "The reply to a commit was lost; it may or may not have happened.");
  }

  #apply({ changes, dropped, headers }: StoragePlan): void {
    for (const change of changes) this.#shard(change.shard).apply(change);
    for (const { shard, tombstone } of dropped) this.#shard(shard).drop(tombstone.key);
    for (const { shard, before, after } of headers) if (after !== before) this.#shard(shard).header = after;
  }

  #state(): StoreState {
    const claims = [...this.#shards].map(([number, { header }]) => [number, claimOf(number, header)] as const);
    return { document: this.#document, shared: null, claims: new Map(claims), damagedShards: [] };
  }

  #header(shard: ShardNumber): ShardHeader {
    return this.#shards.get(shard)?.header ?? emptyHeader;
  }

  #shard(number: ShardNumber): MemoryShard {
    let shard = this.#shards.get(number);
    if (shard === undefined) {
      shard = new MemoryShard();
      this.#shards.set(number, shard);
    }
    return shard;
  }
}

function changedTooOften(): ShardgateError {
  const message = "Other calls kept changing the shards during the call; nothing was written. Try again.";
  return new ShardgateError("STORAGE_FAILED", message);
}
