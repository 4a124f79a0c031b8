/**
 * The storage engine on LMDB: one environment per storage node; an acknowledged write is on disk. Every decision is
 * made within one snapshot or transaction, so several processes may share a folder. A read holds its snapshot for one
 * turn of the event loop at most, because an open snapshot makes the file grow.
 */
import { stat } from "node:fs/promises";
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
import { readFrom, type RaisedMark, type ReadAnswer } from "../read-operations.js";
import { claimOf, judgingMs, statsOf, type ShardHeader } from "../shard-header.js";
import type { StoragePlan } from "../storage-plan.js";
import { planSweep, sweepLimits, sweptOf, type SweepPlan } from "../sweep-plan.js";
import { planWrites } from "../write-plan.js";
import { decodeDocument, encodeDocument } from "./records/checked-record.js";
import type { Databases } from "./records/databases.js";
import { openDatabases } from "./records/open-databases.js";
import { LmdbEnvironment } from "./lmdb-environment.js";
import { storageError } from "./folder/failure.js";
import { FencedEntries } from "./records/fenced-entries.js";
import { checkLmdbFolder, lmdbFile } from "./folder/folder.js";
import { documentKey } from "./records/record-format.js";
import { ShardRecords, type ShardHeaders } from "./records/shard-records.js";
import { indexBounds, IndexUpkeep, type IndexBounds } from "./records/index-upkeep.js";
import { SweepSchedule } from "./sweep-schedule.js";

export class LmdbEngine implements StorageEngine {
  readonly name = "lmdb";
  readonly isStoreLost = false;
  readonly isDurable = true;
  readonly lanes = 1;
  readonly #folder: string;
  readonly #databases: Databases;
  readonly #environment: LmdbEnvironment;
  readonly #records: ShardRecords;
  readonly #entries: FencedEntries;
  readonly #upkeep: IndexUpkeep;
  readonly #schedule: SweepSchedule;

  /**
   * Opens the data in `folder`, upgrading data of an older version, or creates new ones. Throws STORAGE_FULL, or
   * STORAGE_FAILED naming the folder and what to do, when the folder is not writable or its file is damaged, not LMDB's
   * or of another format.
   */
  static async open(folder: string, bounds = indexBounds): Promise<LmdbEngine> {
    await checkLmdbFolder(folder);
    try {
      return new LmdbEngine(folder, await openDatabases(folder), bounds);
    } catch (error) {
      throw await storageError(error, folder);
    }
  }

  private constructor(folder: string, databases: Databases, bounds: IndexBounds) {
    this.#folder = folder;
    this.#upkeep = new IndexUpkeep(bounds);
    this.#databases = databases;
    this.#environment = new LmdbEnvironment(folder, databases);
    this.#records = new ShardRecords(databases);
    this.#entries = new FencedEntries(databases.documents, this.#records);
    this.#schedule = new SweepSchedule(this.#records, this.#upkeep);
  }

  read(...[operations, budget]: Parameters<StorageEngine["read"]>): ReturnType<StorageEngine["read"]> {
    const read = (): Promise<ReadAnswer> =>
      this.#environment.snapshot(() => {
        this.#entries.refresh();
        return readFrom(this.#entries, operations, budget);
      });
    return readJudged(read, (marks) => this.#raise(marks));
  }

  async write(...[operations, nowMs]: Parameters<StorageEngine["write"]>): ReturnType<StorageEngine["write"]> {
    const { outcomes, changes, headers } = await this.#environment.commit(() => {
      const plan = planWrites(this.#records, operations, nowMs);
      this.#apply(plan);
      return plan;
    });
    this.#upkeep.remember(changes);
    this.#schedule.written(headers.flatMap(({ shard, before, after }) => (before === after ? [] : [shard])));
    return outcomes;
  }

  changes(request: ChangesRequest): ReturnType<StorageEngine["changes"]> {
    const { shard } = request;
    const source = {
      header: () => this.#records.header(shard),
      changesAfter: (after: number) => this.#records.changesAfter(shard, after),
    };
    return this.#environment.snapshot(() => readChanges(source, request));
  }

  state(): Promise<StoreState> {
    return this.#environment.snapshot(() => this.#state(this.#records.headers()));
  }

  async changeState(decide: (state: StoreState) => StoreChange | null): Promise<StoreState> {
    const changed = new Map<ShardNumber, ShardHeader>();
    const state = await this.#environment.commit(() => {
      changed.clear();
      const { whole, damaged } = this.#records.headers();
      const state = this.#state({ whole, damaged });
      const change = decide(state);
      if (change === null) return state;
      const unreadable = new Set(damaged);
      for (const claim of change.claims) {
        if (unreadable.has(claim.shard)) continue;
        const before = changed.get(claim.shard) ?? this.#records.header(claim.shard);
        const after = withClaimChange(before, claim);
        if (after !== before) changed.set(claim.shard, after);
      }
      for (const [shard, header] of changed) this.#records.putHeader(shard, header);
      if (changed.size > 0) this.#entries.fenceChanged();
      if (change.document !== undefined) this.#databases.documents.put(documentKey, encodeDocument(change.document));
      const { claims } = this.#state({ whole: new Map([...whole, ...changed]), damaged });
      return { ...state, claims, document: change.document ?? state.document };
    });
    this.#schedule.written(changed.keys());
    return state;
  }

  stats(nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>> {
    return this.#environment.snapshot(() => {
      const figures = [...this.#records.headers().whole].map(([shard, header]) => {
        const isExpiring = header.expiringCount > 0;
        const expired = isExpiring ? this.#records.expiredSizes(shard, judgingMs(header, nowMs)) : [];
        return [shard, statsOf(header, expired)] as const;
      });
      return new Map(figures);
    });
  }

  async fileBytes(): Promise<number> {
    return (await stat(lmdbFile(this.#folder))).size;
  }

  async sweep(nowMs: number, entriesMax: number): Promise<Swept> {
    // Usually nothing is due, and a transaction would block writers.
    const due = await this.#environment.snapshot(() => {
      const due = this.#schedule.due(nowMs);
      return this.#isSweepable(due, nowMs, Math.min(entriesMax, 1)) ? due : [];
    });
    if (due.length === 0 && !this.#upkeep.isJournalDue) return { expired: 0, tombstonesDropped: 0, isMore: false };
    const { planned, isMore } = await this.#environment.commit(() => {
      const planned = this.#planSweep(due, nowMs, entriesMax);
      this.#apply(planned);
      return { planned, isMore: this.#upkeep.step(this.#records, due) };
    });
    this.#upkeep.remember(planned.changes);
    const swept = sweptOf(planned);
    return { ...swept, isMore: swept.isMore || isMore };
  }

  outdatedClaims(): readonly ShardClaim[] {
    return [];
  }

  close(): Promise<void> {
    return this.#environment.close();
  }

  /** Whether a sweep could change anything. Damage can prevent a sweep of shards that are due. */
  #isSweepable(due: readonly ShardNumber[], nowMs: number, entriesMax: number): boolean {
    if (this.#planSweep(due, nowMs, entriesMax).headers.length > 0) return true;
    return [...this.#records.headersOf(due)].some(([shard, header]) => this.#upkeep.isDue(shard, header));
  }

  #planSweep(due: readonly ShardNumber[], nowMs: number, entriesMax: number): SweepPlan {
    const records = this.#records;
    const source = {
      headers: () => records.headersOf(due),
      expired: (shard: ShardNumber, atMs: number, limit: number) => records.expired(shard, atMs, limit),
      oldestTombstones: (shard: ShardNumber, limit: number) => records.oldestTombstones(shard, limit),
    };
    return planSweep(source, nowMs, sweepLimits(entriesMax));
  }

  #apply(plan: StoragePlan): void {
    this.#records.apply(plan);
    const isFenceChanged = plan.headers.some(({ before, after }) => before.expiryMarkMs !== after.expiryMarkMs);
    if (isFenceChanged) this.#entries.fenceChanged();
  }

  /** Resolves to false when a claim has changed since the read. */
  async #raise(marks: ReadonlyMap<ShardNumber, RaisedMark>): Promise<boolean> {
    const isRaised = await this.#environment.commit(() => {
      const headers = this.#records.headersOf(marks.keys());
      const raised = new Map<ShardNumber, ShardHeader>();
      for (const [shard, { epoch, expiryMarkMs }] of marks) {
        const header = headers.get(shard);
        if (header === undefined) {
          // The header was damaged after its fence was read. Rereading the fences refuses this shard alone.
          this.#entries.fenceChanged();
          return false;
        }
        if (fenceRefusal(header, shard, epoch) !== null) return false;
        raised.set(shard, { ...header, expiryMarkMs: Math.max(header.expiryMarkMs, expiryMarkMs) });
      }
      for (const [shard, header] of raised) this.#records.putHeader(shard, header);
      this.#entries.fenceChanged();
      return true;
    });
    if (isRaised) this.#schedule.written(marks.keys());
    return isRaised;
  }

  #state({ whole, damaged }: ShardHeaders): StoreState {
    const bytes = this.#databases.documents.get(documentKey);
    const claims = [...whole].map(([shard, header]) => [shard, claimOf(shard, header)] as const);
    const document = bytes === undefined ? null : decodeDocument(bytes);
    return { document, shared: null, claims: new Map(claims), damagedShards: damaged };
  }
}
