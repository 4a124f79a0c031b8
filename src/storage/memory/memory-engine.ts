/**
 * The storage engine in memory, for tests and for `--engine memory`. Its content is lost with the process. Otherwise it
 * works like an engine over a database: it reads what a change depends on, plans, commits if that is unchanged, and
 * plans again if not. With faults injected it simulates a slow and unreliable database, and over one content several
 * engines simulate the storage nodes of a shared store.
 */
import { ShardgateError } from "../../core/error.js";
import { planAttemptsMax } from "../../core/limits.js";
import type { ScanOperation } from "../../core/operation.js";
import type { ShardNumber } from "../../core/shard.js";
import { readChanges } from "../change-feed.js";
import { fenceRefusal } from "../claim.js";
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
import { MemoryContent } from "./memory-content.js";
import type { MemoryShard } from "./memory-shard.js";
import { PrefetchedState } from "./prefetched-state.js";
import { readFrom, type RaisedMark, type ReadAnswer } from "../read-operations.js";
import { withClaimOf, type SharedShard } from "../shared-shard.js";
import { claimOf, judgingMs, statsOf, type ShardHeader } from "../shard-header.js";
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
  readonly isStoreLost = false;
  readonly isDurable: boolean;
  readonly lanes: number;
  readonly #faults: MemoryFaults | null;
  readonly #content: MemoryContent;
  /** Name of the storage node for which the engine claims shards. */
  readonly #node: string;

  /** By default the engine has a content of its own. */
  constructor(faults: MemoryFaults | null = null, content: MemoryContent = new MemoryContent(), node = "") {
    this.#faults = faults;
    this.#content = content;
    this.#node = node;
    // A shared content stays when one of its engines is closed, as in a database.
    this.isDurable = content.sharedId !== null;
    this.lanes = content.sharedId === null ? 1 : sharedLanes;
  }

  read(...[operations, budget]: Parameters<StorageEngine["read"]>): ReturnType<StorageEngine["read"]> {
    const source = {
      fence: (shard: ShardNumber) => this.#header(shard),
      find: (shard: ShardNumber, key: Parameters<MemoryShard["find"]>[0]) =>
        this.#content.find(shard)?.find(key)?.entry ?? null,
      range: (operation: ScanOperation) => this.#content.find(operation.shard)?.range(operation) ?? [],
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
            const stored = this.#content.find(shard);
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
      changesAfter: (after: number) => this.#content.find(request.shard)?.changesAfter(after) ?? [],
    };
    return this.#answer(() => readChanges(source, request));
  }

  state(): Promise<StoreState> {
    return this.#answer(() => this.#state());
  }

  async changeState(decide: (state: StoreState) => StoreChange | null): Promise<StoreState> {
    for (let attempt = 1; attempt <= planAttemptsMax; attempt++) {
      const call = this.#begin();
      const content = this.#content;
      const seen = content.stateChanges;
      const state = this.#state();
      const change = decide(state);
      if (change === null) return state;
      await this.#faults?.pause();
      if (seen !== content.stateChanges) continue;
      // Based on the current headers: writes that were committed meanwhile have changed no claim.
      const shards = new Map<ShardNumber, SharedShard>();
      for (const claim of change.claims) {
        const before = shards.get(claim.shard) ?? content.row(claim.shard);
        shards.set(claim.shard, withClaimOf(this.#node, before, claim));
      }
      this.#commit(call, () => content.change(this.#node, change, shards));
      return this.#state();
    }
    throw changedTooOften();
  }

  async stats(nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>> {
    return this.#answer(() => {
      const figures = [...this.#content.shards].map(([number, shard]) => {
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
      headers: () => [...this.#content.shards.keys()].map((shard) => [shard, this.#header(shard)] as const),
      expired: (shard: ShardNumber, atMs: number, limit: number) => this.#content.shard(shard).expired(atMs, limit),
      oldestTombstones: (shard: ShardNumber, limit: number) => this.#content.shard(shard).oldestTombstones(limit),
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
    if (this.#content.sharedId === null) this.#content.clear();
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
        const shard = this.#content.shard(number);
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
    const content = this.#content;
    for (const change of changes) content.shard(change.shard).apply(change);
    for (const { shard, tombstone } of dropped) content.shard(shard).drop(tombstone.key);
    for (const { shard, before, after } of headers) if (after !== before) content.shard(shard).header = after;
  }

  #state(): StoreState {
    const { shards, shared } = this.#content;
    const claims = [...shards.keys()].map((shard) => [shard, claimOf(shard, this.#header(shard))] as const);
    return { document: this.#content.documentOf(this.#node), shared, claims: new Map(claims), damagedShards: [] };
  }

  #header(shard: ShardNumber): ShardHeader {
    return this.#content.headerSeenBy(this.#node, shard);
  }
}

/** More than PostgresEngine has, so that tests of lanes see several. */
const sharedLanes = 4;

function changedTooOften(): ShardgateError {
  const message = "Other calls kept changing the shards during the call; nothing was written. Try again.";
  return new ShardgateError("STORAGE_FAILED", message);
}
