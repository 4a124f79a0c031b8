/** The servers of a shared registry, as scenarios hurt them. */
import { etcdPath, startEtcd } from "../support/etcd.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";

export interface RegistryEngine {
  readonly port: number;
  /** For `--registry`, over a line that begins at this port. */
  place(port: number): string;
  /** It is suspended, and continues. */
  pause(): Promise<void>;
  goOn(): Promise<void>;
  kill(): Promise<void>;
  /** Starts it again on its data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** One whose data an older copy can replace. */
export interface RewoundEngine extends RegistryEngine {
  keepCopy(): Promise<void>;
  /** As it was when the copy was made; it is down for a moment. */
  fallBack(): Promise<void>;
}

export const registryPassword = "secret";

export const engines = [
  ["PostgreSQL", hasPostgres, startPostgres],
  ["etcd", etcdPath !== undefined, startOneEtcd],
] as const;

export async function startPostgres(): Promise<RewoundEngine> {
  const server = await PostgresServer.start();
  return {
    port: server.port,
    place: (port) => `postgres://sg@127.0.0.1:${port}/postgres`,
    pause: () => server.signal("SIGSTOP"),
    goOn: () => server.signal("SIGCONT"),
    kill: () => server.signal("SIGKILL"),
    restart: () => server.restart(),
    stop: () => server.stop(),
    async keepCopy() {
      await server.stop();
      await server.keepCopy();
      await server.restart();
    },
    async fallBack() {
      await server.signal("SIGKILL");
      await server.takeCopy();
      await server.restart();
    },
  };
}

async function startOneEtcd(): Promise<RegistryEngine> {
  const [member] = await startEtcd();
  if (member === undefined) throw new Error("etcd has no member.");
  let { run } = member;
  return {
    port: Number(new URL(member.origin).port),
    place: (port) => `etcd://127.0.0.1:${port}/`,
    pause: async () => void run.child.kill("SIGSTOP"),
    goOn: async () => void run.child.kill("SIGCONT"),
    kill: async () => void (await run.stop("SIGKILL")),
    restart: async () => void (run = run.again()),
    stop: async () => void (await run.stop("SIGKILL")),
  };
}
