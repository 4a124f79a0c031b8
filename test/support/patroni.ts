/**
 * PostgreSQL that fails over by itself: members under Patroni, where it is installed, with synchronous replication and etcd by its second
 * protocol. Patroni 3.0.2 lost acknowledged writes by etcd's third one (its pull requests 2689 and 2787 mended that).
 */
import path from "node:path";
import pg from "pg";
import { etcdPath, startEtcd, type EtcdMember } from "./etcd.js";
import { commandAsUser, installedFolder, newFolder, ownFile, signalServer } from "./postgres.js";
import { eventually, freePorts, Run } from "./processes.js";
import { programPath } from "./program-path.js";

const patroniPath = programPath("patroni");

/** What is missing here; null when nothing is. */
export const patroniLacks =
  patroniPath === undefined
    ? "Patroni is not installed"
    : etcdPath === undefined
      ? "etcd is not installed"
      : installedFolder() === null
        ? "PostgreSQL is not installed"
        : null;

/** The shortest lawful ones: loop_wait + 2 * retry_timeout <= ttl. */
const times = { ttl: 5, loop_wait: 1, retry_timeout: 2 };
const parameters = {
  wal_log_hints: "on",
  wal_keep_size: "256MB",
  wal_sender_timeout: "3s",
  wal_receiver_timeout: "3s",
  wal_receiver_status_interval: "1s",
  tcp_user_timeout: 3000,
  wal_retrieve_retry_interval: "250ms",
  max_connections: 120,
};
const superuser = { username: "postgres", password: "secret" };

export interface PatroniMember {
  readonly name: string;
  /** Of its PostgreSQL. */
  readonly port: number;
  readonly restPort: number;
  /** Of its PostgreSQL; the configuration and the password file lie beside it. */
  readonly data: string;
}

export class PatroniCluster {
  readonly members: readonly PatroniMember[];
  readonly #etcd: EtcdMember;
  readonly #runs = new Map<string, Run>();

  /** Resolves when there is a primary with a synchronous standby. */
  static async start(count: number): Promise<PatroniCluster> {
    const [etcd] = await startEtcd(1, undefined, ["--enable-v2"]);
    if (etcd === undefined) throw new Error("etcd has no member.");
    const ports = await freePorts(2 * count);
    const cluster = new PatroniCluster(etcd, ports);
    for (const member of cluster.members) {
      cluster.start(member);
      // The first one makes the data, of which the others are copies.
      if (member === cluster.members[0]) await eventually(() => cluster.primary(), 60_000);
    }
    await cluster.whole();
    return cluster;
  }

  private constructor(etcd: EtcdMember, ports: readonly number[]) {
    this.#etcd = etcd;
    this.members = Array.from({ length: ports.length / 2 }, (_, index) => ({
      name: `pg${index + 1}`,
      port: ports[2 * index] ?? 0,
      restPort: ports[2 * index + 1] ?? 0,
      data: newFolder(),
    }));
  }

  start(member: PatroniMember): void {
    const file = ownFile(`${member.data}.json`, JSON.stringify(this.#configuration(member)));
    const [command, args] = commandAsUser(patroniPath ?? "patroni", [file]);
    // Its own Python and no other: packages of a distribution belong to the distribution's.
    this.#runs.set(member.name, new Run(command, args, { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }, "/"));
  }

  /** As when its machine fails. */
  async kill(member: PatroniMember): Promise<void> {
    const run = this.#runs.get(member.name);
    run?.child.kill("SIGKILL");
    signalServer(member.data, "SIGKILL");
    await run?.ended();
  }

  /** Which member takes writes, among these; fails while there is none. */
  async primary(among = this.members): Promise<PatroniMember> {
    const asked = among.map(async (member) => {
      const [row] = await this.sql(member, "SELECT pg_is_in_recovery() AS is_standby");
      if (row?.["is_standby"] !== false) throw new Error(`${member.name} is a standby.`);
      return member;
    });
    return Promise.any(asked);
  }

  /** Waits until all members run, with a primary and a synchronous standby. */
  async whole(): Promise<void> {
    await eventually(async () => {
      const primary = await this.primary();
      const rows = await this.sql(primary, "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'");
      const isSafe = rows.some((row) => row["sync_state"] === "sync");
      if (rows.length < this.members.length - 1 || !isSafe) throw new Error(`Standbys: ${JSON.stringify(rows)}`);
    }, 90_000);
  }

  /** On this member, as the superuser. */
  async sql(member: PatroniMember, statement: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const { username: user, password } = superuser;
    const place = { host: "127.0.0.1", port: member.port, database: "postgres" };
    const client = new pg.Client({ ...place, user, password, connectionTimeoutMillis: 1_000 });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => this.kill(member).catch(() => {})));
    await this.#etcd.run.stop("SIGKILL");
  }

  #configuration({ name, port, restPort, data }: PatroniMember): unknown {
    const rest = `127.0.0.1:${restPort}`;
    const place = `127.0.0.1:${port}`;
    const sockets = path.dirname(data);
    const replication = { username: "replicator", password: "secret" };
    return {
      scope: "shared-store",
      name,
      restapi: { listen: rest, connect_address: rest },
      etcd: { hosts: [new URL(this.#etcd.origin).host] },
      bootstrap: {
        dcs: {
          ...times,
          primary_start_timeout: 0,
          maximum_lag_on_failover: 1_048_576,
          check_timeline: true,
          synchronous_mode: true,
          synchronous_mode_strict: true,
          synchronous_node_count: 1,
          failsafe_mode: true,
          postgresql: { use_pg_rewind: true, use_slots: true, parameters },
        },
        initdb: [{ encoding: "UTF8" }, { locale: "C" }, "data-checksums", "no-sync"],
        pg_hba: ["host replication replicator 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256"],
      },
      postgresql: {
        listen: place,
        connect_address: place,
        data_dir: data,
        bin_dir: installedFolder(),
        pgpass: `${data}.pgpass`,
        authentication: { superuser, replication, rewind: superuser },
        basebackup: [{ checkpoint: "fast" }, "no-sync"],
        parameters: { unix_socket_directories: sockets },
      },
    };
  }
}
