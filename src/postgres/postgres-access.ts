/** Where a PostgreSQL cluster is, and with which credentials a process connects to it. */
import type { TlsSource } from "../tls/tls-source.js";

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

/** The host as messages name it. */
export function placeOf({ host, port }: PostgresHost): string {
  return `${host}:${port}`;
}
