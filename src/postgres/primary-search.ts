/**
 * Finds the primary of a PostgreSQL cluster: all hosts are asked at once which of them takes writes, and the first one
 * wins. Opens sessions to the host that was found, and verifies of each that it is still the same primary.
 */
import type { Clock } from "../core/clock.js";
import { clusterCaller, tlsVersionMin, type CallerOptions } from "../tls/tls-source.js";
import { placeOf, type PostgresAccess, type PostgresHost } from "./postgres-access.js";
import { failureOf, PostgresFailure, reasonOf } from "./postgres-failure.js";
import { Session } from "./session.js";

/** Which primary answers. Another one may lack what the one before it has acknowledged. */
export interface ServerIdentity {
  /** `host:port`. */
  readonly place: string;
  /** Identifies the database cluster: its standbys have the same. */
  readonly systemId: string;
  /** Raised by each fail-over. */
  readonly timeline: number;
  /** When the server was started, in seconds since 1970: a restart may serve an older copy of its files. */
  readonly started: string;
}

export interface PrimarySearchOptions extends PostgresAccess {
  readonly callMs: number;
  readonly clock: Clock;
  /** Whether to ask for the identity, which needs functions that other databases than PostgreSQL lack. */
  readonly isIdentified: boolean;
  readonly onNotice: (payload: string) => void;
}

export interface Primary {
  readonly host: PostgresHost;
  /** Null: not asked for. */
  readonly identity: ServerIdentity | null;
}

export interface FoundPrimary {
  readonly primary: Primary;
  readonly session: Session;
}

export class PrimarySearch {
  readonly #options: PrimarySearchOptions;
  readonly #caller: () => CallerOptions;
  /** All sessions that are open, or being opened. */
  readonly #sessions = new Set<Session>();
  #isClosed = false;
  #lastMs: number | null = null;

  constructor(options: PrimarySearchOptions) {
    this.#options = options;
    this.#caller = options.tls === null ? () => ({ minVersion: tlsVersionMin }) : clusterCaller(options.tls, (o) => o);
  }

  /**
   * A primary that was not replaced by `former`, the last one. Rejects with PostgresFailure, which says of each host why it
   * is not the primary.
   */
  async find(former: Primary | null): Promise<FoundPrimary> {
    await this.#pause();
    const asked = this.#options.hosts.map((host) => this.#askAfter(former, host));
    let found: FoundPrimary;
    try {
      found = await Promise.any(asked);
    } catch (error) {
      throw this.#isClosed ? closed() : noPrimary(error as AggregateError);
    }
    for (const each of asked)
      void each.then((other) => other !== found && other.session.cut("another host answered first"), ignore);
    return found;
  }

  /** One more session to the primary. Rejects when its host is not that primary any more. */
  async openTo(primary: Primary): Promise<Session> {
    const found = await this.#ask(primary.host);
    if (isSamePrimary(found.primary, primary)) return found.session;
    const reason = `${placeOf(primary.host)} is another primary than before`;
    found.session.cut(reason);
    throw new PostgresFailure(reason, { outcome: "nothing" });
  }

  /** All sessions that it opened end. */
  close(): void {
    this.#isClosed = true;
    for (const session of this.#sessions) session.cut(closed().message);
  }

  /** Searches begin apart from each other, however many calls fail meanwhile: each costs a log-in at every host. */
  async #pause(): Promise<void> {
    const { clock } = this.#options;
    const waitMs = this.#lastMs === null ? 0 : this.#lastMs + searchPauseMs - clock.monotonicMs();
    if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve));
    this.#lastMs = clock.monotonicMs();
  }

  /** A former primary that was suspended during a fail-over takes writes for a moment when it wakes up: it is not used. */
  async #askAfter(former: Primary | null, host: PostgresHost): Promise<FoundPrimary> {
    const found = await this.#ask(host);
    const [was, is] = [former?.identity, found.primary.identity];
    if (was?.systemId !== is?.systemId || (is?.timeline ?? 0) >= (was?.timeline ?? 0)) return found;
    const reason =
      `${placeOf(host)} is on timeline ${is?.timeline}, and ${was?.place} on timeline ${was?.timeline} has replaced it ` +
      "(if an older copy of the database was restored on purpose, restart this process)";
    found.session.cut(reason);
    throw new PostgresFailure(reason, { outcome: "nothing" });
  }

  async #ask(host: PostgresHost): Promise<FoundPrimary> {
    const { database, user, password, tls, callMs, clock, onNotice } = this.#options;
    if (this.#isClosed) throw closed();
    const ssl = tls === null ? false : { ...this.#caller(), host: host.host };
    const access = { database, user, ...(password !== null && { password }), ssl };
    const session = new Session({ host, access, callMs, clock, onNotice });
    this.#sessions.add(session);
    session.onEnd(() => this.#sessions.delete(session));
    try {
      const identity = await session.within(() => this.#greet(session));
      return { primary: { host, identity }, session };
    } catch (error) {
      session.cut(reasonOf(error));
      if (password === null && passwordMissing.test(reasonOf(error))) {
        throw new PostgresFailure(`${session.place} asks for a password, and none is given`, { outcome: "nothing" });
      }
      throw failureOf(error);
    }
  }

  async #greet(session: Session): Promise<ServerIdentity | null> {
    const { callMs, isIdentified } = this.#options;
    await session.connect();
    const answers = [session.send(greeting, settingsFor(callMs))];
    if (isIdentified) answers.push(session.send(identification, []));
    const [greeted, identified] = await Promise.all(answers);
    // A server that is not a standby may be read-only, too, as some fail-over managers do with a former primary.
    if (greeted?.rows[0]?.["standby"] !== false) {
      throw new PostgresFailure(`${session.place} takes no writes (it is a standby, or set to read only)`, {
        outcome: "nothing",
      });
    }
    const row = identified?.rows[0];
    if (row === undefined) return null;
    return {
      place: session.place,
      systemId: String(row["system"]),
      timeline: Number.parseInt(String(row["file"]).slice(0, 8), 16),
      started: String(row["started"]),
    };
  }
}

/** What every call gets once the pool is closed. */
export function closed(): PostgresFailure {
  return new PostgresFailure("the connection was closed", { outcome: "nothing" });
}

export function isSamePrimary(one: Primary, other: Primary): boolean {
  if (placeOf(one.host) !== placeOf(other.host)) return false;
  const [a, b] = [one.identity, other.identity];
  return a?.systemId === b?.systemId && a?.timeline === b?.timeline && a?.started === b?.started;
}

const searchPauseMs = 50;

/** What pg says when it has no password to send. */
const passwordMissing = /password must be a string/;

/** How long a session may be idle in a transaction: its locks keep other sessions from their shards. */
const idleInTransactionMs = 1_000;

/**
 * Whether the server takes writes, and the session's settings. Acknowledged writes are on disk. The server ends a statement
 * whose caller has given up, waits for a lock no longer than the caller would, and notices a caller that is gone.
 */
const greeting = `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS standby,
  set_config('statement_timeout', $1, false),
  set_config('lock_timeout', $2, false),
  set_config('idle_in_transaction_session_timeout', $3, false),
  set_config('tcp_keepalives_idle', '5', false),
  set_config('tcp_keepalives_interval', '2', false),
  set_config('tcp_keepalives_count', '3', false),
  set_config('default_transaction_isolation', 'read committed', false),
  CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN set_config('synchronous_commit', 'on', false) END`;

function settingsFor(callMs: number): readonly string[] {
  return [callMs, callMs * 0.8, idleInTransactionMs].map((ms) => String(Math.ceil(ms)));
}

/** The name of the file that is written to begins with the timeline; pg_control_checkpoint() lags behind a promotion. */
const identification = `SELECT system_identifier AS system, extract(epoch FROM pg_postmaster_start_time())::text AS started,
  CASE WHEN pg_is_in_recovery() THEN '0' ELSE pg_walfile_name(pg_current_wal_lsn()) END AS file
  FROM pg_control_system()`;

/**
 * Why no host is the primary. A refusal by one host, for example of the password, is more helpful than the silence of
 * another.
 */
function noPrimary(error: AggregateError): PostgresFailure {
  const failures = error.errors.map(failureOf);
  const refused = failures.find(({ sqlState }) => sqlState !== null && /^(22|23|28|3D|3F|42)/.test(sqlState));
  if (refused !== undefined) return refused;
  return new PostgresFailure(failures.map(({ message }) => message).join("; "), { outcome: "nothing", cause: error });
}

function ignore(): void {}
