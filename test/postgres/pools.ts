/** Pools for tests, which are closed when the file's tests are over, and servers that only the protocol's errors know. */
import { createServer, type AddressInfo } from "node:net";
import { afterAll } from "vitest";
import { systemClock } from "../../src/cli/environment/system-clock.js";
import type { PostgresHost } from "../../src/postgres/postgres-access.js";
import { PrimaryPool, type PrimaryPoolOptions } from "../../src/postgres/primary-pool.js";
import type { PostgresServer } from "../support/postgres.js";

/** Longer than anything takes that works, also on a busy machine. */
export const patientCallMs = 20_000;

export function hostOf({ port }: Pick<PostgresServer, "port">): PostgresHost {
  return { host: "127.0.0.1", port };
}

/** Opens pools to the hosts, as the servers' superuser, and closes them after the file's tests. */
export function poolOpener(): (
  hosts: readonly Pick<PostgresServer, "port">[],
  more?: Partial<PrimaryPoolOptions>,
) => PrimaryPool {
  const opened: PrimaryPool[] = [];
  afterAll(async () => {
    for (const pool of opened) await pool.close();
  });
  return (hosts, more = {}) => {
    const pool = new PrimaryPool({
      hosts: hosts.map(hostOf),
      database: "postgres",
      user: "sg",
      password: async () => "secret",
      tls: null,
      connections: 2,
      callMs: patientCallMs,
      clock: systemClock,
      ...more,
    });
    opened.push(pool);
    return pool;
  };
}

/** A server that refuses every log-in with this error. */
export async function startRefusingServer(sqlState: string, message: string): Promise<RefusingServer> {
  const fields = `SFATAL\0VFATAL\0C${sqlState}\0M${message}\0\0`;
  const answer = Buffer.alloc(5 + Buffer.byteLength(fields));
  answer.write("E");
  answer.writeInt32BE(answer.length - 1, 1);
  answer.write(fields, 5);
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export interface RefusingServer {
  readonly port: number;
  close(): Promise<void>;
}
