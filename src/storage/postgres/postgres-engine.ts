/**
 * The storage engine on PostgreSQL: one database keeps the data of several storage nodes, and a claim of another node's
 * shard takes it over without copying. Each commit locks its shards' rows, reads what it depends on, and writes what the
 * shared plans decide, so that a former owner, and another process of the same node, never write beside the current one.
 */
import type { Clock } from "../../core/clock.js";
import type { Log } from "../../core/log.js";
import type { ShardNumber } from "../../core/shard.js";
import { UnderWay } from "../../core/tasks/under-way.js";
import type { PostgresAccess } from "../../postgres/postgres-access.js";
import { PrimaryPool, type PrimaryPoolOptions } from "../../postgres/primary-pool.js";
import type { ServerIdentity } from "../../postgres/primary-search.js";
import type { Query } from "../../postgres/statement.js";
import { fenceRefusal } from "../claim.js";
import type {
  ChangesRequest,
  FencedWrite,
  ShardClaim,
  ShardStats,
  StorageEngine,
  StoreChange,
  StoreState,
  Swept,
} from "../engine.js";
import { readJudged } from "../judged-read.js";
import type { RaisedMark } from "../read-operations.js";
import { sweptOf } from "../sweep-plan.js";
import { planWrites } from "../write-plan.js";
import { endBlockers } from "./blocking-sessions.js";
import { DatabaseContact } from "./database-contact.js";
import { dueShards, planLockedSweep, sweptShardsMax } from "./due-sweep.js";
import { applyPlan } from "./rows/entry-rows.js";
import { readFeedPage } from "./reads/feed-page.js";
import { OwnClaims } from "./own-claims.js";
import { lockHeaders, putFigures, readStats } from "./rows/shard-rows.js";
import { hasAnswered, storeError } from "./store-failure.js";
import { StoreReads } from "./reads/store-reads.js";
import { changeStoredState, readNode, readShards, readState } from "./store-state.js";
import { makeStore, prepareSession } from "./rows/store-tables.js";
import { WriteGroup } from "./write-group.js";

/**
 * Writes of a lane are committed one group after the other, on a connection of the lane's own, so that one slow shard does
 * not delay all others. A group costs about as much whatever is in it: over three storage nodes and 64 clients, a put took
 * 510 us of CPU in all processes with 4 lanes, 412 with 2, and 296 with 1.
 */
const lanes = 2;
const readConnections = 2;
/** Claims, sweeps and expiry marks. */
const stateConnection = lanes + readConnections;

/** Deadline of each statement and transaction. After it the connection is cut, and the primary is searched. */
const storeCallMs = 5_000;

export interface PostgresEngineOptions extends PostgresAccess {
  /** The schema of the store's tables, which are made where they are missing. */
  readonly schema: string;
  /** Name of the storage node. */
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: `PrimaryPool`. */
  readonly openPool?: (options: PrimaryPoolOptions) => Pick<PrimaryPool, "run" | "transaction" | "close">;
}

export class PostgresEngine implements StorageEngine {
  readonly name = "postgres";
  readonly isDurable = true;
  readonly lanes = lanes;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #pool: Pick<PrimaryPool, "run" | "transaction" | "close">;
  readonly #claims: OwnClaims;
  readonly #storeReads: StoreReads;
  readonly #calls = new UnderWay();
  readonly #contact = new DatabaseContact();
  #reads = 0;
  #isOpen = false;

  /**
   * Opens the store, or creates it. Throws STORAGE_FAILED, saying what to do, when the server or the store's format cannot
   * be used, and SHARD_UNAVAILABLE when no primary is found.
   */
  static async open(options: PostgresEngineOptions): Promise<PostgresEngine> {
    const engine = new PostgresEngine(options);
    try {
      await engine.#commit(stateConnection, (query) => makeStore(query, options.schema));
      engine.#isOpen = true;
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  private constructor(options: PostgresEngineOptions) {
    const { node, clock, log, schema, openPool = (pool) => new PrimaryPool(pool) } = options;
    this.#node = node;
    this.#clock = clock;
    this.#claims = new OwnClaims(node, log);
    this.#storeReads = new StoreReads(node, {
      run: (text, values) => this.#pool.run(this.#readConnection(), "read", text, values),
      snapshot: (work) => this.#pool.transaction(this.#readConnection(), "snapshot", work),
    });
    this.#pool = openPool({
      ...options,
      connections: stateConnection + 1,
      callMs: storeCallMs,
      prepare: (query) => prepareSession(query, schema),
      onPrimary: (server, query) => this.#found(server, query),
    });
  }

  read(...[operations, budget]: Parameters<StorageEngine["read"]>): ReturnType<StorageEngine["read"]> {
    return readJudged(
      () =>
        this.#call(async () => {
          const answer = await this.#storeReads.answer(operations, budget);
          // Known only now if this call has found the primary.
          this.#claims.refuseLostStart();
          return answer;
        }),
      (marks) => this.#raise(marks),
    );
  }

  async write(...[operations, nowMs]: Parameters<StorageEngine["write"]>): ReturnType<StorageEngine["write"]> {
    const [first] = operations;
    if (first === undefined) return [];
    const { outcomes, headers } = await this.#commit(first.operation.shard % lanes, async (query) => {
      const group = await WriteGroup.lock(query, this.#node, operations);
      this.#claims.check(group.headers);
      const refusals = operations.map((write) => this.#refusalOf(write, group));
      const runnable = operations.filter((_, index) => refusals[index] === null);
      const plan = planWrites(group, runnable, nowMs);
      const answering = group.withValues(query, plan.outcomes);
      applyPlan(query, plan);
      const planned = (await answering).values();
      const outcomes = refusals.flatMap((refusal) => refusal ?? planned.next().value ?? []);
      return { outcomes, headers: plan.headers };
    });
    for (const { shard, after } of headers) this.#claims.committed(shard, after);
    return outcomes;
  }

  changes(request: ChangesRequest): ReturnType<StorageEngine["changes"]> {
    return this.#snapshot(async (query) => {
      const page = await readFeedPage(query, this.#node, request);
      this.#claims.refuseLostStart();
      return page;
    });
  }

  async state(): Promise<StoreState> {
    const seen = await this.#snapshot((query) => readState(query, this.#node));
    this.#claims.see(seen);
    return seen.state;
  }

  async changeState(decide: (state: StoreState) => StoreChange | null): Promise<StoreState> {
    const seen = await this.#commit(stateConnection, async (query) => {
      const release = query("SELECT pg_backend_pid() AS id").then(
        ([session]) =>
          endBlockers(
            (...ending) => this.#pool.run(this.#readConnection(), "write", ...ending),
            this.#clock,
            Number(session?.["id"]),
          ),
        () => ignore,
      );
      try {
        return await changeStoredState(query, this.#node, decide);
      } finally {
        (await release)();
      }
    });
    this.#claims.see(seen);
    return seen.state;
  }

  stats(nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>> {
    return this.#call(() =>
      readStats((text, values) => this.#pool.run(this.#readConnection(), "read", text, values), nowMs),
    );
  }

  async fileBytes(): Promise<null> {
    return null;
  }

  async sweep(nowMs: number, entriesMax: number): Promise<Swept> {
    const due = await this.#call(() =>
      dueShards((text, values) => this.#pool.run(stateConnection, "read", text, values), this.#node, nowMs),
    );
    this.#claims.refuseLostStart();
    const shards = due.filter((shard) => this.#claims.refusalOf(shard) === null).slice(0, sweptShardsMax);
    if (shards.length === 0) return { expired: 0, tombstonesDropped: 0, isMore: false };
    const plan = await this.#commit(stateConnection, async (query) => {
      const task = { node: this.#node, shards, nowMs, entriesMax };
      const plan = await planLockedSweep(query, task, (headers) => {
        this.#claims.check(headers);
        return new Map([...headers].filter(([shard]) => this.#claims.refusalOf(shard) === null));
      });
      applyPlan(query, plan);
      return plan;
    });
    for (const { shard, after } of plan.headers) this.#claims.committed(shard, after);
    const swept = sweptOf(plan);
    return { ...swept, isMore: swept.isMore || shards.length === sweptShardsMax };
  }

  outdatedClaims(): readonly ShardClaim[] {
    return this.#claims.outdated;
  }

  get isStoreLost(): boolean {
    return this.#contact.isLost(this.#clock.monotonicMs());
  }

  async close(): Promise<void> {
    await this.#calls.idle();
    await this.#pool.close();
  }

  #refusalOf({ operation: { shard }, epoch }: FencedWrite, { headers }: WriteGroup) {
    const refusal = this.#claims.refusalOf(shard);
    const header = headers.get(shard);
    return refusal === null || header === undefined ? refusal : (fenceRefusal(header, shard, epoch) ?? refusal);
  }

  /** Resolves to false when a claim has changed since the read. */
  #raise(marks: ReadonlyMap<ShardNumber, RaisedMark>): Promise<boolean> {
    return this.#commit(stateConnection, async (query) => {
      const locked = await lockHeaders(query, this.#node, marks.keys());
      const isHeld = [...marks].every(([shard, { epoch }]) => {
        const header = locked.get(shard);
        return header !== undefined && fenceRefusal(header, shard, epoch) === null;
      });
      if (!isHeld) return false;
      const headers = [...marks].flatMap(([shard, { expiryMarkMs }]) => {
        const before = locked.get(shard);
        if (before === undefined || before.expiryMarkMs >= expiryMarkMs) return [];
        return [{ shard, before, after: { ...before, expiryMarkMs } }];
      });
      putFigures(query, headers);
      return true;
    });
  }

  async #found({ place }: ServerIdentity, query: Query): Promise<void> {
    if (!this.#isOpen) return;
    const [own, shards] = await Promise.all([readNode(query, this.#node), readShards(query)]);
    this.#claims.failedOver(own, shards, place);
  }

  #readConnection(): number {
    return lanes + (this.#reads++ % readConnections);
  }

  #snapshot<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#call(() => this.#pool.transaction(this.#readConnection(), "snapshot", work));
  }

  #commit<Result>(connection: number, work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#call(() => this.#pool.transaction(connection, "write", work));
  }

  async #call<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#calls.begin();
    this.#contact.began(this.#clock.monotonicMs());
    try {
      const result = await work();
      this.#contact.answered(this.#clock.monotonicMs());
      return result;
    } catch (error) {
      if (hasAnswered(error)) this.#contact.answered(this.#clock.monotonicMs());
      else this.#contact.failed();
      throw storeError(error);
    } finally {
      this.#calls.end();
    }
  }
}

function ignore(): void {}
