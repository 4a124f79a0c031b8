/**
 * One connection to the primary of a PostgreSQL cluster. All hosts are asked at once which of them takes writes; the first
 * one wins. A connection whose query failed for another reason than the query itself, or got no answer in time, is cut and
 * never used again: the primary may have changed.
 */
import { Socket } from "node:net";
import pg from "pg";
import type { Clock } from "../../../core/clock.js";
import { ShardgateError } from "../../../core/error.js";
import { registryCallMs } from "../../../core/limits.js";
import { clusterCaller, type CallerOptions, type TlsSource } from "../../../tls/tls-source.js";

export interface PostgresHost {
  readonly host: string;
  readonly port: number;
}

export interface PostgresAccess {
  /** All hosts of the cluster, at least one. */
  readonly hosts: readonly PostgresHost[];
  readonly database: string;
  readonly user: string;
  /**
   * The password, read at each connection, so that a renewed one is used. Null: the server needs none, or accepts a
   * certificate instead.
   */
  readonly password: (() => Promise<string>) | null;
  /** Null: plain TCP. The certificate must be for the host's name or address. */
  readonly tls: TlsSource | null;
}

export interface PrimaryConnectionOptions extends PostgresAccess {
  /** Runs on each new connection before anything else. */
  readonly prepare: (query: Query) => Promise<void>;
  /** The channel to listen to. */
  readonly channel: string;
  readonly clock: Clock;
}

/** Runs one statement and resolves to its rows. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;
/** Columns by name; 64-bit numbers are texts. */
export type Row = Readonly<Record<string, unknown>>;

/** Whether a statement may be repeated when its answer was lost. */
export type StatementKind = "read" | "write";

export class PrimaryConnection {
  readonly #options: PrimaryConnectionOptions;
  readonly #caller: () => CallerOptions;
  /** The search for the primary, or what it found. Null: to be searched anew. */
  #primary: Promise<Link> | null = null;
  readonly #listeners = new Set<NoticeListener>();
  #isClosed = false;

  constructor(options: PrimaryConnectionOptions) {
    this.#options = options;
    this.#caller =
      options.tls === null ? () => ({ minVersion: "TLSv1.2" }) : clusterCaller(options.tls, (found) => found);
  }

  /** The rows of one statement. Throws REGISTRY_UNAVAILABLE; a write may then have happened. */
  async run(kind: StatementKind, text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt++) {
      let isSent = false;
      try {
        const primary = await this.#search();
        isSent = true;
        return await primary.query(text, values);
      } catch (error) {
        const mayRepeat = !isSent || kind === "read" || isRefusedByStandby(error);
        if (attempt === triesMax || !mayRepeat || this.#isClosed || isOwnFault(error)) throw unavailable(error);
      }
    }
  }

  /** Calls `onNotice` with the payload of each notice of the channel. Settles when the connection ends or the signal aborts. */
  async listen(onNotice: (payload: string) => void, signal: AbortSignal): Promise<void> {
    await this.#search();
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const ended = (): void => {
        this.#listeners.delete(listener);
        resolve();
      };
      const listener = { onNotice, ended };
      this.#listeners.add(listener);
      signal.addEventListener("abort", ended, { once: true });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const primary = await this.#primary?.catch(() => null);
    primary?.cut();
  }

  #search(): Promise<Link> {
    if (this.#isClosed) return Promise.reject(new Error("the connection was closed"));
    if (this.#primary !== null) return this.#primary;
    const search: Promise<Link> = this.#find();
    this.#primary = search;
    search.catch(() => this.#forget(search));
    return search;
  }

  #forget(search: Promise<Link>): void {
    if (this.#primary === search) this.#primary = null;
  }

  async #find(): Promise<Link> {
    const links = this.#options.hosts.map((host) => this.#connect(host));
    let primary: Link;
    try {
      primary = await Promise.any(links.map(async (link) => primaryOf(await link)));
    } catch (error) {
      for (const link of links) void link.then((made) => made.cut(), ignore);
      throw noPrimary(error);
    }
    for (const link of links) void link.then((made) => made !== primary && made.cut(), ignore);
    try {
      await this.#options.prepare((text, values) => primary.query(text, values ?? []));
      await primary.query(`LISTEN ${pg.escapeIdentifier(this.#options.channel)}`, []);
    } catch (error) {
      primary.cut();
      throw error;
    }
    return primary;
  }

  async #connect(place: PostgresHost): Promise<Link> {
    const { database, user, password, tls, clock } = this.#options;
    const link = new Link({
      place,
      clock,
      onNotice: (payload) => this.#notice(payload),
      onEnd: () => void this.#ended(link),
    });
    const ssl = tls === null ? false : { ...this.#caller(), host: place.host };
    try {
      await link.connect({ database, user, ...(password !== null && { password }), ssl });
    } catch (error) {
      link.cut();
      throw error;
    }
    return link;
  }

  #notice(payload: string): void {
    for (const { onNotice } of this.#listeners) onNotice(payload);
  }

  async #ended(link: Link): Promise<void> {
    const known = this.#primary;
    const primary = await known?.catch(() => null);
    if (known === null || primary !== link) return;
    this.#forget(known);
    for (const { ended } of this.#listeners) ended();
  }
}

interface NoticeListener {
  readonly onNotice: (payload: string) => void;
  readonly ended: () => void;
}

interface LinkOptions {
  readonly place: PostgresHost;
  readonly clock: Clock;
  readonly onNotice: (payload: string) => void;
  readonly onEnd: () => void;
}

/** A connection to one host, with a bound on every wait. */
class Link {
  readonly #options: LinkOptions;
  readonly #socket = new Socket();
  #client: pg.Client | null = null;
  /** Settles, never rejecting, when the last query is done: each begins when the one before it has ended. */
  #lastQuery: Promise<unknown> = Promise.resolve();
  #isCut = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  async connect(config: pg.ClientConfig): Promise<void> {
    const { place, onNotice } = this.#options;
    const client = new pg.Client({ ...config, ...place, stream: () => this.#socket, application_name: "shardgate" });
    this.#client = client;
    client.on("error", () => this.cut());
    client.on("end", () => this.cut());
    client.on("notification", ({ payload }) => onNotice(payload ?? ""));
    await this.#within(client.connect());
  }

  query(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    const rows = this.#lastQuery.then(() => this.#query(text, values));
    this.#lastQuery = rows.catch(ignore);
    return rows;
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#socket.destroy();
    this.#options.onEnd();
  }

  async #query(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    const client = this.#client;
    if (client === null || this.#isCut) throw new Error(`the connection to ${this.name} has ended`);
    try {
      const { rows } = await this.#within(client.query<Row>(text, [...values]));
      return rows;
    } catch (error) {
      // An error of the statement alone does not mean that the connection is broken.
      if (!isOwnFault(error)) this.cut();
      throw error;
    }
  }

  get name(): string {
    return `${this.#options.place.host}:${this.#options.place.port}`;
  }

  async #within<Result>(work: Promise<Result>): Promise<Result> {
    const { clock } = this.#options;
    let stopWaiting = ignore;
    const overdue = new Promise<never>((_, reject) => {
      stopWaiting = clock.after(registryCallMs, () => {
        reject(new Error(`${this.name} did not answer within ${registryCallMs} ms`));
        this.cut();
      });
    });
    try {
      return await Promise.race([work, overdue]);
    } finally {
      stopWaiting();
    }
  }
}

/** Searching once more finds the new primary after a fail-over. */
const triesMax = 2;

/** A server that is not a standby may be read-only, too, as some fail-over managers do with a former primary. */
async function primaryOf(link: Link): Promise<Link> {
  const [row] = await link.query(
    "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS standby",
    [],
  );
  if (row?.["standby"] === false) return link;
  throw new Error(`${link.name} takes no writes (it is a standby, or set to read only)`);
}

/**
 * Why no host is the primary. A refusal of one host, for example of the password, is more helpful than the silence of
 * another.
 */
function noPrimary(error: unknown): unknown {
  if (!(error instanceof AggregateError)) return error;
  const errors: readonly unknown[] = error.errors;
  return errors.find(isOwnFault) ?? new Error(errors.map(reasonOf).join("; "), { cause: error });
}

/** The server answered that the statement is wrong or not allowed; it did nothing, and would answer the same again. */
function isOwnFault(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(22|23|28|3D|3F|42)/.test(error.code ?? "");
}

/** Read-only: nothing was done, and another host is the primary by now. */
function isRefusedByStandby(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "25006";
}

function unavailable(cause: unknown): ShardgateError {
  return new ShardgateError(
    "REGISTRY_UNAVAILABLE",
    `The registry in PostgreSQL cannot be used: ${reasonOf(cause)}.`,
    {},
    cause,
  );
}

/** Node.js leaves the message empty when connections to several addresses of one name failed. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message || error.name : String(error);
}

function ignore(): void {}
