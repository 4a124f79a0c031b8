/**
 * One connection to one PostgreSQL server. Statements are sent at once, without waiting for the answers to earlier ones
 * (pipelined), and each wait has a deadline. A session that missed one, or whose server is stopping or takes no writes, is
 * cut and never used again: the primary may have changed, and a late answer would be taken for another statement's.
 */
import { Socket } from "node:net";
import pg from "pg";
import type { Clock } from "../core/clock.js";
import { type PostgresHost, placeOf } from "./postgres-access.js";
import { isOutdatedPlan, isRefusal, meansSearch, PostgresFailure, reasonOf, sqlStateOf } from "./postgres-failure.js";
import { PreparedNames } from "./prepared-names.js";
import type { Row, StatementAnswer } from "./statement.js";
import { runTransaction, type TransactionLine, type TransactionMode, type TransactionWork } from "./transaction.js";

export interface SessionOptions {
  readonly host: PostgresHost;
  /** Deadline of each statement, and of each transaction as a whole. */
  readonly callMs: number;
  readonly clock: Clock;
  /** Database, user, password and TLS. */
  readonly access: pg.ClientConfig;
  readonly onNotice: (payload: string) => void;
}

export class Session implements TransactionLine {
  readonly #options: SessionOptions;
  readonly #socket = new Socket();
  readonly #endListeners = new Set<(failure: PostgresFailure) => void>();
  readonly #client: pg.Client;
  #isCorked = false;
  /** Settles when the open transaction is over. Null: none is open. */
  #transaction: Promise<void> | null = null;
  #end: PostgresFailure | null = null;
  #isCommitInDoubt = false;
  readonly #prepared = new PreparedNames();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#client = new pg.Client({
      ...options.access,
      ...options.host,
      pipeline: true,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveMs,
      stream: () => this.#socket,
      application_name: "shardgate",
    });
  }

  get place(): string {
    return placeOf(this.#options.host);
  }

  get isOpen(): boolean {
    return this.#end === null;
  }

  /** Calls `listener` when the session ends, at once when it has ended. Returns the function that removes the listener. */
  onEnd(listener: (failure: PostgresFailure) => void): () => void {
    if (this.#end !== null) listener(this.#end);
    else this.#endListeners.add(listener);
    return () => void this.#endListeners.delete(listener);
  }

  async connect(): Promise<void> {
    const client = this.#client;
    client.on("error", (error) => this.cut(`the connection to ${this.place} was lost: ${reasonOf(error)}`, error));
    client.on("end", () => this.cut(`the connection to ${this.place} has ended`));
    client.on("notification", ({ payload }) => this.#options.onNotice(payload ?? ""));
    client.on("notice", ({ routine }) => {
      if (routine === replicationWait) this.#isCommitInDoubt = true;
    });
    await client.connect();
  }

  /** One statement. Waits until an open transaction is over. */
  async run(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt++) {
      while (this.#transaction !== null) await this.#transaction;
      try {
        const { rows } = await this.within(() => this.send(text, values));
        return rows;
      } catch (error) {
        // The statement was not executed, and is prepared anew.
        if (attempt === 2 || !(error instanceof PostgresFailure) || !isOutdatedPlan(error.sqlState)) throw error;
      }
    }
  }

  /** BEGIN … COMMIT, once an open transaction is over. */
  async transaction<Result>(mode: TransactionMode, work: TransactionWork<Result>): Promise<Result> {
    while (this.#transaction !== null) await this.#transaction;
    const done = this.within(() => runTransaction(this, mode, work));
    this.#transaction = this.#over(done);
    return done;
  }

  async #over(transaction: Promise<unknown>): Promise<void> {
    await transaction.catch(ignore);
    this.#transaction = null;
  }

  /** Sends one statement at once, whether a transaction is open or not, and without a deadline. */
  send(text: string, values: readonly unknown[]): Promise<StatementAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#end !== null) {
        reject(this.#end);
        return;
      }
      this.#cork();
      // pg calls back at once when a value cannot be sent: the session is cut before anything more is sent on it.
      const name = values.length === 0 ? undefined : this.#prepared.nameOf(text);
      this.#client.query<Row>({ text, values: [...values], ...(name && { name }) }, (error: Error | null, result) => {
        if (error !== null && error !== undefined) reject(this.#failed(error, text));
        else if (this.#isCommitInDoubt) reject(this.#notReplicated());
        else resolve(lastOf(result));
      });
    });
  }

  /** `work` with a deadline, at which the session is cut: everything that waits for the server then fails. */
  async within<Result>(work: () => Promise<Result>): Promise<Result> {
    const { callMs, clock } = this.#options;
    const cancel = clock.after(callMs, () => this.cut(`${this.place} did not answer within ${callMs} ms`));
    try {
      return await work();
    } finally {
      cancel();
    }
  }

  cut(reason: string, cause?: unknown): void {
    if (this.#end !== null) return;
    this.#end = new PostgresFailure(reason, { outcome: "nothing", sqlState: sqlStateOf(cause), cause });
    this.#socket.destroy();
    for (const listener of this.#endListeners) listener(this.#end);
    this.#endListeners.clear();
  }

  /** All statements of one turn of the event loop leave in one packet. */
  #cork(): void {
    if (this.#isCorked) return;
    const { stream } = this.#client.connection;
    this.#isCorked = true;
    stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      stream.uncork();
    });
  }

  #failed(error: Error, text: string): PostgresFailure {
    const sqlState = sqlStateOf(error);
    if (isOutdatedPlan(sqlState)) this.#prepared.forget(text);
    const isRefused = isRefusal(error);
    if (!isRefused || meansSearch(sqlState)) this.cut(reasonOf(error), error);
    // A session that was cut has the better reason than pg, which only sees that its socket is gone.
    const message = sqlState === null && this.#end !== null ? this.#end.message : reasonOf(error);
    return new PostgresFailure(message, { outcome: isRefused ? "nothing" : "unknown", sqlState, cause: error });
  }

  #notReplicated(): PostgresFailure {
    this.#isCommitInDoubt = false;
    return new PostgresFailure(
      `${this.place} stopped waiting for its standby: the write is on the primary alone, and a fail-over may lose it`,
      { outcome: "unknown" },
    );
  }
}

/** How long a connection is silent before TCP asks whether the server is there: well below the timeouts of firewalls. */
const keepAliveMs = 5_000;

/** The function of PostgreSQL that warns when a commit was acknowledged without its standby, in whatever language. */
const replicationWait = "SyncRepWaitForLSN";

/** A text with several statements has an answer for each. */
function lastOf(result: pg.QueryResult<Row> | readonly pg.QueryResult<Row>[]): StatementAnswer {
  const last = [result].flat().at(-1);
  return { command: last?.command ?? "", rows: last?.rows ?? [] };
}

function ignore(): void {}
