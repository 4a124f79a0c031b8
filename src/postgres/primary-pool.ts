/**
 * Numbered connections to the primary of a PostgreSQL cluster. One search finds the primary for all of them, and all are
 * dropped once another one is found. Each connection is opened when it is first used, and sends statements without waiting
 * for the answers to earlier ones. Why so: docs/decisions/postgres-connections.md.
 */
import type { Clock } from "../core/clock.js";
import type { PostgresAccess } from "./postgres-access.js";
import { PostgresFailure, reasonOf, withOutcome } from "./postgres-failure.js";
import { closed, isSamePrimary, PrimarySearch, type Primary, type ServerIdentity } from "./primary-search.js";
import type { Session } from "./session.js";
import { quotedName, type Query, type Row } from "./statement.js";
import type { TransactionMode, TransactionWork } from "./transaction.js";

export interface PrimaryPoolOptions extends PostgresAccess {
  /** They are numbered from 0. */
  readonly connections: number;
  /** Deadline of each statement and of each whole transaction, from the moment that it is sent. */
  readonly callMs: number;
  readonly clock: Clock;
  /** Runs on each new connection before anything else. */
  readonly prepare?: (query: Query) => Promise<void>;
  /** The channel whose notices `listen` brings; connection 0 listens to it. */
  readonly channel?: string;
  /**
   * Called, and awaited, before the first statement on the first primary, and on each one that differs from the one before
   * it, a restarted server included. Where it throws nothing is sent to that primary, and it is called again with the next
   * search. It must use `query` alone, not the pool, which waits for it.
   */
  readonly onPrimary?: (server: ServerIdentity, query: Query) => Promise<void>;
}

/** Whether a statement may be repeated when its answer was lost. */
export type StatementKind = "read" | "write";

/** All methods reject with PostgresFailure, or with what `prepare` or `onPrimary` threw. */
export class PrimaryPool {
  readonly #options: PrimaryPoolOptions;
  readonly #finder: PrimarySearch;
  readonly #connections: (Promise<Session> | null)[];
  readonly #noticeListeners = new Set<(payload: string) => void>();
  /** The search, or what it found. Null: to be searched anew. */
  #search: Promise<Primary> | null = null;
  #isSearching = false;
  /** The last primary that was found and accepted. */
  #primary: Primary | null = null;
  #isClosed = false;

  constructor(options: PrimaryPoolOptions) {
    this.#options = options;
    this.#connections = Array.from({ length: options.connections }, () => null);
    this.#finder = new PrimarySearch({
      ...options,
      isIdentified: options.onPrimary !== undefined,
      onNotice: (payload) => this.#noticeListeners.forEach((listener) => listener(payload)),
    });
  }

  /**
   * One statement that commits by itself. When its connection is lost, a read is repeated once on a new one, and a write only
   * if it was certainly not executed.
   */
  async run(
    connection: number,
    kind: StatementKind,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt++) {
      const session = await this.#session(connection);
      try {
        return await session.run(text, values);
      } catch (error) {
        if (!(error instanceof PostgresFailure)) throw error;
        const failure = kind === "read" ? withOutcome(error, "nothing") : error;
        const mayRepeat = failure.outcome === "nothing" && !session.isOpen && !this.#isClosed;
        if (attempt === triesMax || !mayRepeat) throw failure;
      }
    }
  }

  /**
   * Everything that `work` does is committed as a whole, or nothing of it. Statements that `work` issues without awaiting each
   * other share a round trip. When `work` throws, the transaction is rolled back and the error passed on. A failure has the
   * outcome "unknown" only when COMMIT was sent and not answered. Nothing is repeated.
   */
  async transaction<Result>(connection: number, mode: TransactionMode, work: TransactionWork<Result>): Promise<Result> {
    const session = await this.#session(connection);
    return session.transaction(mode, work);
  }

  /** Calls `onNotice` with the payload of each notice of the channel. Settles when the connection ends or the signal aborts. */
  async listen(onNotice: (payload: string) => void, signal: AbortSignal): Promise<void> {
    const session = await this.#session(0);
    if (signal.aborted) return;
    this.#noticeListeners.add(onNotice);
    await new Promise<void>((resolve) => {
      const forget = session.onEnd(() => resolve());
      signal.addEventListener("abort", () => resolve(forget()), { once: true });
    });
    this.#noticeListeners.delete(onNotice);
  }

  /** Statements that are not answered yet fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#finder.close();
  }

  async #session(connection: number): Promise<Session> {
    for (let attempt = 1; ; attempt++) {
      const primary = await this.#found();
      const opened = (this.#connections[connection] ??= this.#open(primary, connection));
      try {
        return await opened;
      } catch (error) {
        // The primary that was found is gone, or another one by now.
        if (attempt === triesMax) throw error;
      }
    }
  }

  #found(): Promise<Primary> {
    if (this.#isClosed) return Promise.reject(closed());
    if (this.#search !== null) return this.#search;
    this.#isSearching = true;
    const search = this.#find().finally(() => {
      this.#isSearching = false;
    });
    this.#search = search;
    search.catch(() => {
      this.#search = null;
    });
    return search;
  }

  async #find(): Promise<Primary> {
    const { primary, session } = await this.#finder.find(this.#primary);
    try {
      await this.#options.prepare?.((text, values) => session.run(text, values));
      const accepted = await this.#accept(primary, session);
      // A search begins only where a connection is missing.
      const free = this.#connections.indexOf(null);
      await this.#keep(free, this.#listening(session, free), accepted);
      return accepted;
    } catch (error) {
      session.cut(reasonOf(error));
      throw error;
    }
  }

  /** Another primary than before: nothing goes to the one before it any more. */
  async #accept(found: Primary, session: Session): Promise<Primary> {
    if (this.#primary !== null && isSamePrimary(this.#primary, found)) return this.#primary;
    this.#drop("another primary was found");
    if (found.identity !== null) {
      await this.#options.onPrimary?.(found.identity, (text, values) => session.run(text, values));
    }
    this.#primary = found;
    return found;
  }

  #open(primary: Primary, connection: number): Promise<Session> {
    return this.#keep(connection, this.#prepared(primary, connection), primary);
  }

  async #prepared(primary: Primary, connection: number): Promise<Session> {
    const session = await this.#finder.openTo(primary);
    try {
      await this.#options.prepare?.((text, values) => session.run(text, values));
      await this.#listening(session, connection);
      if (this.#primary !== primary) throw new PostgresFailure("another primary was found", { outcome: "nothing" });
      return session;
    } catch (error) {
      session.cut(reasonOf(error));
      throw error;
    }
  }

  async #listening(session: Session, connection: number): Promise<Session> {
    const { channel } = this.#options;
    if (connection === 0 && channel !== undefined) await session.run(`LISTEN ${quotedName(channel)}`);
    return session;
  }

  /** The connection has this session until it ends; then the primary is searched anew. */
  #keep(connection: number, opening: Promise<Session>, primary: Primary): Promise<Session> {
    const ended = (): void => {
      if (this.#connections[connection] === opening) this.#connections[connection] = null;
      if (!this.#isSearching && this.#primary === primary) this.#search = null;
    };
    this.#connections[connection] = opening;
    opening.then((session) => session.onEnd(ended), ended);
    return opening;
  }

  #drop(reason: string): void {
    for (const each of this.#connections) each?.then((session) => session.cut(reason), ignore);
    this.#connections.fill(null);
  }
}

/** Searching once more finds the new primary after a fail-over. */
const triesMax = 2;

function ignore(): void {}
